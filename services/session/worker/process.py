"""A worker process: runs the instances that the supervisor assigns to it, and ends when its socket closes."""

import logging
import os
import socket
import sys
import threading
import time
from functools import partial
from pathlib import Path

from services.session.ipc.environment import NOISE_ROOT_VARIABLE
from services.session.ipc.framing import receive_frame
from services.session.ipc.messages import (
    TO_WORKER,
    ConnectionUpdate,
    EventsConfirmed,
    LookUpNumber,
    Quit,
    Send,
    SendPresence,
    SendReadReceipts,
    Start,
    Stop,
)
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.ipc_writer import IpcWriter
from services.session.worker.library.ack_delay_proxy import AckDelayProxy
from services.session.worker.library.client_lock import NativeClientLock
from services.session.worker.library.neonize_client import NeonizeClient
from services.session.worker.library.noise_root import trust_noise_root
from services.session.worker.library.whatsapp_port import ClientListener, WhatsAppClient
from services.session.worker.not_connected import ClientRequest, not_connected_result
from services.session.worker.threads import start_thread

QUIT_GRACE_S = 20.0
"""How long connections may take to close after Quit."""
ORPHAN_GRACE_S = 5.0
"""The same when the supervisor has ended."""
THREAD_SWITCH_INTERVAL_S = 0.0005
"""After this time a busy thread gives way to a callback of the library."""

log = logging.getLogger(__name__)


class WorkerProcess:
    """Reads frames of the supervisor and passes each to the thread of its instance."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._writer = IpcWriter(connection)
        self._client_lock = NativeClientLock()
        self._ack_delay_proxy = AckDelayProxy()
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
                case Send() | SendPresence() | SendReadReceipts() | LookUpNumber() as request:
                    self._handle(request)
                case EventsConfirmed() as confirmed:
                    self._confirm(confirmed)
                case Quit():
                    self._close_all(QUIT_GRACE_S, supervisor_gone=False)
                    return
        log.warning("the supervisor has closed the socket; closing every connection")
        self._close_all(ORPHAN_GRACE_S, supervisor_gone=True)

    def _start(self, start: Start) -> None:
        """A second Start of an instance replaces the first one: it waits for the account's lock."""
        for instance in self._threads_of(start.instance_id):
            instance.supersede()
        instance = InstanceThread(start, self._create_client, self._writer.put, self._remove)
        with self._lock:
            self._instance_threads.append(instance)
        instance.start()

    def _stop(self, instance_id: str, logout: bool) -> None:
        instances = self._threads_of(instance_id)
        for instance in instances:
            instance.stop(logout=logout)
        if not instances:
            self._writer.put(ConnectionUpdate(instance_id=instance_id, event="stopped"))

    def _handle(self, request: ClientRequest) -> None:
        if instances := self._threads_of(request.instance_id):
            instances[-1].handle(request)
        elif result := not_connected_result(request):
            self._writer.put(result)

    def _confirm(self, confirmed: EventsConfirmed) -> None:
        for instance in self._threads_of(confirmed.instance_id):
            instance.confirm(confirmed.sequence)

    def _threads_of(self, instance_id: str) -> list[InstanceThread]:
        """More than one while a superseded thread closes; the newest is the last."""
        with self._lock:
            return [instance for instance in self._instance_threads if instance.instance_id == instance_id]

    def _remove(self, instance: InstanceThread) -> None:
        with self._lock:
            self._instance_threads.remove(instance)

    def _create_client(self, start: Start, listener: ClientListener) -> WhatsAppClient:
        proxy_for = partial(self._ack_delay_proxy.proxy_url, start.proxy)
        return NeonizeClient(Path(start.directory), proxy_for, self._client_lock, listener)

    def _close_all(self, grace_s: float, *, supervisor_gone: bool) -> None:
        deadline = time.monotonic() + grace_s
        with self._lock:
            instances = list(self._instance_threads)
        for instance in instances:
            instance.stop(supervisor_gone=supervisor_gone)
        start_thread("confirmations", self._read_confirmations)
        for instance in instances:
            instance.thread.join(max(0.0, deadline - time.monotonic()))
        self._writer.close(max(0.1, deadline - time.monotonic()))

    def _read_confirmations(self) -> None:
        """While the instances close, every other frame is ignored."""
        while (body := receive_frame(self._connection)) is not None:
            match TO_WORKER.validate_json(body):
                case EventsConfirmed() as confirmed:
                    self._confirm(confirmed)


def run(connection: socket.socket) -> None:
    """Runs a forked worker; never returns. The interpreter cannot end normally, because threads of abandoned pairings
    stay inside the library forever."""
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
