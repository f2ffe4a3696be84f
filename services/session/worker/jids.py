"""Addresses of the library (JIDs) → parties of ours, and which chats are with no person. Pure."""

import re
from typing import Any

from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ADDRESS

PHONE_SERVERS = frozenset({"s.whatsapp.net", "hosted"})
LID_SERVERS = frozenset({"lid", "hosted.lid"})
GROUP_SERVER = "g.us"
_USER = re.compile(r"[\w.+-]+", re.ASCII)
_ROBOT_NUMBER = re.compile(r"1313555\d{4}|131655500\d{2}", re.ASCII)
"""Meta's own assistants, which also have numbers."""
_SERVICE_USER = "0"
"""WhatsApp itself: its announcements come from 0@s.whatsapp.net."""


class Untranslatable(ValueError):
    """The event holds something that should have become an event of ours and could not."""


def no_chat(source: Any) -> str | None:
    """What a `MessageSource` is when its chat is with no person and no group; None for the others."""
    server = source.Chat.Server
    if server == "newsletter" or (server == "broadcast" and not is_broadcast_list(source.Chat)):
        return str(server)
    if is_robot(source.Chat) or is_robot(source.Sender):
        return "robot"
    if _is_service(source.Chat) or _is_service(source.Sender):
        return "service"
    return None


def is_broadcast_list(chat: Any) -> bool:
    """A list of recipients that one person keeps, unlike `status@broadcast`, which everybody may read."""
    return chat.Server == "broadcast" and bool(chat.User.isascii() and chat.User.isdigit())


def is_robot(jid: Any) -> bool:
    return jid.Server == "bot" or (jid.Server in PHONE_SERVERS and bool(_ROBOT_NUMBER.fullmatch(jid.User)))


def _is_service(jid: Any) -> bool:
    return jid.Server in PHONE_SERVERS and jid.User == _SERVICE_USER


def group_of(chat: Any) -> str | None:
    """Raises Untranslatable."""
    return f"{_user(chat)}@{GROUP_SERVER}" if chat.Server == GROUP_SERVER else None


def _user(jid: Any) -> str:
    """Raises Untranslatable for what is no user part of a JID."""
    user: str = jid.User
    if len(user) > MAX_ADDRESS or not _USER.fullmatch(user):
        raise Untranslatable("an address that is too long, or holds what no address holds")
    return user


def party_of(jid: Any, other: Any) -> Party:
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


def party_of_text(jid: str | None) -> Party | None:
    """The person behind a JID as a string, of any device (`user:2@server`); None for what is no person."""
    user, _, server = (jid or "").partition("@")
    digits = user.partition(":")[0]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MAX_ADDRESS:
        return None
    if server in PHONE_SERVERS:
        return Party(phone=digits)
    return Party(lid=digits) if server in LID_SERVERS else None
