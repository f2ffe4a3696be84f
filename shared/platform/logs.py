"""Log lines as JSON or for a console; phone numbers and secrets are masked, in lines of libraries too."""

import json
import logging
import re
from collections import Counter
from datetime import UTC, datetime

from shared.contracts.ids import mask_phone
from shared.contracts.request_id import current_request

_SECRET = re.compile(r"""(?P<query>\?)[^\s"'?]*=[^\s"']*|(?P<key>sbk_)[\w-]+|(?P<jwt>eyJ)[\w-]+\.[\w-]*(?:\.[\w-]*)?""")
"""The query of a URL, an API key, an access token."""
_PHONE = re.compile(r"(?<![\w.])\+?\d{9,15}(?![\w.])")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def masked(text: str) -> str:
    """Remove queries of URLs, API keys and access tokens; mask all but the last three digits of every number of 9 to 15
    digits."""
    without_secrets = _SECRET.sub(lambda match: f"{match['query'] or match['key'] or match['jwt']}…", text)
    return _PHONE.sub(lambda match: mask_phone(match.group()), without_secrets)


class LineFormatter(logging.Formatter):
    """`service`: the name in every line; `extra={...}` of a log call becomes fields."""

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


class LibraryLineLimiter(logging.Filter):
    """Drops uvicorn's line for each accepted WebSocket, which contains the query with its token, and limits the other
    lines about single connections, which unauthenticated clients can cause."""

    MAX_LINES_PER_MINUTE = 20
    """Of each text."""

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
        return self._lines[text[:80]] <= self.MAX_LINES_PER_MINUTE and len(self._lines) < 1_000


def configure_logging(service: str, level: str, style: str) -> None:
    """One handler on stderr for all loggers; some libraries log warnings and errors only."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(service, style))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in ("uvicorn.access", "httpx", "pymongo", "nats", "faststream"):
        logging.getLogger(library).setLevel(logging.WARNING)
    uvicorn_log = logging.getLogger("uvicorn.error")
    uvicorn_log.setLevel(logging.INFO)  # its debug lines contain every frame, with tokens
    uvicorn_log.filters.clear()
    uvicorn_log.addFilter(LibraryLineLimiter())
