"""Changes of a message's content: its author edits or revokes it, or a readable copy replaces a placeholder.

Commutative and idempotent: the same changes in any order, and repeated, give the same document. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.router.rules.classification import PLACEHOLDER_TYPES
from services.router.rules.stored_message import MessageChanges, StoredEdit, StoredMessage
from shared.contracts.records import MessageRecord

MAX_EDITS = 20
"""Edits kept of one message, the newest ones, besides the original text. Senders may edit any number of times."""


@dataclass(frozen=True)
class MessageChange:
    """`id`: of the event. `at` orders the edits of a message; `timestamp` is WhatsApp's, to be shown."""

    id: str
    kind: Literal["edited", "revoked"]
    at: datetime
    timestamp: datetime
    text: str | None = None
    unreadable: bool = False
    """An edit whose text is not known."""
    by: str | None = None
    """Address of the admin who revoked what another wrote."""


def revised_fields(message: StoredMessage, change: MessageChange) -> MessageChanges:
    """The fields of the stored message to set; empty when it has the change already."""
    if change.kind == "revoked":
        return {} if message.get("revoked_at") else {"revoked_at": change.timestamp, "revoked_by": change.by}
    edits = message.get("edits", [])
    if any(edit["id"] == change.id for edit in edits):
        return {}
    edit: StoredEdit = {"id": change.id, "at": change.at, "timestamp": change.timestamp, "text": change.text}
    if change.unreadable:
        edit["unreadable"] = True
    kept = sorted([*edits, edit], key=lambda one: (one["at"], one["id"]))[-MAX_EDITS:]
    if kept == edits:
        return {}
    original = message["original_text"] if edits else message.get("text")
    return {
        "edits": kept,
        "original_text": original,
        "text": _text(original, kept),
        "edited_at": kept[-1]["timestamp"],
        "edit_unreadable": kept[-1].get("unreadable", False),
    }


def _text(original: str | None, edits: Sequence[StoredEdit]) -> str | None:
    """The newest readable text."""
    known = [edit["text"] for edit in edits if not edit.get("unreadable")]
    return known[-1] if known else original


def revealed_fields(placeholder: StoredMessage, readable: MessageRecord) -> MessageChanges:
    """The same for a readable copy, which keeps the placeholder's order key. Edits that arrived before it are newer."""
    if placeholder["type"] not in PLACEHOLDER_TYPES:
        return {}
    content: MessageChanges = {
        "type": readable.type,
        "text": readable.text,
        "media": readable.media.model_dump() if readable.media else None,
        "quoted_wa_id": readable.quoted_wa_id,
        "quoted_message_id": readable.quoted_message_id,
        "booking_id": readable.booking_id,
    }
    if edits := placeholder.get("edits"):
        content["original_text"] = readable.text
        content["text"] = _text(readable.text, edits)
    return content
