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
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.ipc_writer import IpcWriter
from services.session.worker.library.ack_delay_proxy import AckDelayProxy
from services.session.worker.library.client_lock import NativeClientLock
from services.session.worker.library.neonize_client import NeonizeClient
from services.session.worker.library.whatsapp_port import ClientListener, WhatsAppClient
from services.session.worker.number_lookup_worker import lookup_failed
from services.session.worker.presence_worker import NOT_CONNECTED_ERROR
from services.session.worker.threads import start_thread

QUIT_GRACE_S, ORPHAN_GRACE_S = 20.0, 5.0
"""Seconds to close the connections when asked to quit, and when the supervisor is gone."""

THREAD_SWITCH_INTERVAL_S = 0.0005
"""Seconds after which a busy thread makes way for a callback of the library."""

log = logging.getLogger(__name__)


class WorkerProcess:
    """The instances of one process, by what the supervisor asks."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._writer, self._client_lock, self._ack_delay_proxy = (
            connection,
            IpcWriter(connection),
            NativeClientLock(),
            AckDelayProxy(),
        )
        self._ack_delay_proxy.start()
        self._lock = threading.Lock()
        self._instance_threads: list[InstanceThread] = []

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
                    self._request_presence(wish)
                case LookUpNumber() as asked:
                    self._look_up_number(asked)
                case EventsConfirmed(instance_id=instance_id, sequence=sequence):
                    for instance in self._threads_of(instance_id):
                        instance.confirm(sequence)
                case Quit():
                    self._close_all(QUIT_GRACE_S, hurry=False)
                    return
        log.warning("the supervisor is gone; closing every connection")
        self._close_all(ORPHAN_GRACE_S, hurry=True)

    def _start(self, start: Start) -> None:
        """A second Start of an account replaces the first: it waits for the account's lock."""
        for instance in self._threads_of(start.instance_id):
            instance.supersede()
        instance = InstanceThread(start, self._create_client, self._writer.put, self._remove)
        with self._lock:
            self._instance_threads.append(instance)
        instance.start()

    def _stop(self, instance_id: str, logout: bool) -> None:
        living = self._threads_of(instance_id)
        for instance in living:
            instance.stop(logout=logout)
        if not living:
            self._writer.put(ConnectionUpdate(instance_id=instance_id, event="stopped"))

    def _send(self, send: Send) -> None:
        if living := self._threads_of(send.instance_id):
            living[-1].send(send)
        else:
            self._writer.put(send_results.failed(send, "not_connected", "the account is not connected to WhatsApp"))

    def _request_presence(self, wish: SendPresence | SendReadReceipts) -> None:
        if living := self._threads_of(wish.instance_id):
            living[-1].request_presence(wish)
        elif isinstance(wish, SendReadReceipts):
            self._writer.put(
                ReadReceiptsResult(instance_id=wish.instance_id, call_id=wish.call_id, error=NOT_CONNECTED_ERROR)
            )

    def _look_up_number(self, asked: LookUpNumber) -> None:
        if living := self._threads_of(asked.instance_id):
            living[-1].look_up_number(asked)
        else:
            self._writer.put(lookup_failed(asked, "the account is not connected to WhatsApp"))

    def _threads_of(self, instance_id: str) -> list[InstanceThread]:
        with self._lock:
            return [instance for instance in self._instance_threads if instance.instance_id == instance_id]

    def _remove(self, instance: InstanceThread) -> None:
        with self._lock:
            self._instance_threads.remove(instance)

    def _create_client(self, start: Start, listener: ClientListener) -> WhatsAppClient:
        return NeonizeClient(
            Path(start.directory), partial(self._ack_delay_proxy.proxy_url, start.proxy), self._client_lock, listener
        )

    def _close_all(self, grace: float, *, hurry: bool) -> None:
        end = time.monotonic() + grace
        with self._lock:
            instances = list(self._instance_threads)
        for instance in instances:
            instance.stop(hurry=hurry)
        start_thread("last-words", self._read_confirmations)
        for instance in instances:
            instance.thread.join(max(0.0, end - time.monotonic()))
        self._writer.close(max(0.1, end - time.monotonic()))

    def _read_confirmations(self) -> None:
        """While closing, only the confirmations of the last entries matter."""
        while (body := receive_frame(self._connection)) is not None:
            match TO_WORKER.validate_json(body):
                case EventsConfirmed(instance_id=instance_id, sequence=sequence):
                    for instance in self._threads_of(instance_id):
                        instance.confirm(sequence)


def run(connection: socket.socket) -> None:
    """The life of a forked worker; never returns. The interpreter cannot end normally: threads of abandoned
    pairings stay inside the library for ever."""
    status = 1
    sys.setswitchinterval(THREAD_SWITCH_INTERVAL_S)
    try:
        if root := os.environ.get(NOISE_ROOT_VARIABLE):
            trust_noise_root(bytes.fromhex(root))
        WorkerProcess(connection).serve()
        status = 0
    except BaseException:
        log.exception("the worker failed")
    finally:
        os._exit(status)
