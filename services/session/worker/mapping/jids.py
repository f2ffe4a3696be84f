"""Addresses of the library (JIDs) → parties of ours, and which chats are with no person. Pure."""

import re
from typing import Any

from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ADDRESS

PHONE_SERVERS = frozenset({"s.whatsapp.net", "hosted"})
LID_SERVERS = frozenset({"lid", "hosted.lid"})
GROUP_SERVER = "g.us"
_USER_PATTERN = re.compile(r"[\w.+-]+", re.ASCII)
_BOT_NUMBER = re.compile(r"1313555\d{4}|131655500\d{2}", re.ASCII)
"""Meta's own assistants, which also have numbers."""
_SERVICE_USER = "0"
"""WhatsApp itself: its announcements come from 0@s.whatsapp.net."""


class UnmappableEvent(ValueError):
    """The event holds something that should have become an event of ours and could not."""


def excluded_chat(source: Any) -> str | None:
    """What a `MessageSource` is when its chat is with no person and no group; None for the others."""
    server = source.Chat.Server
    if server == "newsletter" or (server == "broadcast" and not is_broadcast_list(source.Chat)):
        return str(server)
    if is_bot(source.Chat) or is_bot(source.Sender):
        return "robot"
    if _is_whatsapp_itself(source.Chat) or _is_whatsapp_itself(source.Sender):
        return "service"
    return None


def is_broadcast_list(chat: Any) -> bool:
    """A list of recipients that one person keeps, unlike `status@broadcast`, which everybody may read."""
    return chat.Server == "broadcast" and bool(chat.User.isascii() and chat.User.isdigit())


def is_bot(jid: Any) -> bool:
    return jid.Server == "bot" or (jid.Server in PHONE_SERVERS and bool(_BOT_NUMBER.fullmatch(jid.User)))


def _is_whatsapp_itself(jid: Any) -> bool:
    return jid.Server in PHONE_SERVERS and jid.User == _SERVICE_USER


def group_jid(chat: Any) -> str | None:
    """Raises UnmappableEvent."""
    return f"{_checked_user(chat)}@{GROUP_SERVER}" if chat.Server == GROUP_SERVER else None


def _checked_user(jid: Any) -> str:
    """Raises UnmappableEvent for what is no user part of a JID."""
    user: str = jid.User
    if len(user) > MAX_ADDRESS or not _USER_PATTERN.fullmatch(user):
        raise UnmappableEvent("an address that is too long, or holds what no address holds")
    return user


def party_from_jids(jid: Any, other: Any) -> Party:
    """One person under both addresses, as far as the library knows them."""
    found: dict[str, str] = {}
    for address in (jid, other):
        if address.User and address.Server in PHONE_SERVERS:
            found.setdefault("phone", _checked_user(address))
        elif address.User and address.Server in LID_SERVERS:
            found.setdefault("lid", _checked_user(address))
    if not found:
        raise UnmappableEvent(f"an address on the server {jid.Server[:64]!r} is neither a phone number nor a LID")
    return Party.model_validate(found)


def party_from_text(jid: str | None) -> Party | None:
    """The person behind a JID as a string, of any device (`user:2@server`); None for what is no person."""
    user, _, server = (jid or "").partition("@")
    digits = user.partition(":")[0]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MAX_ADDRESS:
        return None
    if server in PHONE_SERVERS:
        return Party(phone=digits)
    return Party(lid=digits) if server in LID_SERVERS else None
