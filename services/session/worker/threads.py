"""Starts the threads of a worker process, so that the failure of none goes unnoticed."""

import threading
from collections.abc import Callable

from shared.platform.background import log_failure


def start_thread(
    name: str, work: Callable[[], None], on_failed: Callable[[Exception], None] = lambda _: None
) -> threading.Thread:
    """When `work` raises, the error is logged and counted, and `on_failed` is called with it."""

    def run() -> None:
        try:
            work()
        except Exception as error:
            log_failure(f"thread {name}", error)
            on_failed(error)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread
