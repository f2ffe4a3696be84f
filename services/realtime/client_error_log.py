"""Log lines that clients can cause: at most one a minute per address and kind, and without a traceback."""

import logging
import time
from collections import OrderedDict

LOG_PERIOD_S = 60.0
"""In this time a kind of line is written once for an address."""
MAX_TRACKED_KINDS = 1_000
MAX_LINES_PER_PERIOD = 60
"""Over all addresses and kinds."""

log = logging.getLogger("services.realtime")


class ClientErrorLog:
    """`library_logger` is for Socket.IO and Engine.IO, which log a traceback for every malformed packet."""

    def __init__(self) -> None:
        self._last_written: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._period_start, self._lines = 0.0, 0
        self.library_logger = logging.Logger("services.realtime.library", logging.ERROR)
        self.library_logger.parent = logging.getLogger("services.realtime")
        self.library_logger.addFilter(self._sanitize)

    def warn(self, kind: str, address: str, text: str) -> None:
        """`text` must contain nothing that the client sent."""
        if self._should_log((kind, address)):
            log.warning("%s: %s; further lines of this kind are suppressed for a minute", address, text)

    def log_failure(self, text: str, error: BaseException) -> None:
        """An error of this service, with its traceback."""
        if self._should_log((text, type(error).__name__), always=True):
            log.error("%s", text, exc_info=error)

    def _sanitize(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            record.msg, record.args = f"{record.getMessage()}: {type(error).__name__}", ()
            record.exc_info = record.exc_text = None
        text = "".join(letter if letter.isprintable() else "?" for letter in record.getMessage()[:200])
        record.msg, record.args = text, ()
        return self._should_log(("library", text[:20]))

    def _should_log(self, key: tuple[str, str], always: bool = False) -> bool:
        """`always`: also when MAX_LINES_PER_PERIOD are written."""
        now = time.monotonic()
        if now - self._period_start >= LOG_PERIOD_S:
            self._period_start, self._lines = now, 0
        last = self._last_written.get(key)
        if (self._lines >= MAX_LINES_PER_PERIOD and not always) or (last is not None and now - last < LOG_PERIOD_S):
            return False
        self._lines += 1
        self._last_written[key] = now
        self._last_written.move_to_end(key)
        while len(self._last_written) > MAX_TRACKED_KINDS:
            self._last_written.popitem(last=False)
        return True
