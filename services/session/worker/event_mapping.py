"""What the library delivers → events of ours. Pure: protobuf in, event out, nothing looked up and nothing stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.session.worker.jids import (
    GROUP_SERVER,
    Untranslatable,
    group_of,
    is_broadcast_list,
    is_robot,
    no_chat,
    party_of,
    party_of_text,
)
from services.session.worker.message_content import Content, content_of
from services.session.worker.quoted_author import quoted_author
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.contracts.message_identity import identity, other_party
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ID, bounded_line
from shared.text.text_match import has_letter_or_digit

_FIRST_TIME = datetime(2009, 1, 1, tzinfo=UTC)
"""WhatsApp is not older than this year."""
_MAX_FUTURE = timedelta(days=1)
_ADMIN_REVOKE = "8"
"""The `edit` attribute of a deletion by an admin of the group; WhatsApp takes it from admins only."""
_RECEIPTS = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "played"}


@dataclass(frozen=True)
class Account:
    """Whose connection it is."""

    organization_id: str
    instance_id: str


@dataclass(frozen=True)
class Ignored:
    """Nothing anybody needs to know; `kind` is counted."""

    kind: str


def messages_received(event: Any, account: Account) -> Sequence[MessageReceived] | Ignored:
    """A neonize `Message` event: one message, or one for each recipient of a broadcast list of the owner.

    Raises Untranslatable (or ValidationError, a ValueError too).
    """
    source = event.Info.MessageSource
    if not (source.IsFromMe and is_broadcast_list(source.Chat)):
        ours = message_received(event, account)
        return ours if isinstance(ours, Ignored) else [ours]
    recipients = [party_of(one.LID, one.PN) for one in source.BroadcastRecipients if one.LID.User or one.PN.User]
    copies = [message_received(event, account, recipient) for recipient in recipients]
    return [copy for copy in copies if not isinstance(copy, Ignored)] or Ignored("message-broadcast-list")


def message_received(event: Any, account: Account, recipient: Party | None = None) -> MessageReceived | Ignored:
    """`recipient`: the person of a broadcast list for whom this copy is. Raises as messages_received does."""
    if outsider := no_chat(event.Info.MessageSource):
        return Ignored(f"message-{outsider}")
    content = content_of(event.Message)
    if not isinstance(content, Content):
        return Ignored(f"message-{content}")
    quoted = party_of_text(quoted_author(event.Message)) if content.quoted_wa_id else None
    ours = _received(event.Info, content, account, recipient)
    return ours.model_copy(update={"quoted_sender": quoted})


def placeholder_received(event: Any, account: Account) -> MessageReceived | Ignored:
    """A neonize `UndecryptableMessage` event: somebody wrote something that this device cannot show, or not yet. A
    readable copy has the same WhatsApp id and is an event of its own. Raises as messages_received does.

    The library does not tell why a message is kept from linked devices; most of them are view-once media.
    """
    if outsider := no_chat(event.Info.MessageSource):
        return Ignored(f"message-{outsider}")
    if _label(event, "DecryptFailMode") == "DECRYPT_FAIL_HIDE":  # reactions, edits, votes: no client shows these
        return Ignored("undecryptable-hidden")
    content = Content("unavailable" if event.IsUnavailable else "undecryptable")
    return _received(event.Info, content, account, what="placeholder")


def _received(
    info: Any, content: Content, account: Account, recipient: Party | None = None, what: str = "message"
) -> MessageReceived:
    if not info.ID or len(info.ID) > MAX_ID:
        raise Untranslatable("a message without an id, or with one that is too long")
    source = info.MessageSource
    sender, group = party_of(source.Sender, source.SenderAlt), group_of(source.Chat)
    chat = recipient or _chat(source, sender)
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
        push_name=_name_of(info),
        type=content.type,
        text=content.text,
        media=content.media,
        referral=content.referral,
        quoted_wa_id=content.quoted_wa_id,
        unreadable=content.unreadable,
        by_admin=content.type == "revoke" and group is not None and info.Edit == _ADMIN_REVOKE,
        timestamp=moment(info.Timestamp),
    )


def _chat(source: Any, sender: Party) -> Party | None:
    """The other side of a one-to-one chat. A message through a contact's broadcast list belongs to the chat with the
    contact; that of a list of the owner's gets its recipient later."""
    if source.Chat.Server == GROUP_SERVER:
        return None
    if source.IsFromMe and not is_broadcast_list(source.Chat):
        return party_of(source.Chat, source.RecipientAlt)
    return sender


