"""Converts the library's addresses (JIDs) to our `Party`, and recognises chats that are not with a person. Pure."""

import re

from services.session.worker.mapping.protobufs import JidProtobuf, SourceProtobuf
from shared.contracts.addresses import LID_SERVERS, PHONE_SERVERS
from shared.contracts.records import Party
from shared.text.bounded_text import MAX_ADDRESS

GROUP_SERVER = "g.us"
_USER_PATTERN = re.compile(r"[\w.+-]+", re.ASCII)
_BOT_NUMBER = re.compile(r"1313555\d{4}|131655500\d{2}", re.ASCII)
"""Meta's own assistants, which have phone numbers too."""
_SERVICE_USER = "0"
"""WhatsApp's announcements come from 0@s.whatsapp.net."""


class UnmappableEvent(ValueError):
    """The event should become an event of ours, but holds something that none can hold."""


def excluded_chat(source: SourceProtobuf) -> str | None:
    """The kind of a chat that is with no person and no group; None for the others."""
    server = source.Chat.Server
    if server == "newsletter" or (server == "broadcast" and not is_broadcast_list(source.Chat)):
        return server
    if is_bot(source.Chat) or is_bot(source.Sender):
        return "bot"
    if _is_whatsapp_itself(source.Chat) or _is_whatsapp_itself(source.Sender):
        return "service"
    return None


def is_broadcast_list(chat: JidProtobuf) -> bool:
    """A list of recipients that one person has made, unlike `status@broadcast`, which everybody may read."""
    return chat.Server == "broadcast" and chat.User.isascii() and chat.User.isdigit()


def is_bot(jid: JidProtobuf) -> bool:
    return jid.Server == "bot" or (jid.Server in PHONE_SERVERS and bool(_BOT_NUMBER.fullmatch(jid.User)))


def _is_whatsapp_itself(jid: JidProtobuf) -> bool:
    return jid.Server in PHONE_SERVERS and jid.User == _SERVICE_USER


def group_jid(chat: JidProtobuf) -> str | None:
    """Raises UnmappableEvent."""
    return f"{_checked_user(chat)}@{GROUP_SERVER}" if chat.Server == GROUP_SERVER else None


def _checked_user(jid: JidProtobuf) -> str:
    """The user part of a JID. Raises UnmappableEvent when it is malformed."""
    user = jid.User
    if len(user) > MAX_ADDRESS or not _USER_PATTERN.fullmatch(user):
        raise UnmappableEvent("an address that is too long, or has characters that no address has")
    return user


def party_from_jids(jid: JidProtobuf, other_jid: JidProtobuf) -> Party:
    """The person who has both addresses; the library may know only one. Raises UnmappableEvent."""
    addresses: dict[str, str] = {}
    for address in (jid, other_jid):
        if address.User and address.Server in PHONE_SERVERS:
            addresses.setdefault("phone", _checked_user(address))
        elif address.User and address.Server in LID_SERVERS:
            addresses.setdefault("lid", _checked_user(address))
    if not addresses:
        raise UnmappableEvent(f"an address on the server {jid.Server[:64]!r} is neither a phone number nor a LID")
    return Party.model_validate(addresses)


def party_from_text(jid: str | None) -> Party | None:
    """The person with this JID, of any of their devices (`user:2@server`); None when it is not that of a person."""
    user, _, server = (jid or "").partition("@")
    digits = user.partition(":")[0]
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MAX_ADDRESS:
        return None
    if server in PHONE_SERVERS:
        return Party(phone=digits)
    return Party(lid=digits) if server in LID_SERVERS else None
