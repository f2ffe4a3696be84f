"""What the library delivers → events of ours. Pure: protobuf in, event out, nothing looked up and nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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
from services.session.worker.mapping.quoted_author import quoted_author
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.contracts.message_identity import identity, other_party
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ID, bounded_line
from shared.text.text_match import has_letter_or_digit

_WHATSAPP_RELEASE = datetime(2009, 1, 1, tzinfo=UTC)
"""WhatsApp is not older than this year."""
_MAX_CLOCK_LEAD = timedelta(days=1)
_ADMIN_REVOKE_EDIT = "8"
"""The `edit` attribute of a deletion by an admin of the group; WhatsApp takes it from admins only."""
_RECEIPT_STATUSES = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "played"}


@dataclass(frozen=True)
class InstanceIdentity:
    """Whose connection it is."""

    organization_id: str
    instance_id: str


@dataclass(frozen=True)
class IgnoredEvent:
    """Nothing anybody needs to know; `kind` is counted."""

    kind: str


def map_messages(event: Any, account: InstanceIdentity) -> Sequence[MessageReceived] | IgnoredEvent:
    """A neonize `Message` event: one message, or one for each recipient of a broadcast list of the owner.

    Raises UnmappableEvent (or ValidationError, a ValueError too).
    """
    source = event.Info.MessageSource
    if not (source.IsFromMe and is_broadcast_list(source.Chat)):
        ours = map_message(event, account)
        return ours if isinstance(ours, IgnoredEvent) else [ours]
    recipients = [party_from_jids(one.LID, one.PN) for one in source.BroadcastRecipients if one.LID.User or one.PN.User]
    copies = [map_message(event, account, recipient) for recipient in recipients]
    return [copy for copy in copies if not isinstance(copy, IgnoredEvent)] or IgnoredEvent("message-broadcast-list")


def map_message(
    event: Any, account: InstanceIdentity, recipient: Party | None = None
) -> MessageReceived | IgnoredEvent:
    """`recipient`: the person of a broadcast list for whom this copy is. Raises as map_messages does."""
    if outsider := excluded_chat(event.Info.MessageSource):
        return IgnoredEvent(f"message-{outsider}")
    content = parse_content(event.Message)
    if not isinstance(content, MessageContent):
        return IgnoredEvent(f"message-{content}")
    quoted = party_from_text(quoted_author(event.Message)) if content.quoted_wa_id else None
    ours = _build_message(event.Info, content, account, recipient)
    return ours.model_copy(update={"quoted_sender": quoted})


def map_undecryptable(event: Any, account: InstanceIdentity) -> MessageReceived | IgnoredEvent:
    """A neonize `UndecryptableMessage` event: somebody wrote something that this device cannot show, or not yet. A
    readable copy has the same WhatsApp id and is an event of its own. Raises as map_messages does.

    The library does not tell why a message is kept from linked devices; most of them are view-once media.
    """
    if outsider := excluded_chat(event.Info.MessageSource):
        return IgnoredEvent(f"message-{outsider}")
    if _enum_name(event, "DecryptFailMode") == "DECRYPT_FAIL_HIDE":  # reactions, edits, votes: no client shows these
        return IgnoredEvent("undecryptable-hidden")
    content = MessageContent("unavailable" if event.IsUnavailable else "undecryptable")
    return _build_message(event.Info, content, account, what="placeholder")


def _build_message(
    info: Any, content: MessageContent, account: InstanceIdentity, recipient: Party | None = None, what: str = "message"
) -> MessageReceived:
    if not info.ID or len(info.ID) > MAX_ID:
        raise UnmappableEvent("a message without an id, or with one that is too long")
    source = info.MessageSource
    sender, group = party_from_jids(source.Sender, source.SenderAlt), group_jid(source.Chat)
    chat = recipient or _chat_party(source, sender)
    key = identity(info.ID, source.IsFromMe, group, other_party(source.IsFromMe, group, sender, chat))
    return MessageReceived(
        id=derived_id(account.instance_id, what, *key),
        organization_id=account.organization_id,
        instance_id=account.instance_id,
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
        by_admin=content.type == "revoke" and group is not None and info.Edit == _ADMIN_REVOKE_EDIT,
        timestamp=to_utc(info.Timestamp),
    )


def _chat_party(source: Any, sender: Party) -> Party | None:
    """The other side of a one-to-one chat. A message through a contact's broadcast list belongs to the chat with the
    contact; that of a list of the owner's gets its recipient later."""
    if source.Chat.Server == GROUP_SERVER:
        return None
    if source.IsFromMe and not is_broadcast_list(source.Chat):
        return party_from_jids(source.Chat, source.RecipientAlt)
    return sender


