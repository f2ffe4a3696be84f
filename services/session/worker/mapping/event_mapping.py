"""Maps the library's events (protobufs) to ours. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.session.worker.mapping.jids import (
    GROUP_SERVER,
    UnmappableEvent,
    excluded_chat,
    group_jid,
    is_bot,
    is_broadcast_list,
    party_from_jids,
    party_from_text,
)
from services.session.worker.mapping.message_content import MessageContent, parse_content
from services.session.worker.mapping.protobufs import (
    ChatPresenceProtobuf,
    EventProtobuf,
    InfoProtobuf,
    MessageProtobuf,
    PresenceProtobuf,
    ReceiptProtobuf,
    SourceProtobuf,
    UndecryptableProtobuf,
)
from services.session.worker.mapping.quoted_author import quoted_author
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.contracts.message_identity import identity, other_party
from shared.contracts.message_type import MessageType
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ID, bounded_line
from shared.text.text_match import has_letter_or_digit

_WHATSAPP_RELEASE = datetime(2009, 1, 1, tzinfo=UTC)
_MAX_CLOCK_LEAD = timedelta(days=1)
_MIN_MILLISECONDS = 100_000_000_000
"""A greater timestamp is in milliseconds."""
_ADMIN_REVOKE_EDIT = "8"
"""The `edit` attribute of a deletion by an admin of the group; WhatsApp accepts it from admins only."""
_RECEIPT_STATUSES = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "played"}


@dataclass(frozen=True)
class InstanceIdentity:
    """The instance whose events are mapped."""

    organization_id: str
    instance_id: str


@dataclass(frozen=True)
class IgnoredEvent:
    """An event that nothing needs; the events of each `kind` are counted."""

    kind: str


def map_messages(event: MessageProtobuf, instance: InstanceIdentity) -> Sequence[MessageReceived] | IgnoredEvent:
    """Maps a neonize `Message` event to one message, or to one for each recipient of the owner's broadcast list.

    Raises UnmappableEvent or ValidationError; both are ValueErrors.
    """
    source = event.Info.MessageSource
    if not (source.IsFromMe and is_broadcast_list(source.Chat)):
        mapped = map_message(event, instance)
        return mapped if isinstance(mapped, IgnoredEvent) else [mapped]
    recipients = [party_from_jids(one.LID, one.PN) for one in source.BroadcastRecipients if one.LID.User or one.PN.User]
    copies = [map_message(event, instance, recipient) for recipient in recipients]
    return [copy for copy in copies if not isinstance(copy, IgnoredEvent)] or IgnoredEvent("message-broadcast-list")


def map_message(
    event: MessageProtobuf, instance: InstanceIdentity, recipient: Party | None = None
) -> MessageReceived | IgnoredEvent:
    """`recipient`: the member of a broadcast list who gets this copy. Raises as map_messages does."""
    if chat_kind := excluded_chat(event.Info.MessageSource):
        return IgnoredEvent(f"message-{chat_kind}")
    content = parse_content(event.Message)
    if not isinstance(content, MessageContent):
        return IgnoredEvent(f"message-{content}")
    quoted = party_from_text(quoted_author(event.Message)) if content.quoted_wa_id else None
    return _build_message(event.Info, content, instance, recipient).model_copy(update={"quoted_sender": quoted})


def map_undecryptable(event: UndecryptableProtobuf, instance: InstanceIdentity) -> MessageReceived | IgnoredEvent:
    """Maps a neonize `UndecryptableMessage` event to a placeholder: this device cannot read the message, or not yet. A
    readable copy has the same WhatsApp id and is a separate event. Raises as map_messages does.

    The library does not tell why linked devices do not get a message; most such messages are view-once media.
    """
    if chat_kind := excluded_chat(event.Info.MessageSource):
        return IgnoredEvent(f"message-{chat_kind}")
    if _enum_name(event, "DecryptFailMode") == "DECRYPT_FAIL_HIDE":  # reactions, edits, votes: no client shows these
        return IgnoredEvent("undecryptable-hidden")
    content = MessageContent(MessageType.UNAVAILABLE if event.IsUnavailable else MessageType.UNDECRYPTABLE)
    return _build_message(event.Info, content, instance, id_kind="placeholder")


def _build_message(
    info: InfoProtobuf,
    content: MessageContent,
    instance: InstanceIdentity,
    recipient: Party | None = None,
    id_kind: str = "message",
) -> MessageReceived:
    if not info.ID or len(info.ID) > MAX_ID:
        raise UnmappableEvent("a message without an id, or with one that is too long")
    source = info.MessageSource
    sender, group = party_from_jids(source.Sender, source.SenderAlt), group_jid(source.Chat)
    chat = recipient or _chat_party(source, sender)
    key = identity(info.ID, source.IsFromMe, group, other_party(source.IsFromMe, group, sender, chat))
    return MessageReceived(
        id=derived_id(instance.instance_id, id_kind, *key),
        organization_id=instance.organization_id,
        instance_id=instance.instance_id,
        wa_id=info.ID,
        from_me=source.IsFromMe,
        sender=sender,
        chat=chat,
        group=group,
        push_name=_sender_name(info),
        type=content.type,
        text=content.text,
        media=content.media,
        referral=content.referral,
        quoted_wa_id=content.quoted_wa_id,
        unreadable=content.unreadable,
        by_admin=content.type is MessageType.REVOKE and group is not None and info.Edit == _ADMIN_REVOKE_EDIT,
        timestamp=to_utc(info.Timestamp),
    )


def _chat_party(source: SourceProtobuf, sender: Party) -> Party | None:
    """The contact of a one-to-one chat. A message that a contact sent to their broadcast list belongs to the chat with
    that contact; for the owner's own lists, `map_messages` passes the recipient."""
    if source.Chat.Server == GROUP_SERVER:
        return None
    if source.IsFromMe and not is_broadcast_list(source.Chat):
        return party_from_jids(source.Chat, source.RecipientAlt)
    return sender


