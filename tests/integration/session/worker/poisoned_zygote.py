"""A zygote whose workers subscribe to every event, also to those that the library cannot encode: its loop ends at the
first receipt of an unknown type, as it would at an event that nobody knows yet."""

import socket
from typing import Any

from services.session.worker import zygote

run_worker = zygote.Zygote._run_worker


def _subscribe_to_everything(self: Any, connection: socket.socket) -> None:
    from services.session.worker.library import neonize_loop

    neonize_loop.SUBSCRIBED_EVENTS[:] = range(46)
    run_worker(self, connection)


if __name__ == "__main__":
    zygote.Zygote._run_worker = _subscribe_to_everything  # type: ignore[method-assign]
    zygote.main()
