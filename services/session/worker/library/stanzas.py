"""Received stanzas, as the library writes them into its debug log → what its own events cannot carry. Pure.

A receipt of a type the library does not know, a chat state with an unknown medium or a login failure with an unknown
number is an event it cannot encode, and the first such event ends its loop for good. So these three are taken from the
log line that precedes each stanza.

The log escapes nothing. An id that another client chose may hold quotes and pretend to be more attributes, so names
must come in rising order without a repetition (the log sorts them), and what stands behind the id is used only where
the real attribute must stand too: a forged one is then a repetition.
"""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_TAG_PATTERN = re.compile(r'<(/?)([A-Za-z_][\w:.-]*)((?: [\w:.-]+="[^"<>]*")*) ?(/?)>')
_ATTRIBUTE_PATTERN = re.compile(r' ([\w:.-]+)="([^"<>]*)"')
_COMMENT_PATTERN = re.compile(r"[^<>]*|<!-- \d+ bytes -->")
_JID_PATTERN = re.compile(r"(?:(?P<user>[^@:.]+)(?:\.\d+)?(?::(?P<device>\d{1,5}))?@)?(?P<server>[\w.]+)", re.ASCII)
_MAX_ELEMENT_DEPTH = 8
_MULTI_USER_SERVERS = ("g.us", "broadcast")
_RECEIPT_TYPES = {
    "": "DELIVERED",
    "sender": "SENDER",
    "retry": "RETRY",
    "read": "READ",
    "read-self": "READ_SELF",
    "played": "PLAYED",
    "played-self": "PLAYED_SELF",
    "server-error": "SERVER_ERROR",
    "inactive": "INACTIVE",
    "peer_msg": "PEER_MSG",
    "hist_sync": "HISTORY_SYNC",
}
_LIBRARY_HANDLED_FAILURES = frozenset({401, 403, 405, 406, 500, 503})
"""Failures the library reports by events it can encode, or connects again after by itself."""


class StanzaParseError(ValueError):
    """The line is not a stanza, or one whose attributes cannot be told apart."""


@dataclass(frozen=True)
class StanzaElement:
    tag: str
    attributes: Mapping[str, str]
    children: list["StanzaElement"] = field(default_factory=list)

    def attribute(self, name: str) -> str:
        """Empty when there is no such attribute."""
        return self.attributes.get(name, "")


@dataclass(frozen=True)
class LoginFailure:
    """WhatsApp refused the login; the connection is over. `expire`: seconds a temporary ban lasts."""

    number: int
    code: int | None = None
    expires_in_s: int | None = None
    message: str = ""


def parse_stanza(line: str) -> StanzaElement:
    """Raises StanzaParseError."""
    top, end = StanzaElement("", {}), 0
    open_ = [top]
    for found in _TAG_PATTERN.finditer(line):
        _check_between_tags(line[end : found.start()], inside=len(open_) > 1)
        end = found.end()
        closing, tag, attributes, empty = found.groups()
        if closing:
            if len(open_) == 1 or open_.pop().tag != tag:
                raise StanzaParseError("an element ends that did not begin")
            continue
        stanza = StanzaElement(tag, _parse_attributes(attributes))
        open_[-1].children.append(stanza)
        if not empty:
            open_.append(stanza)
        if len(open_) > _MAX_ELEMENT_DEPTH:
            raise StanzaParseError("elements are nested too deep")
    _check_between_tags(line[end:], inside=False)
    if len(open_) != 1 or len(top.children) != 1:
        raise StanzaParseError("not one element")
    return top.children[0]


def receipts_from(stanza: StanzaElement, own: Collection[str]) -> list[Any]:
    """The library's `Receipt` events for a receipt; none for a type nobody knows. `own`: the account's user names.
    Raises StanzaParseError."""
    kind = _RECEIPT_TYPES.get(stanza.attribute("type"))
    if kind is None:
        return []
    chat = _parse_jid(stanza.attribute("from"))
    if chat.Server in _MULTI_USER_SERVERS and "participant" not in stanza.attributes:
        groups = [child for child in stanza.children if child.tag == "participants"]
        users = [(group.attribute("key"), user) for group in groups for user in group.children if user.tag == "user"]
        return [
            _build_receipt(
                _message_source(stanza, chat, _parse_jid(user.attribute("jid")), own), kind, [key], user.attribute("t")
            )
            for key, user in users
        ]
    sender = _parse_jid(stanza.attribute("participant")) if chat.Server in _MULTI_USER_SERVERS else chat
    return [
        _build_receipt(_message_source(stanza, chat, sender, own), kind, _message_ids(stanza), stanza.attribute("t"))
    ]


