"""Which ports are free, and who holds the others."""

import socket
from collections.abc import Iterable

import psutil

from deploy.local.process_specs import PORTS


class PortTaken(RuntimeError):
    """Says which port, who has it, and what to do."""


def is_free(port: int) -> bool:
    """Nobody listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(ports: Iterable[int]) -> None:
    """Raises PortTaken for the first that is in use."""
    for port in ports:
        if not is_free(port):
            raise PortTaken(f"port {port} is taken by {_holder(port)}: stop it, or choose other ports with --port N")


def free_run() -> int:
    """The first of PORTS free ports in a row, below the range the system gives to outgoing connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        start = 10_000 + probe.getsockname()[1] % 20_000
    for first in range(start, start + 2_000, PORTS):
        if all(is_free(port) for port in range(first, first + PORTS)):
            return first
    raise PortTaken(f"no {PORTS} free ports in a row from {start} on: give some with --port N")


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "a process of another user"
