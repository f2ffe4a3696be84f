"""Who wrote the message that another one answers, reacts to, edits or revokes. Pure."""

from typing import Any

from services.session.worker.mapping.message_fields import WRAPPER_FIELDS

_MAX_WRAPPER_DEPTH = 8
"""Wrappers inside each other; a stranger decides how many there are."""


def quoted_author(message: Any) -> str | None:
    """The JID that a `waE2E.Message` names as the author of the message it is about; None: it names nobody, which in a
    one-to-one chat is usual for reactions, edits and revokes."""
    for _ in range(_MAX_WRAPPER_DEPTH):
        names = [field.name for field, _ in message.ListFields()]
        wrapper = next((name for name in names if name in WRAPPER_FIELDS), None)
        if wrapper is None:
            return next((author for name in names if (author := _author_in_part(getattr(message, name)))), None)
        message = getattr(message, wrapper).message
    return None


def _author_in_part(part: Any) -> str | None:
    """Answers carry a `contextInfo`, what is about a message without answering it a `key`."""
    context, key = getattr(part, "contextInfo", None), getattr(part, "key", None)
    return getattr(context, "participant", None) or getattr(key, "participant", None) or None
