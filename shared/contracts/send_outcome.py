"""What became of a text that the session service was asked to send, as the collection `sends` stores it."""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict


class SendOutcome(TypedDict):
    """accepted: with `wa_id` and `timestamp`. failed: with `code` and `detail`; the text did not go out. unconfirmed:
    it may have gone out."""

    outcome: Literal["accepted", "failed", "unconfirmed"]
    wa_id: NotRequired[str | None]
    timestamp: NotRequired[datetime | None]
    code: NotRequired[str | None]
    detail: NotRequired[str | None]


TEXT_TOO_LATE_CODE = "too_late"
TEXT_TOO_LATE_DETAIL = (
    "the text waited longer than its sender allowed and was not sent; send it again if it is still true"
)
TEXT_TOO_LATE: SendOutcome = {"outcome": "failed", "code": TEXT_TOO_LATE_CODE, "detail": TEXT_TOO_LATE_DETAIL}
"""Of an expired text; stored by the service that notices it first."""
