"""The errors that are raised on purpose.

SwitchboardError
├── Problem(status, code, detail)   an answer to a caller: HTTP problem, socket error, CommandRefused
└── delivery of a message
    ├── Retry                       may succeed later: redelivered after 1, 5, 15, 60, 300 s
    └── Reject                      never will: stored in WA_DEAD with the reason
"""

from http import HTTPStatus
from typing import Any


class SwitchboardError(Exception):
    """Base of all errors raised on purpose."""


class Problem(SwitchboardError):
    """A refusal with an HTTP status, a stable machine code and a sentence saying what to do."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.extra = extra


class Retry(SwitchboardError):
    """The handler could not finish now; deliver the message again later."""


class Reject(SwitchboardError):
    """The message can never be handled; keep it in WA_DEAD with this reason."""


def problem_body(problem: Problem, request_id: str) -> dict[str, Any]:
    """The JSON of a refusal: application/problem+json (RFC 9457), with `success` and `error` for earlier clients."""
    return {
        "type": f"urn:switchboard:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        "success": False,
        "error": problem.detail,
    } | problem.extra
