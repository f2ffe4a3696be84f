"""What stands in a WhatsApp message: kind, text, attachment, the message it answers. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from shared.bounded import MAX_ID, MAX_MIME_TYPE, bounded_file_name, bounded_line, bounded_text
from shared.records import Media


@dataclass(frozen=True)
class Content:
    """`type`: text, image, video, audio, document, sticker, location, contact, reaction, edit, revoke, poll, ... or
    the library's own name of a kind we do not know."""

    type: str
    text: str | None = None
    media: Media | None = None
    quoted_wa_id: str | None = None


_SILENT = frozenset(
    {
        "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "messageContextInfo",
        "protocolMessage", "stickerSyncRmrMessage", "placeholderMessage",
    }
)  # fmt: skip
"""Machinery that carries nothing a person wrote."""

WRAPPERS = frozenset(
    {
        "ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension", "editedMessage",
        "documentWithCaptionMessage", "groupMentionedMessage", "botInvokeMessage", "lottieStickerMessage",
    }
)  # fmt: skip

_MEDIA = {
    "imageMessage": "image", "videoMessage": "video", "ptvMessage": "video", "audioMessage": "audio",
    "documentMessage": "document", "stickerMessage": "sticker",
}  # fmt: skip

_TEXTS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "extendedTextMessage": ("text", lambda part: part.text),
    "contactMessage": ("contact", lambda part: part.displayName),
    "contactsArrayMessage": ("contact", lambda part: part.displayName),
    "locationMessage": ("location", lambda part: _place(part)),
    "liveLocationMessage": ("location", lambda part: _place(part)),
    "buttonsResponseMessage": ("button_reply", lambda part: part.selectedDisplayText),
    "templateButtonReplyMessage": ("button_reply", lambda part: part.selectedDisplayText),
    "listResponseMessage": ("list_reply", lambda part: part.title),
    "groupInviteMessage": ("group_invite", lambda part: part.groupName),
}


def content_of(message: Any) -> Content | str:
    """The content of a `waE2E.Message`, its strings bounded; a name when it holds nothing a person wrote."""
    content = _content_of(message)
    if isinstance(content, str):
        return content
    text = bounded_text(content.text) if content.text is not None else None
    return replace(content, text=text, quoted_wa_id=_usable_id(content.quoted_wa_id))


def _usable_id(wa_id: str | None) -> str | None:
    """An id that is cut would be another's: one that is too long names no message."""
    return wa_id if wa_id and len(wa_id) <= MAX_ID and wa_id.isprintable() else None


def _content_of(message: Any) -> Content | str:
    fields = [(field.name, value) for field, value in message.ListFields() if field.name not in _SILENT]
    if not fields:
        return _silent(message)
    name, value = fields[0]
    if name in WRAPPERS:
        return _content_of(value.message)
    if name == "conversation":
        return Content("text", value)
    if name == "reactionMessage":
        return Content("reaction", value.text or None, quoted_wa_id=value.key.ID or None)
    if name in _MEDIA:
        return Content(_MEDIA[name], _caption(value), _media(value), _quoted(value))
    if name.startswith("pollCreationMessage"):
        return Content("poll", getattr(value, "name", None) or None, quoted_wa_id=_quoted(value))
    kind, text = _TEXTS.get(name, (_plain_name(name), lambda _: ""))
    return Content(kind, text(value) or None, quoted_wa_id=_quoted(value))


def _silent(message: Any) -> Content | str:
    """Edits and revokes of earlier messages travel inside the machinery."""
    protocol = message.protocolMessage
    kinds = protocol.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number
    kind = kinds[protocol.type].name.lower() if message.HasField("protocolMessage") else "machinery"
    if kind != "message_edit":
        return kind
    corrected = _content_of(protocol.editedMessage)
    text = corrected.text if isinstance(corrected, Content) else None
    return Content("edit", text, quoted_wa_id=protocol.key.ID or None)


def _caption(part: Any) -> str | None:
    return getattr(part, "caption", None) or None


def _media(part: Any) -> Media:
    return Media(
        mime_type=bounded_line(part.mimetype, MAX_MIME_TYPE) or None,
        file_name=bounded_file_name(getattr(part, "fileName", "")) or None,
        size=part.fileLength or None,
        seconds=getattr(part, "seconds", None) or None,
    )


def _quoted(part: Any) -> str | None:
    context = getattr(part, "contextInfo", None)
    return (context.stanzaID or None) if context else None


def _place(part: Any) -> str:
    named = getattr(part, "name", "") or getattr(part, "caption", "")
    return f"{bounded_line(named)} ({part.degreesLatitude}, {part.degreesLongitude})".strip()


def _plain_name(field: str) -> str:
    """`orderMessage` → `order`, `eventInviteMessage` → `event_invite`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field.removesuffix("Message")).lower()
