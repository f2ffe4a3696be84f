"""A message as MongoDB stores it: the fields of `MessageRecord`, and those that only the router knows.

A typed dictionary: a rule reads what it needs from the document as it is; `MessageRecord` is made of it where a whole
record is needed.
"""

from datetime import datetime
from typing import Literal, NotRequired, TypedDict

from shared.contracts.message_type import MessageType
from shared.contracts.records import MessageStatus


class StoredEdit(TypedDict):
    """`id`: of the event. `unreadable`: the text of this edit is not known."""

    id: str
    at: datetime
    timestamp: datetime
    text: str | None
    unreadable: NotRequired[bool]


class StoredStatusStep(TypedDict):
    status: MessageStatus
    at: datetime
    error: NotRequired[str]


class StoredMessage(TypedDict):
    """A document of `messages`, with the fields that are read without a record; docs/architecture.md says what they
    mean. Those of an earlier version may lack all that are not required."""

    _id: str
    organization_id: str
    instance_id: str
    wa_id: NotRequired[str | None]
    direction: Literal["inbound", "outbound"]
    group: NotRequired[str | None]
    from_address: str
    to_address: str
    other_party: NotRequired[list[str] | None]
    type: MessageType
    text: NotRequired[str | None]
    timestamp: datetime
    status: MessageStatus
    history: NotRequired[list[StoredStatusStep]]
    edits: NotRequired[list[StoredEdit]]
    original_text: NotRequired[str | None]
    quoted_message_id: NotRequired[str | None]
    revoked_at: NotRequired[datetime | None]
    revision: NotRequired[int]
    search_terms: NotRequired[list[str]]
    fingerprint: NotRequired[str]
    expires_at: NotRequired[datetime]
    command_id: NotRequired[str]


class MessageChanges(TypedDict, total=False):
    """Fields of a message that a change of its content sets. `media`: the fields of `Media`."""

    type: MessageType
    text: str | None
    original_text: str | None
    media: dict[str, object] | None
    edits: list[StoredEdit]
    edited_at: datetime
    edit_unreadable: bool
    revoked_at: datetime
    revoked_by: str | None
    quoted_wa_id: str | None
    quoted_message_id: str | None
    quote_found_later: bool
    booking_id: str | None
