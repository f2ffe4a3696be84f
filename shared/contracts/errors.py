"""Everything that can go wrong on purpose.

SwitchboardError
├── Problem(status, code, detail)   an answer to a caller: HTTP problem, socket error, CommandRefused
└── delivery of a message
    ├── Retry                       may succeed later: redelivered after 1, 5, 15, 60, 300 s
    └── Reject                      never will: goes to WA_DEAD with the reason
"""


class SwitchboardError(Exception):
    """Base of all errors raised on purpose."""


class Problem(SwitchboardError):
    """A refusal with an HTTP status, a stable machine code and a sentence saying what to do."""

    def __init__(self, status: int, code: str, detail: str, **extra: object) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.extra = status, code, detail, extra


class Retry(SwitchboardError):
    """The handler could not finish now; deliver the message again later."""


class Reject(SwitchboardError):
    """The message can never be handled; keep it in WA_DEAD with this reason."""
