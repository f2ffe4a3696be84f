"""Threads of a worker process: each is started here, so that none ends without being noticed."""

import threading
from collections.abc import Callable

from shared.platform.background import note_failure


def start_thread(
    name: str, work: Callable[[], None], failed: Callable[[Exception], None] = lambda _: None
) -> threading.Thread:
    """An error is written down, and `failed` does what its owner must do without the thread."""

    def run() -> None:
        try:
            work()
        except Exception as error:
            note_failure(f"thread {name}", error)
            failed(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
