"""What the library delivers → events of ours. Pure: protobuf in, event out, nothing looked up and nothing stored."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.session.content import Content, content_of
from services.session.quotes import quoted_author
from shared.bounded import MAX_ADDRESS, MAX_ID, bounded_line
from shared.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.ids import derived_id
from shared.live import PresenceSeen, TypingSeen
from shared.records import Party

PHONE_SERVERS = frozenset({"s.whatsapp.net", "hosted"})
LID_SERVERS = frozenset({"lid", "hosted.lid"})
GROUP_SERVER = "g.us"
_PUBLIC_SERVERS = frozenset({"broadcast", "newsletter"})
_USER = re.compile(r"[\w.+-]+", re.ASCII)
_RECEIPTS = {"DELIVERED": "delivered", "READ": "read", "PLAYED": "played"}


class Untranslatable(ValueError):
    """The event holds something that should have become an event of ours and could not."""


@dataclass(frozen=True)
class Account:
    """Whose connection it is."""

    organization_id: str
    instance_id: str


@dataclass(frozen=True)
class Ignored:
    """Nothing anybody needs to know; `kind` is counted."""

    kind: str


def message_received(event: Any, account: Account) -> MessageReceived | Ignored:
    """A neonize `Message` event. Raises Untranslatable (or ValidationError, a ValueError too)."""
    content = content_of(event.Message)
    if not isinstance(content, Content):
        return Ignored(f"message-{content}")
    quoted = _jid_party(quoted_author(event.Message)) if content.quoted_wa_id else None
    return _received(event.Info, content, account, derived_id(account.instance_id, "message", event.Info.ID), quoted)


def placeholder_received(event: Any, account: Account) -> MessageReceived | Ignored:
    """A neonize `UndecryptableMessage` event: somebody wrote something that this device cannot show, or not yet. A
    readable copy has the same WhatsApp id and is an event of its own. Raises as message_received does.

    The library does not tell why a message is kept from linked devices; most of them are view-once media.
    """
    if _label(event, "DecryptFailMode") == "DECRYPT_FAIL_HIDE":  # reactions, edits, votes: no client shows these
        return Ignored("undecryptable-hidden")
    content = Content("unavailable" if event.IsUnavailable else "undecryptable")
    event_id = derived_id(account.instance_id, "placeholder", event.Info.ID)
    return _received(event.Info, content, account, event_id)


def _received(
    info: Any, content: Content, account: Account, event_id: str, quoted_sender: Party | None = None
) -> MessageReceived | Ignored:
    source = info.MessageSource
    if source.Chat.Server in _PUBLIC_SERVERS:
        return Ignored(f"message-{source.Chat.Server}")
    if not info.ID or len(info.ID) > MAX_ID:
        raise Untranslatable("a message without an id, or with one that is too long")
    group = _group(source.Chat)
    sender = _party(source.Sender, source.SenderAlt)
    return MessageReceived(
        id=event_id,
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        wa_id=info.ID,
        from_me=source.IsFromMe,
        sender=sender,
        chat=None if group else _party(source.Chat, source.RecipientAlt) if source.IsFromMe else sender,
        group=group,
        push_name=bounded_line(info.Pushname) or None,
        type=content.type,
        text=content.text,
        media=content.media,
        quoted_wa_id=content.quoted_wa_id,
        quoted_sender=quoted_sender,
        timestamp=moment(info.Timestamp),
    )


def receipt_received(event: Any, account: Account) -> ReceiptReceived | MessagesReadElsewhere | Ignored:
    """A neonize `Receipt` event: what other people's devices tell about messages of ours, and what the owner read on
    another device of his."""
    kind = _label(event, "Type")
    status, source = _RECEIPTS.get(kind), event.MessageSource
    ids = [wa_id for wa_id in event.MessageIDs if wa_id and len(wa_id) <= MAX_ID]
    if ids and (kind == "READ_SELF" or (kind == "READ" and source.IsFromMe)):
        return MessagesReadElsewhere(
            id=derived_id(account.instance_id, "read-elsewhere", *sorted(ids)),
            organization_id=account.organization_id,
            instance_id=account.instance_id,
            wa_ids=ids,
            timestamp=moment(event.Timestamp),
        )
    if status is None or source.IsFromMe or not ids:
        return Ignored(f"receipt-{kind.lower()}")
    return ReceiptReceived.model_validate(
        {
            "id": derived_id(account.instance_id, "receipt", status, source.Sender.User, *sorted(ids)),
            "organization_id": account.organization_id,
            "instance_id": account.instance_id,
            "wa_ids": ids,
            "status": status,
            "sender": _party(source.Sender, source.SenderAlt) if source.Sender.User else None,
            "timestamp": moment(event.Timestamp),
        }
    )


def typing_seen(event: Any, account: Account) -> TypingSeen | Ignored:
    """A neonize `ChatPresence` event. Raises Untranslatable."""
    source = event.MessageSource
    if source.IsFromMe or source.Chat.Server in _PUBLIC_SERVERS:
        return Ignored("typing-own")
    paused = _label(event, "State") == "PAUSED"
    recording = _label(event, "Media") == "AUDIO"
    return TypingSeen(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=_party(source.Sender, source.SenderAlt),
        state="paused" if paused else "recording" if recording else "composing",
        group=_group(source.Chat),
    )


def presence_seen(event: Any, account: Account) -> PresenceSeen | Ignored:
    """A neonize `Presence` event. Raises Untranslatable."""
    return PresenceSeen(
        organization_id=account.organization_id,
        instance_id=account.instance_id,
        sender=_party(event.From, event.From),
        available=not event.Unavailable,
        last_seen=moment(event.LastSeen) if event.LastSeen > 0 else None,
    )


def _label(event: Any, field: str) -> str:
    """The name of an enumeration's value."""
    names = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    return str(names[getattr(event, field)].name)


def moment(timestamp: int) -> datetime:
    """Seconds, or milliseconds, since 1970 → UTC; the library uses both."""
    return datetime.fromtimestamp(timestamp / 1000 if timestamp > 100_000_000_000 else timestamp, UTC)


def _group(chat: Any) -> str | None:
    """Raises Untranslatable."""
    return f"{_user(chat)}@{GROUP_SERVER}" if chat.Server == GROUP_SERVER else None


def _user(jid: Any) -> str:
    """Raises Untranslatable for what is no user part of a JID."""
    user: str = jid.User
    if len(user) > MAX_ADDRESS or not _USER.fullmatch(user):
        raise Untranslatable("an address that is too long, or holds what no address holds")
    return user


def _party(jid: Any, other: Any) -> Party:
    """One person under both addresses, as far as the library knows them."""
    found: dict[str, str] = {}
    for address in (jid, other):
        if address.User and address.Server in PHONE_SERVERS:
            found.setdefault("phone", _user(address))
        elif address.User and address.Server in LID_SERVERS:
            found.setdefault("lid", _user(address))
    if not found:
        raise Untranslatable(f"an address on the server {jid.Server[:64]!r} is neither a phone number nor a LID")
    return Party.model_validate(found)


def _jid_party(jid: str | None) -> Party | None:
    """The person behind a JID as a string, of any device (`user:2@server`); None for what is no person."""
    user, _, server = (jid or "").partition("@")
    digits = user.partition(":")[0]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MAX_ADDRESS:
        return None
    if server in PHONE_SERVERS:
        return Party(phone=digits)
    return Party(lid=digits) if server in LID_SERVERS else None
