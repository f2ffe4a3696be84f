"""`python -m services.session.worker.zygote <fd>`: forks workers for the supervisor at the other end of <fd>.

One zygote per network: Go copies its environment at exec, so the supervisor sets what a network needs there when it
starts the zygote. Zygote and workers run until their sockets close, and ignore the signals that stop the supervisor.
"""

import logging
import os
import resource
import select
import signal
import socket
import sys

from services.session.ipc.framing import pack
from services.session.ipc.messages import Fork, Forked, Frame, WorkerExited
from services.session.private_files import set_private_umask
from services.session.worker.preload import preload
from shared.platform.logs import configure_logging
from shared.platform.settings import Settings

_LENGTH_BYTES = 4
log = logging.getLogger(__name__)


class Zygote:
    """Has a single thread, because a fork copies only the thread that forks."""

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._workers: dict[int, str] = {}
        """Names of the workers by process id."""
        self._exit_signals, self._exit_signal_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def serve(self) -> None:
        """Until the supervisor's end of the socket closes. In a forked worker this never returns."""
        signal.set_wakeup_fd(self._exit_signal_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            ready, _, _ = select.select([self._supervisor.fileno(), self._exit_signals], [], [])
            if self._exit_signals in ready:
                os.read(self._exit_signals, 4096)
                self._report_exited()
            if self._supervisor.fileno() in ready and not self._handle_fork():
                return

    def _handle_fork(self) -> bool:
        """Handle one Fork frame; False when the supervisor has closed the socket."""
        length, descriptors, _, _ = socket.recv_fds(self._supervisor, _LENGTH_BYTES, 1)
        if not length:
            return False
        length += _read_exactly(self._supervisor, _LENGTH_BYTES - len(length))
        request = Fork.model_validate_json(_read_exactly(self._supervisor, int.from_bytes(length)))
        if len(descriptors) != 1:
            raise ValueError("the Fork frame has no socket for its worker")
        pid = os.fork()
        if pid == 0:
            self._run_worker(socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])
        self._workers[pid] = request.worker
        self._send(Forked(call_id=request.call_id, pid=pid))
        return True

    def _run_worker(self, connection: socket.socket) -> None:
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._supervisor.close()
            os.close(self._exit_signals)
            os.close(self._exit_signal_writer)
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the library prints; our logs go to stderr
            from services.session.worker import process  # loads the native library, which must not be forked

            process.run(connection)
        except BaseException:
            log.exception("the worker could not start")
        finally:
            os._exit(1)

    def _report_exited(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._send(WorkerExited(worker=self._workers.pop(pid), status=os.waitstatus_to_exitcode(status)))

    def _send(self, frame: Frame) -> None:
        self._supervisor.sendall(pack(frame))


def _read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        received = connection.recv(size - len(data))
        if not received:
            raise ConnectionError("the socket closed in the middle of a frame")
        data += received
    return data


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    set_private_umask()
    settings = Settings()
    configure_logging("session", settings.log_level, settings.log_format)
    for library_log in ("whatsmeow", "Whatsmeow"):
        logging.getLogger(library_log).setLevel(logging.WARNING)
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard_limit, hard_limit))  # per account: store 4 files, journal 3
    preload()
    try:
        Zygote(socket.socket(fileno=int(sys.argv[1]))).serve()
    except ConnectionError:
        log.info("the supervisor has closed the socket")


if __name__ == "__main__":
    main()
