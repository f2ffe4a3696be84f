"""One log line per fact, as JSON or for a console, with phone numbers masked whoever wrote the line."""

import json
import logging
import re
from collections import Counter
from datetime import UTC, datetime

from shared.contracts.ids import mask_phone
from shared.contracts.request_id import current_request

_SECRET = re.compile(r"""(?P<query>\?)[^\s"'?]*=[^\s"']*|(?P<key>sbk_)[\w-]+|(?P<jwt>eyJ)[\w-]+\.[\w-]*(?:\.[\w-]*)?""")
"""The query of an address, an API key, an access token."""
_PHONE = re.compile(r"(?<![\w.])\+?\d{9,15}(?![\w.])")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def masked(text: str) -> str:
    """Queries of addresses, API keys and access tokens are left out; every run of 9 to 15 digits that stands alone
    loses all but its last three digits."""
    shown = _SECRET.sub(lambda found: f"{found['query'] or found['key'] or found['jwt']}…", text)
    return _PHONE.sub(lambda found: mask_phone(found.group()), shown)


class LineFormatter(logging.Formatter):
    """`service` names the writer; `extra={...}` of a log call becomes fields."""

    def __init__(self, service: str, style: str) -> None:
        super().__init__()
        self._service, self._json = service, style == "json"

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if request_id := current_request():
            fields.setdefault("request_id", request_id)
        text = masked(record.getMessage())
        trace = masked(self.formatException(record.exc_info)) if record.exc_info else ""
        if not self._json:
            shown = " ".join(f"{key}={masked(str(value))}" for key, value in fields.items())
            line = f"{at[11:23]} {record.levelname[0]} {self._service:8} {text} {shown}".rstrip()
            return f"{line}\n{trace}" if trace else line
        entry: dict[str, object] = {"at": at, "level": record.levelname, "service": self._service, "message": text}
        entry |= {key: masked(str(value)) for key, value in fields.items()}
        return json.dumps(entry | ({"trace": trace} if trace else {}), ensure_ascii=False)


class LibraryLines(logging.Filter):
    """What libraries write about single connections: a line per accepted WebSocket, which names its address with the
    query, is left out, and of each other text only so many lines a minute are written, as strangers cause them."""

    MOST = 20

    def __init__(self) -> None:
        super().__init__()
        self._minute, self._lines = 0, Counter[str]()

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        if record.levelno <= logging.INFO and "WebSocket" in text:
            return False
        minute = int(record.created // 60)
        if minute != self._minute:
            self._minute = minute
            self._lines.clear()
        self._lines[text[:80]] += 1
        return self._lines[text[:80]] <= self.MOST and len(self._lines) < 1_000


def configure_logging(service: str, level: str, style: str) -> None:
    """Route everything through one handler on stderr; chatty libraries only warn."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(service, style))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("uvicorn.access", "httpx", "pymongo", "nats", "faststream"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    wire = logging.getLogger("uvicorn.error")
    wire.setLevel(logging.INFO)  # below, every frame is written, those with tokens too
    wire.filters.clear()
    wire.addFilter(LibraryLines())
