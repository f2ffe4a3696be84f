"""Log lines about what strangers send: at most one a minute per address and kind, and never a traceback."""

import logging
import time
from collections import OrderedDict
from typing import Any

PERIOD = 60.0
"""Seconds in which a kind of line is written once for an address."""
_MAX_KEYS = 1_000
_MAX_LINES = 60
"""Lines in a period, over all addresses."""

log = logging.getLogger("services.realtime")


class Notes:
    """`library`: a logger for Socket.IO and Engine.IO, which write an exception with its traceback per bad packet."""

    def __init__(self) -> None:
        self._last: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._began, self._lines = 0.0, 0
        self.library = logging.Logger("services.realtime.library", logging.ERROR)
        self.library.parent = logging.getLogger("services.realtime")
        self.library.addFilter(self._shorten)

    def warn(self, kind: str, address: str, text: str) -> None:
        """`text` holds nothing of what the client sent."""
        if self._due((kind, address)):
            log.warning("%s: %s; further lines of this kind are left out for a minute", address, text)

    def failed(self, text: str, error: BaseException) -> None:
        """A fault of this service, with its traceback."""
        if self._due((text, type(error).__name__), always=True):
            log.error("%s", text, exc_info=error)

    def _shorten(self, record: logging.LogRecord) -> bool:
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            record.msg, record.args = f"{record.getMessage()}: {type(error).__name__}", ()
            record.exc_info = record.exc_text = None
        text = "".join(letter if letter.isprintable() else "?" for letter in record.getMessage()[:200])
        record.msg, record.args = text, ()
        return self._due(("library", text[:20]))

    def _due(self, key: tuple[Any, ...], always: bool = False) -> bool:
        """`always`: also when strangers caused as many lines as are written."""
        now = time.monotonic()
        if now - self._began >= PERIOD:
            self._began, self._lines = now, 0
        last = self._last.get(key)
        if (self._lines >= _MAX_LINES and not always) or (last is not None and now - last < PERIOD):
            return False
        self._lines += 1
        self._last[key] = now
        self._last.move_to_end(key)
        while len(self._last) > _MAX_KEYS:
            self._last.popitem(last=False)
        return True