def _name_of(info: Any) -> str | None:
    """What the sender calls himself; a business without such a name is called by its verified one."""
    for said in (info.Pushname, info.VerifiedName.Details.verifiedName):
        name = bounded_line(said)
        if has_letter_or_digit(name):
            return name
    return None


def receipt_received(event: Any, account: Account) -> ReceiptReceived | MessagesReadElsewhere | Ignored:
    """A neonize `Receipt` event: a device of a recipient received or read messages of ours, or the owner of the account
    read messages on the phone or on another linked device."""
    if outsider := no_chat(event.MessageSource):
        return Ignored(f"receipt-{outsider}")
    kind = _label(event, "Type")
    status, source = _RECEIPTS.get(kind), event.MessageSource
    ids = [wa_id for wa_id in event.MessageIDs if wa_id and len(wa_id) <= MAX_ID]
    if ids and (kind == "READ_SELF" or (kind == "READ" and source.IsFromMe)):
        return MessagesReadElsewhere(
            id=derived_id(account.instance_id, "read-elsewhere", source.Chat.User, *sorted(ids)),
            organization_id=account.organization_id,
            instance_id=account.instance_id,
            wa_ids=ids,
            chat=_chat_read(source),
            group=group_of(source.Chat),
            timestamp=moment(event.Timestamp),
        )
    if status is None or source.IsFromMe or not ids:
        return Ignored(f"receipt-{kind.lower()}")
    chat_and_sender = (source.Chat.User, source.Sender.User)
    return ReceiptReceived.model_validate(
        {
            "id": derived_id(account.instance_id, "receipt", status, *chat_and_sender, *sorted(ids)),
            "organization_id": account.organization_id,
            "instance_id": account.instance_id,
            "wa_ids": ids,
            "status": status,
            "sender": party_of(source.Sender, source.SenderAlt) if source.Sender.User else None,
            "timestamp": moment(event.Timestamp),
        }
    )


def _chat_read(source: Any) -> Party | None:
    """With whom; None for a group, and when the receipt names nobody but the account itself."""
    if source.Chat.Server in (GROUP_SERVER, "broadcast") or source.Chat.User == source.Sender.User:
        return None
    return party_of(source.Chat, source.RecipientAlt)


def typing_seen(event: Any, account: Account) -> TypingObserved | Ignored:
    """A neonize `ChatPresence` event. Raises Untranslatable."""
    source = event.MessageSource
    if source.IsFromMe:
        return Ignored("typing-own")
    if outsider := no_chat(source):
        return Ignored(f"typing-{outsider}")
    paused = _label(event, "State") == "PAUSED"
    recording = _label(event, "Media") == "AUDIO"
    return TypingObserved(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=party_of(source.Sender, source.SenderAlt),
        state="paused" if paused else "recording" if recording else "composing",
        group=group_of(source.Chat),
    )


def presence_seen(event: Any, account: Account) -> PresenceObserved | Ignored:
    """A neonize `Presence` event. Raises Untranslatable."""
    if is_robot(event.From):
        return Ignored("presence-robot")
    return PresenceObserved(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=party_of(event.From, event.From),
        available=not event.Unavailable,
        last_seen=moment(event.LastSeen) if event.LastSeen > 0 else None,
    )


def _label(event: Any, field: str) -> str:
    """The name of an enumeration's value."""
    names = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[getattr(event, field)].name)


def moment(timestamp: int) -> datetime:
    """Seconds, or milliseconds, since 1970 → UTC; the library uses both. A time that cannot be true is replaced by
    now: none at all, one before WhatsApp existed, one more than a day ahead."""
    now = utc_now()
    seconds = timestamp / 1000 if timestamp > 100_000_000_000 else timestamp
    if not _FIRST_TIME.timestamp() <= seconds <= (now + _MAX_FUTURE).timestamp():
        return now
    return datetime.fromtimestamp(seconds, UTC)
