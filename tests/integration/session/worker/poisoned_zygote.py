"""A zygote whose workers ask the library for every event, also for those it cannot encode: its loop ends at the first
receipt of a type it does not know, as it would at an event nobody has met yet."""

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
