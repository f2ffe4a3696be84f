"""Finds free ports, and the process that listens on a taken one."""

import socket
from collections.abc import Iterable

import psutil

from deploy.local.process_specs import PORT_COUNT


class PortTaken(RuntimeError):
    """The message names the port, the process that listens on it, and what to do."""


def is_free(port: int) -> bool:
    """True when nothing listens on this loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free(ports: Iterable[int]) -> None:
    """Raises PortTaken for the first port that is in use."""
    for port in ports:
        if not is_free(port):
            raise PortTaken(
                f"port {port} is taken by {_port_owner(port)}: stop it, or choose other ports with --port N"
            )


def free_port_range() -> int:
    """The first of PORT_COUNT free ports in a row, below the range the system gives to outgoing connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        start = 10_000 + probe.getsockname()[1] % 20_000
    for first in range(start, start + 2_000, PORT_COUNT):
        if all(is_free(port) for port in range(first, first + PORT_COUNT)):
            return first
    raise PortTaken(f"no {PORT_COUNT} free ports in a row from {start} on: give some with --port N")


def _port_owner(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "a process of another user"
