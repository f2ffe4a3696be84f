"""Parses the content of a WhatsApp message: type, text, media, advertisement, quoted message. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from google.protobuf.unknown_fields import UnknownFieldSet

from services.session.worker.mapping import business_texts as texts
from services.session.worker.mapping.encrypted_edits import SECRET_ENC_TYPE_EDIT
from services.session.worker.mapping.message_fields import FIELD_ROLES, FieldRole
from services.session.worker.mapping.protobufs import ContentProtobuf
from shared.contracts.message_parts import Media, Referral
from shared.contracts.message_type import MessageType
from shared.text.bounded_text import MAX_ID, MAX_MIME_TYPE, bounded_file_name, bounded_line, bounded_text


@dataclass(frozen=True)
class MessageContent:
    """`type`: a known one, or the library's own name of an unknown kind. `unreadable`: an edit whose text this device
    cannot read."""

    type: MessageType
    text: str | None = None
    media: Media | None = None
    quoted_wa_id: str | None = None
    referral: Referral | None = None
    unreadable: bool = False


_MEDIA_KINDS = {
    "imageMessage": MessageType.IMAGE,
    "videoMessage": MessageType.VIDEO,
    "ptvMessage": MessageType.VIDEO,
    "audioMessage": MessageType.AUDIO,
    "documentMessage": MessageType.DOCUMENT,
    "stickerMessage": MessageType.STICKER,
}

_TEXT_KINDS: dict[str, tuple[MessageType, Callable[[ContentProtobuf], texts.Lines]]] = {
    "extendedTextMessage": (MessageType.TEXT, texts.from_fields("text")),
    "contactMessage": (MessageType.CONTACT, texts.contact),
    "contactsArrayMessage": (MessageType.CONTACT, texts.contacts),
    "locationMessage": (MessageType.LOCATION, texts.location),
    "liveLocationMessage": (MessageType.LOCATION, texts.location),
    "stickerPackMessage": (
        MessageType.STICKER_PACK,
        texts.from_fields("name", "publisher", "packDescription", "caption"),
    ),
    "musicMessage": (MessageType.MUSIC, texts.music),
    "templateMessage": (MessageType.TEMPLATE, texts.template),
    "highlyStructuredMessage": (MessageType.TEMPLATE, texts.highly_structured),
    "buttonsMessage": (MessageType.BUTTONS, texts.buttons),
    "listMessage": (MessageType.LIST, texts.options_list),
    "interactiveMessage": (MessageType.INTERACTIVE, texts.interactive),
    "richResponseMessage": (MessageType.RICH_RESPONSE, texts.rich_response),
    "buttonsResponseMessage": (MessageType.BUTTON_REPLY, texts.button_reply),
    "templateButtonReplyMessage": (MessageType.BUTTON_REPLY, texts.template_reply),
    "listResponseMessage": (MessageType.LIST_REPLY, texts.list_reply),
    "interactiveResponseMessage": (MessageType.INTERACTIVE_RESPONSE, texts.interactive_reply),
    "productMessage": (MessageType.PRODUCT, texts.product),
    "orderMessage": (MessageType.ORDER, texts.order),
    "invoiceMessage": (MessageType.INVOICE, texts.from_fields("note")),
    "requestPaymentMessage": (MessageType.REQUEST_PAYMENT, texts.payment_request),
    "sendPaymentMessage": (MessageType.SEND_PAYMENT, texts.payment),
    "paymentReminderMessage": (MessageType.PAYMENT_REMINDER, texts.payment_reminder),
    "splitPaymentMessage": (MessageType.SPLIT_PAYMENT, texts.split_payment),
    "paymentInviteMessage": (MessageType.PAYMENT_INVITE, texts.from_fields()),
    "requestPhoneNumberMessage": (MessageType.REQUEST_PHONE_NUMBER, texts.from_fields()),
    "eventMessage": (MessageType.EVENT, texts.event),
    "eventInviteMessage": (MessageType.EVENT_INVITE, texts.event_invitation),
    "scheduledCallCreationMessage": (MessageType.SCHEDULED_CALL, texts.scheduled_call),
    "groupInviteMessage": (MessageType.GROUP_INVITE, texts.from_fields("groupName", "caption")),
    "newsletterAdminInviteMessage": (MessageType.NEWSLETTER_INVITE, texts.from_fields("newsletterName", "caption")),
    "newsletterFollowerInviteMessageV2": (
        MessageType.NEWSLETTER_INVITE,
        texts.from_fields("newsletterName", "caption"),
    ),
    "pollResultSnapshotMessage": (MessageType.POLL_RESULT, texts.poll_result),
    "pollResultSnapshotMessageV3": (MessageType.POLL_RESULT, texts.poll_result),
    "statusQuestionAnswerMessage": (MessageType.TEXT, texts.from_fields("text")),
    "questionResponseMessage": (MessageType.TEXT, texts.from_fields("text")),
    "statusQuotedMessage": (MessageType.TEXT, texts.from_fields("text")),
    "placeholderMessage": (MessageType.UNAVAILABLE, texts.from_fields()),
    "conditionalRevealMessage": (MessageType.UNSUPPORTED, texts.from_fields()),
}
_POLL_FIELDS = frozenset(
    {
        "pollCreationMessage",
        "pollCreationMessageV2",
        "pollCreationMessageV3",
        "pollCreationMessageV5",
        "pollCreationMessageV6",
    }
)
CONTENT_FIELDS = frozenset({"conversation", "reactionMessage", *_MEDIA_KINDS, *_TEXT_KINDS, *_POLL_FIELDS})
"""A field that is none of these, and has no other role (message_fields.py), is of a later version of WhatsApp: its type
is the library's own name for it."""
_TARGET_KEY_FIELDS = {
    "commentMessage": "targetMessageKey",
    "statusQuestionAnswerMessage": "key",
    "questionResponseMessage": "key",
    "statusQuotedMessage": "originalStatusID",
}
"""The fields that hold the key of the message that these kinds refer to; other kinds have it in `contextInfo`."""