def chat_presence_from(stanza: StanzaElement, own: Collection[str]) -> Any:
    """The library's `ChatPresence` event; None for a state nobody knows. Raises StanzaParseError."""
    states = [child for child in stanza.children if child.tag in ("composing", "paused")]
    if not states:
        return None
    chat = _parse_jid(stanza.attribute("from"))
    sender = _parse_jid(stanza.attribute("participant")) if chat.Server in _MULTI_USER_SERVERS else chat
    pb = _protobufs()
    return pb.ChatPresence(
        MessageSource=_message_source(stanza, chat, sender, own),
        State=pb.ChatPresence.ChatPresence.Value(states[0].tag.upper()),
        Media=pb.ChatPresence.ChatPresenceMedia.Value("AUDIO" if states[0].attribute("media") == "audio" else "TEXT"),
    )


def login_failure_from(stanza: StanzaElement) -> LoginFailure | None:
    """None for what the library handles by itself. Raises StanzaParseError."""
    number = _parse_integer(stanza.attribute("reason"))
    if number is None:
        raise StanzaParseError("a failure without a number")
    if number in _LIBRARY_HANDLED_FAILURES:
        return None
    code, expire = _parse_integer(stanza.attribute("code")), _parse_integer(stanza.attribute("expire"))
    return LoginFailure(number, code, expire, stanza.attribute("message")[:200])


def _check_between_tags(text: str, *, inside: bool) -> None:
    """What stands between two tags, perhaps a comment with the number of bytes that are not shown."""
    if text and not (inside and _COMMENT_PATTERN.fullmatch(text)):
        raise StanzaParseError("marks that belong to no element")


def _parse_attributes(text: str) -> dict[str, str]:
    pairs = _ATTRIBUTE_PATTERN.findall(text)
    names = [name for name, _ in pairs]
    if any(earlier >= later for earlier, later in pairwise(names)):
        raise StanzaParseError("attributes that repeat or are out of order")
    return dict(pairs)


def _build_receipt(source: Any, kind: str, ids: list[str], time: str) -> Any:
    seconds = _parse_integer(time)
    if seconds is None:
        raise StanzaParseError("a receipt without a time")
    pb = _protobufs()
    return pb.Receipt(MessageSource=source, MessageIDs=ids, Timestamp=seconds, Type=pb.Receipt.ReceiptType.Value(kind))


def _message_ids(stanza: StanzaElement) -> list[str]:
    lists = [child for child in stanza.children if child.tag == "list"]
    more = [item.attribute("id") for item in lists[0].children if item.tag == "item"] if lists else []
    return [stanza.attribute("id"), *more]


def _message_source(stanza: StanzaElement, chat: Any, sender: Any, own: Collection[str]) -> Any:
    """No second address of the sender: it would stand behind the id, where it can be forged."""
    shared, mine = chat.Server in _MULTI_USER_SERVERS, sender.User in own
    if mine and not shared:
        chat = _parse_jid(stanza.attribute("recipient") or stanza.attribute("from"))
    nobody = _parse_jid("")
    return _protobufs().MessageSource(
        Chat=_without_device(chat),
        Sender=sender,
        IsFromMe=mine,
        IsGroup=shared,
        SenderAlt=nobody,
        RecipientAlt=nobody,
        BroadcastListOwner=nobody,
    )


def _parse_jid(text: str) -> Any:
    """An empty one for an empty text. Raises StanzaParseError."""
    found = _JID_PATTERN.fullmatch(text)
    if text and not found:
        raise StanzaParseError("an address that is none")
    user, device, server = found.group("user", "device", "server") if found else ("", None, "")
    number = int(device or 0)
    return _protobufs().JID(User=user or "", RawAgent=0, Device=number, Integrator=0, Server=server, IsEmpty=not text)


def _without_device(jid: Any) -> Any:
    plain = _protobufs().JID()
    plain.CopyFrom(jid)
    plain.Device = 0
    return plain


def _parse_integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _protobufs() -> Any:
    """The worker has loaded them before it was forked."""
    return sys.modules["neonize.proto.Neonize_pb2"]
