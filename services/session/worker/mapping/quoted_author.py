"""The author of the message that another message quotes, reacts to, edits or revokes. Pure."""

from services.session.worker.mapping.message_fields import WRAPPER_FIELDS
from services.session.worker.mapping.protobufs import ContentProtobuf

_MAX_WRAPPER_DEPTH = 8
"""A stranger decides how many wrappers are inside each other."""


def quoted_author(message: ContentProtobuf) -> str | None:
    """The author's JID as a `waE2E.Message` gives it. None: it gives none, which is usual in one-to-one chats for
    reactions, edits and revokes."""
    for _ in range(_MAX_WRAPPER_DEPTH):
        names = [field.name for field, _ in message.ListFields()]
        wrapper = next((name for name in names if name in WRAPPER_FIELDS), None)
        if wrapper is None:
            return next((author for name in names if (author := _author_in_part(getattr(message, name)))), None)
        message = getattr(message, wrapper).message
    return None


def _author_in_part(part: ContentProtobuf) -> str | None:
    """Quotes have the author in `contextInfo`; reactions, edits and revokes in `key`."""
    context, key = getattr(part, "contextInfo", None), getattr(part, "key", None)
    return getattr(context, "participant", None) or getattr(key, "participant", None) or None