def parse_content(message: ContentProtobuf) -> MessageContent | str:
    """The content of a `waE2E.Message`, its strings bounded. For one with nothing to show: the name of its kind."""
    content = _parse_message(message)
    if isinstance(content, str):
        return content
    text = bounded_text(content.text) if content.text is not None else None
    return replace(content, text=text, quoted_wa_id=_valid_id(content.quoted_wa_id))


def _valid_id(wa_id: str | None) -> str | None:
    """None for an id that is too long: cut, it would be the id of another message."""
    return wa_id if wa_id and len(wa_id) <= MAX_ID and wa_id.isprintable() else None


def _parse_message(message: ContentProtobuf) -> MessageContent | str:
    """The content of the first field that a person or a business wrote, else the name of the kind."""
    fields = [(field.name, value) for field, value in message.ListFields()]
    for name, value in fields:
        role = FIELD_ROLES.get(name)
        if role is None:
            return _parse_field(name, value)
        if role is FieldRole.WRAPPER:
            return _parse_wrapper(name, value)
    if message.HasField("protocolMessage"):
        return _parse_protocol_message(message.protocolMessage)
    sealed = message.secretEncryptedMessage
    if sealed.secretEncType == SECRET_ENC_TYPE_EDIT and sealed.targetMessageKey.ID:
        return MessageContent(MessageType.EDIT, quoted_wa_id=sealed.targetMessageKey.ID, unreadable=True)
    for name, _ in fields:
        if FIELD_ROLES[name] is FieldRole.PROTOCOL:
            return _kind_name(name)
    return MessageContent(MessageType.UNSUPPORTED) if len(UnknownFieldSet(message)) else "metadata"


def _parse_wrapper(name: str, wrapper: ContentProtobuf) -> MessageContent | str:
    content = _parse_message(wrapper.message)
    target = _target_id(name, wrapper)
    return replace(content, quoted_wa_id=target) if target and isinstance(content, MessageContent) else content


def _parse_field(name: str, value: ContentProtobuf) -> MessageContent:
    if name == "conversation":
        return MessageContent(MessageType.TEXT, value)
    if name == "reactionMessage":
        return MessageContent(MessageType.REACTION, value.text or None, quoted_wa_id=value.key.ID or None)
    context = getattr(value, "contextInfo", None)
    quoted = _target_id(name, value) or (context.stanzaID if context else None) or None
    referral = _referral(context) if context else None
    if name in _MEDIA_KINDS:
        return MessageContent(
            _MEDIA_KINDS[name], getattr(value, "caption", None) or None, _media(value), quoted, referral
        )
    if name in _POLL_FIELDS:
        return MessageContent(MessageType.POLL, texts.join_lines(texts.poll(value)), None, quoted, referral)
    kind, lines_of = _TEXT_KINDS.get(name, (MessageType(_kind_name(name)), texts.from_fields()))
    lines = lines_of(value)
    text = (
        next(iter(lines)) or None if kind is MessageType.TEXT else texts.join_lines(lines)
    )  # a plain text stays as it was written
    return MessageContent(kind, text, None, quoted, referral)


def _parse_protocol_message(protocol: ContentProtobuf) -> MessageContent | str:
    """A protocol message may be an edit or a revoke of an earlier message."""
    value = protocol.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number.get(protocol.type)
    kind = value.name.lower() if value else "protocol"
    if kind == "revoke" and protocol.key.ID:
        return MessageContent(MessageType.REVOKE, quoted_wa_id=protocol.key.ID)
    if kind != "message_edit":
        return kind
    edited = _parse_message(protocol.editedMessage)
    text = edited.text if isinstance(edited, MessageContent) else None
    return MessageContent(MessageType.EDIT, text, quoted_wa_id=protocol.key.ID or None)


def _target_id(name: str, value: ContentProtobuf) -> str | None:
    return getattr(value, _TARGET_KEY_FIELDS[name]).ID or None if name in _TARGET_KEY_FIELDS else None


def _media(part: ContentProtobuf) -> Media:
    return Media(
        mime_type=bounded_line(part.mimetype, MAX_MIME_TYPE) or None,
        file_name=bounded_file_name(getattr(part, "fileName", "")) or None,
        size=part.fileLength or None,
        seconds=getattr(part, "seconds", None) or None,
    )


def _referral(context: ContentProtobuf) -> Referral | None:
    """The advertisement that the sender tapped; None for a link preview, which is in the same field."""
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


def _kind_name(field: str) -> str:
    """`orderMessage` → `order`, `eventInviteMessage` → `event_invite`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", field.removesuffix("Message")).lower()