def _sender_name(info: InfoProtobuf) -> str | None:
    """The sender's push name, else the verified name of a business."""
    for raw_name in (info.Pushname, info.VerifiedName.Details.verifiedName):
        name = bounded_line(raw_name)
        if has_letter_or_digit(name):
            return name
    return None


def map_receipt(
    event: ReceiptProtobuf, instance: InstanceIdentity
) -> ReceiptReceived | MessagesReadElsewhere | IgnoredEvent:
    """Maps a neonize `Receipt` event: a recipient's device received or read our messages, or the owner of the account
    read messages on the phone or on another linked device."""
    if chat_kind := excluded_chat(event.MessageSource):
        return IgnoredEvent(f"receipt-{chat_kind}")
    kind = _enum_name(event, "Type")
    status = _RECEIPT_STATUSES.get(kind)
    source = event.MessageSource
    ids = [wa_id for wa_id in event.MessageIDs if wa_id and len(wa_id) <= MAX_ID]
    if ids and (kind == "READ_SELF" or (kind == "READ" and source.IsFromMe)):
        return MessagesReadElsewhere(
            id=derived_id(instance.instance_id, "read-elsewhere", source.Chat.User, *sorted(ids)),
            organization_id=instance.organization_id,
            instance_id=instance.instance_id,
            wa_ids=ids,
            chat=_read_chat_party(source),
            group=group_jid(source.Chat),
            timestamp=to_utc(event.Timestamp),
        )
    if status is None or source.IsFromMe or not ids:
        return IgnoredEvent(f"receipt-{kind.lower()}")
    return ReceiptReceived.model_validate(
        {
            "id": derived_id(
                instance.instance_id, "receipt", status, source.Chat.User, source.Sender.User, *sorted(ids)
            ),
            "organization_id": instance.organization_id,
            "instance_id": instance.instance_id,
            "wa_ids": ids,
            "status": status,
            "sender": party_from_jids(source.Sender, source.SenderAlt) if source.Sender.User else None,
            "timestamp": to_utc(event.Timestamp),
        }
    )


def _read_chat_party(source: SourceProtobuf) -> Party | None:
    """The contact of the chat that was read; None for a group, and when the receipt names only the account itself."""
    if source.Chat.Server in (GROUP_SERVER, "broadcast") or source.Chat.User == source.Sender.User:
        return None
    return party_from_jids(source.Chat, source.RecipientAlt)


def map_typing(event: ChatPresenceProtobuf, instance: InstanceIdentity) -> TypingObserved | IgnoredEvent:
    """Maps a neonize `ChatPresence` event. Raises UnmappableEvent."""
    source = event.MessageSource
    if source.IsFromMe:
        return IgnoredEvent("typing-own")
    if chat_kind := excluded_chat(source):
        return IgnoredEvent(f"typing-{chat_kind}")
    paused = _enum_name(event, "State") == "PAUSED"
    recording = _enum_name(event, "Media") == "AUDIO"
    return TypingObserved(
        organization_id=instance.organization_id,
        instance_id=instance.instance_id,
        sender=party_from_jids(source.Sender, source.SenderAlt),
        state="paused" if paused else "recording" if recording else "composing",
        group=group_jid(source.Chat),
    )


def map_presence(event: PresenceProtobuf, instance: InstanceIdentity) -> PresenceObserved | IgnoredEvent:
    """Maps a neonize `Presence` event. Raises UnmappableEvent."""
    if is_bot(event.From):
        return IgnoredEvent("presence-bot")
    return PresenceObserved(
        organization_id=instance.organization_id,
        instance_id=instance.instance_id,
        sender=party_from_jids(event.From, event.From),
        available=not event.Unavailable,
        last_seen=to_utc(event.LastSeen) if event.LastSeen > 0 else None,
    )


def _enum_name(event: EventProtobuf, field: str) -> str:
    """The name of the enum value in this field."""
    names = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[getattr(event, field)].name)


def to_utc(timestamp: int) -> datetime:
    """`timestamp`: seconds or milliseconds since 1970; the library uses both. Returns the present time for a timestamp
    that cannot be right: zero, before WhatsApp existed, or more than a day ahead."""
    now = utc_now()
    seconds = timestamp / 1000 if timestamp > _MIN_MILLISECONDS else timestamp
    if not _WHATSAPP_RELEASE.timestamp() <= seconds <= (now + _MAX_CLOCK_LEAD).timestamp():
        return now
    return datetime.fromtimestamp(seconds, UTC)
