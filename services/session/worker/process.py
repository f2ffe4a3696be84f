"""A worker process: reads what the supervisor asks, holds the instances, ends with its socket."""

import logging
import os
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path

from services.session.ipc.framing import receive_frame
from services.session.ipc.messages import (
    TO_WORKER,
    ConnectionUpdate,
    EventsConfirmed,
    LookUpNumber,
    Quit,
    ReadReceiptsResult,
    Send,
    SendPresence,
    SendReadReceipts,
    Start,
    Stop,
)
from services.session.simulated_network import NOISE_ROOT_VARIABLE, trust_noise_root
from services.session.worker import send_results
from services.session.worker.ack_delay_proxy import Relay
from services.session.worker.client_lock import Gate
from services.session.worker.instance_thread import Instance
from services.session.worker.ipc_writer import Outbox
from services.session.worker.neonize_client import NeonizeClient
from services.session.worker.number_lookup import unanswered
from services.session.worker.presence import NOT_CONNECTED
from services.session.worker.threads import start_thread
from services.session.worker.whatsapp_port import Listener, WhatsApp

QUIT_GRACE, ORPHAN_GRACE = 20.0, 5.0
"""Seconds to close the connections when asked to quit, and when the supervisor is gone."""

SWITCH = 0.0005
"""Seconds after which a busy thread makes way for a callback of the library."""

log = logging.getLogger(__name__)


class Worker:
    """The instances of one process, by what the supervisor asks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._outbox, self._gate, self._relay = connection, Outbox(connection), Gate(), Relay()
        self._relay.start()
        self._lock = threading.Lock()
        self._instances: list[Instance] = []

    def serve(self) -> None:
        """Until Quit, or until the supervisor's end of the socket closes."""
        while (body := receive_frame(self._connection)) is not None:
            match TO_WORKER.validate_json(body):
                case Start() as start:
                    self._start(start)
                case Stop(instance_id=instance_id, logout=logout):
                    self._stop(instance_id, logout)
                case Send() as send:
                    self._send(send)
                case SendPresence() | SendReadReceipts() as wish:
                    self._attend(wish)
                case LookUpNumber() as asked:
                    self._resolve(asked)
                case EventsConfirmed(instance_id=instance_id, sequence=sequence):
                    for instance in self._living(instance_id):
                        instance.published(sequence)
                case Quit():
                    self._finish(QUIT_GRACE, hurry=False)
                    return
        log.warning("the supervisor is gone; closing every connection")
        self._finish(ORPHAN_GRACE, hurry=True)

    def _start(self, start: Start) -> None:
        """A second Start of an account replaces the first: it waits for the account's lock."""
        for instance in self._living(start.instance_id):
            instance.give_way()
        instance = Instance(start, self._open, self._outbox.put, self._forget)
        with self._lock:
            self._instances.append(instance)
        instance.start()

    def _stop(self, instance_id: str, logout: bool) -> None:
        living = self._living(instance_id)
        for instance in living:
            instance.stop(logout=logout)
        if not living:
            self._outbox.put(ConnectionUpdate(instance_id=instance_id, event="stopped"))

    def _send(self, send: Send) -> None:
        if living := self._living(send.instance_id):
            living[-1].send(send)
        else:
            self._outbox.put(send_results.failed(send, "not_connected", "the account is not connected to WhatsApp"))

    def _attend(self, wish: SendPresence | SendReadReceipts) -> None:
        if living := self._living(wish.instance_id):
            living[-1].attend(wish)
        elif isinstance(wish, SendReadReceipts):
            self._outbox.put(
                ReadReceiptsResult(instance_id=wish.instance_id, call_id=wish.call_id, error=NOT_CONNECTED)
            )

    def _resolve(self, asked: LookUpNumber) -> None:
        if living := self._living(asked.instance_id):
            living[-1].resolve(asked)
        else:
            self._outbox.put(unanswered(asked, "the account is not connected to WhatsApp"))

    def _living(self, instance_id: str) -> list[Instance]:
        with self._lock:
            return [instance for instance in self._instances if instance.instance_id == instance_id]

    def _forget(self, instance: Instance) -> None:
        with self._lock:
            self._instances.remove(instance)

    def _open(self, start: Start, listener: Listener) -> WhatsApp:
        return NeonizeClient(Path(start.directory), partial(self._relay.through, start.proxy), self._gate, listener)

    def _finish(self, grace: float, *, hurry: bool) -> None:
        end = time.monotonic() + grace
        with self._lock:
            instances = list(self._instances)
        for instance in instances:
            instance.stop(hurry=hurry)
        start_thread("last-words", self._hear_published)
        for instance in instances:
            instance.thread.join(max(0.0, end - time.monotonic()))
        self._outbox.flush(max(0.1, end - time.monotonic()))

    def _hear_published(self) -> None:
        """While closing, only the confirmations of the last entries matter."""
        while (body := receive_frame(self._connection)) is not None:
            match TO_WORKER.validate_json(body):
                case EventsConfirmed(instance_id=instance_id, sequence=sequence):
                    for instance in self._living(instance_id):
                        instance.published(sequence)


def run(connection: socket.socket) -> None:
    """The life of a forked worker; never returns. The interpreter cannot end normally: threads of abandoned
    pairings stay inside the library for ever."""
    status = 1
    sys.setswitchinterval(SWITCH)
    try:
        if root := os.environ.get(NOISE_ROOT_VARIABLE):
            trust_noise_root(bytes.fromhex(root))
        Worker(connection).serve()
        status = 0
    except BaseException:
        log.exception("the worker failed")
    finally:
        os._exit(status)
