"""What stands in a WhatsApp message: kind, text, attachment, advertisement, the message it answers. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from services.session.worker import business_texts as texts
from services.session.worker.encrypted_edits import MESSAGE_EDIT
from services.session.worker.message_fields import MEANINGS, Meaning
from shared.contracts.message_parts import Media, Referral
from shared.text.bounded_text import MAX_ID, MAX_MIME_TYPE, bounded_file_name, bounded_line, bounded_text

UNSUPPORTED = "unsupported"
"""The type of a message with no field this version of the library knows: it can be read on the phone."""
HIDDEN = "unavailable"
"""The type of a message that its sender keeps from linked devices: it can be read on the phone."""


@dataclass(frozen=True)
class Content:
    """`type`: text, image, video, audio, document, sticker, location, contact, reaction, edit, revoke, poll, ... or
    the library's own name of a kind we do not know. `unreadable`: an edit whose text this device cannot read."""

    type: str
    text: str | None = None
    media: Media | None = None
    quoted_wa_id: str | None = None
    referral: Referral | None = None
    unreadable: bool = False


_MEDIA = {
    "imageMessage": "image",
    "videoMessage": "video",
    "ptvMessage": "video",
    "audioMessage": "audio",
    "documentMessage": "document",
    "stickerMessage": "sticker",
}

_TEXTS: dict[str, tuple[str, Callable[[Any], texts.Lines]]] = {
    "extendedTextMessage": ("text", texts.fields("text")),
    "contactMessage": ("contact", texts.contact),
    "contactsArrayMessage": ("contact", texts.contacts),
    "locationMessage": ("location", texts.place),
    "liveLocationMessage": ("location", texts.place),
    "stickerPackMessage": ("sticker_pack", texts.fields("name", "publisher", "packDescription", "caption")),
    "musicMessage": ("music", texts.music),
    "templateMessage": ("template", texts.template),
    "highlyStructuredMessage": ("template", texts.structured),
    "buttonsMessage": ("buttons", texts.buttons),
    "listMessage": ("list", texts.options_list),
    "interactiveMessage": ("interactive", texts.interactive),
    "richResponseMessage": ("rich_response", texts.rich_response),
    "buttonsResponseMessage": ("button_reply", texts.button_reply),
    "templateButtonReplyMessage": ("button_reply", texts.template_reply),
    "listResponseMessage": ("list_reply", texts.list_reply),
    "interactiveResponseMessage": ("interactive_response", texts.interactive_reply),
    "productMessage": ("product", texts.product),
    "orderMessage": ("order", texts.order),
    "invoiceMessage": ("invoice", texts.fields("note")),
    "requestPaymentMessage": ("request_payment", texts.payment_request),
    "sendPaymentMessage": ("send_payment", texts.payment),
    "paymentReminderMessage": ("payment_reminder", texts.payment_reminder),
    "splitPaymentMessage": ("split_payment", texts.split_payment),
    "eventMessage": ("event", texts.event),
    "eventInviteMessage": ("event_invite", texts.event_invitation),
    "scheduledCallCreationMessage": ("scheduled_call", texts.scheduled_call),
    "groupInviteMessage": ("group_invite", texts.fields("groupName", "caption")),
    "newsletterAdminInviteMessage": ("newsletter_invite", texts.fields("newsletterName", "caption")),
    "newsletterFollowerInviteMessageV2": ("newsletter_invite", texts.fields("newsletterName", "caption")),
    "pollResultSnapshotMessage": ("poll_result", texts.poll_result),
    "pollResultSnapshotMessageV3": ("poll_result", texts.poll_result),
    "statusQuestionAnswerMessage": ("text", texts.fields("text")),
    "questionResponseMessage": ("text", texts.fields("text")),
    "statusQuotedMessage": ("text", texts.fields("text")),
    "placeholderMessage": (HIDDEN, texts.fields()),
    "conditionalRevealMessage": (UNSUPPORTED, texts.fields()),
}
_TARGETS = {
    "commentMessage": "targetMessageKey",
    "statusQuestionAnswerMessage": "key",
    "questionResponseMessage": "key",
    "statusQuotedMessage": "originalStatusID",
}
"""Where a kind names the message it is about, when that is not in its `contextInfo`."""


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
    """The first field that a person wrote, else what the rest is called."""
    fields = [(field.name, value) for field, value in message.ListFields()]
    for name, value in fields:
        meaning = MEANINGS.get(name, Meaning.CONTENT)
        if meaning is Meaning.CONTENT:
            return _of_field(name, value)
        if meaning is Meaning.WRAPPER:
            return _of_wrapper(name, value)
    if message.HasField("protocolMessage"):
        return _of_protocol(message.protocolMessage)
    sealed = message.secretEncryptedMessage
    if sealed.secretEncType == MESSAGE_EDIT and sealed.targetMessageKey.ID:
        return Content("edit", quoted_wa_id=sealed.targetMessageKey.ID, unreadable=True)
    for name, _ in fields:
        if MEANINGS[name] is Meaning.PROTOCOL:
            return _plain_name(name)
    return Content(UNSUPPORTED) if len(UnknownFieldSet(message)) else "machinery"