def _sender_name(info: Any) -> str | None:
    """What the sender calls himself; a business without such a name is called by its verified one."""
    for said in (info.Pushname, info.VerifiedName.Details.verifiedName):
        name = bounded_line(said)
        if has_letter_or_digit(name):
            return name
    return None


def map_receipt(event: Any, account: InstanceIdentity) -> ReceiptReceived | MessagesReadElsewhere | IgnoredEvent:
    """A neonize `Receipt` event: a device of a recipient received or read messages of ours, or the owner of the account
    read messages on the phone or on another linked device."""
    if outsider := excluded_chat(event.MessageSource):
        return IgnoredEvent(f"receipt-{outsider}")
    kind = _enum_name(event, "Type")
    status, source = _RECEIPT_STATUSES.get(kind), event.MessageSource
    ids = [wa_id for wa_id in event.MessageIDs if wa_id and len(wa_id) <= MAX_ID]
    if ids and (kind == "READ_SELF" or (kind == "READ" and source.IsFromMe)):
        return MessagesReadElsewhere(
            id=derived_id(account.instance_id, "read-elsewhere", source.Chat.User, *sorted(ids)),
            organization_id=account.organization_id,
            instance_id=account.instance_id,
            wa_ids=ids,
            chat=_read_chat_party(source),
            group=group_jid(source.Chat),
            timestamp=to_utc(event.Timestamp),
        )
    if status is None or source.IsFromMe or not ids:
        return IgnoredEvent(f"receipt-{kind.lower()}")
    chat_and_sender = (source.Chat.User, source.Sender.User)
    return ReceiptReceived.model_validate(
        {
            "id": derived_id(account.instance_id, "receipt", status, *chat_and_sender, *sorted(ids)),
            "organization_id": account.organization_id,
            "instance_id": account.instance_id,
            "wa_ids": ids,
            "status": status,
            "sender": party_from_jids(source.Sender, source.SenderAlt) if source.Sender.User else None,
            "timestamp": to_utc(event.Timestamp),
        }
    )


def _read_chat_party(source: Any) -> Party | None:
    """With whom; None for a group, and when the receipt names nobody but the account itself."""
    if source.Chat.Server in (GROUP_SERVER, "broadcast") or source.Chat.User == source.Sender.User:
        return None
    return party_from_jids(source.Chat, source.RecipientAlt)


def map_typing(event: Any, account: InstanceIdentity) -> TypingObserved | IgnoredEvent:
    """A neonize `ChatPresence` event. Raises UnmappableEvent."""
    source = event.MessageSource
    if source.IsFromMe:
        return IgnoredEvent("typing-own")
    if outsider := excluded_chat(source):
        return IgnoredEvent(f"typing-{outsider}")
    paused = _enum_name(event, "State") == "PAUSED"
    recording = _enum_name(event, "Media") == "AUDIO"
    return TypingObserved(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=party_from_jids(source.Sender, source.SenderAlt),
        state="paused" if paused else "recording" if recording else "composing",
        group=group_jid(source.Chat),
    )


def map_presence(event: Any, account: InstanceIdentity) -> PresenceObserved | IgnoredEvent:
    """A neonize `Presence` event. Raises UnmappableEvent."""
    if is_bot(event.From):
        return IgnoredEvent("presence-robot")
    return PresenceObserved(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=party_from_jids(event.From, event.From),
        available=not event.Unavailable,
        last_seen=to_utc(event.LastSeen) if event.LastSeen > 0 else None,
    )


def _enum_name(event: Any, field: str) -> str:
    """The name of an enumeration's value."""
    names = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[getattr(event, field)].name)


def to_utc(timestamp: int) -> datetime:
    """Seconds, or milliseconds, since 1970 → UTC; the library uses both. A time that cannot be true is replaced by
    now: none at all, one before WhatsApp existed, one more than a day ahead."""
    now = utc_now()
    seconds = timestamp / 1000 if timestamp > 100_000_000_000 else timestamp
    if not _WHATSAPP_RELEASE.timestamp() <= seconds <= (now + _MAX_CLOCK_LEAD).timestamp():
        return now
    return datetime.fromtimestamp(seconds, UTC)