def _of_wrapper(name: str, wrapper: Any) -> Content | str:
    inside = _content_of(wrapper.message)
    target = _target(name, wrapper)
    return replace(inside, quoted_wa_id=target) if target and isinstance(inside, Content) else inside


def _of_field(name: str, value: Any) -> Content:
    if name == "conversation":
        return Content("text", value)
    if name == "reactionMessage":
        return Content("reaction", value.text or None, quoted_wa_id=value.key.ID or None)
    context = getattr(value, "contextInfo", None)
    quoted = _target(name, value) or (context.stanzaID if context else None) or None
    referral = _referral(context) if context else None
    if name in _MEDIA:
        return Content(_MEDIA[name], _caption(value), _media(value), quoted, referral)
    if name.startswith("pollCreationMessage"):
        return Content("poll", texts.joined(texts.poll(value)), None, quoted, referral)
    kind, lines = _TEXTS.get(name, (_plain_name(name), texts.fields()))
    return Content(kind, _words(lines(value), kind), None, quoted, referral)


def _words(lines: texts.Lines, kind: str) -> str | None:
    """A person's own text stays as it was written."""
    return next(iter(lines)) or None if kind == "text" else texts.joined(lines)


def _of_protocol(protocol: Any) -> Content | str:
    """Edits and revokes of earlier messages travel inside the machinery."""
    value = protocol.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number.get(protocol.type)
    kind = value.name.lower() if value else "protocol"
    if kind == "revoke" and protocol.key.ID:
        return Content("revoke", quoted_wa_id=protocol.key.ID)
    if kind != "message_edit":
        return kind
    corrected = _content_of(protocol.editedMessage)
    text = corrected.text if isinstance(corrected, Content) else None
    return Content("edit", text, quoted_wa_id=protocol.key.ID or None)


def _target(name: str, value: Any) -> str | None:
    return getattr(value, _TARGETS[name]).ID or None if name in _TARGETS else None


def _caption(part: Any) -> str | None:
    return getattr(part, "caption", None) or None


def _media(part: Any) -> Media:
    return Media(
        mime_type=bounded_line(part.mimetype, MAX_MIME_TYPE) or None,
        file_name=bounded_file_name(getattr(part, "fileName", "")) or None,
        size=part.fileLength or None,
        seconds=getattr(part, "seconds", None) or None,
    )


def _referral(context: Any) -> Referral | None:
    """The advertisement somebody tapped; a link's preview stands in the same place and names none."""
    ad = context.externalAdReply
    if not (ad.sourceID or ad.ctwaClid or ad.sourceType == "ad"):
        return None
    return Referral(
        source_type=ad.sourceType or None,
        source_id=ad.sourceID or None,
        source_url=ad.sourceURL or None,
        headline=ad.title or None,
        body=ad.body or None,
        ctwa_clid=ad.ctwaClid or None,
    )


def _plain_name(field: str) -> str:
    """`orderMessage` → `order`, `eventInviteMessage` → `event_invite`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field.removesuffix("Message")).lower()
