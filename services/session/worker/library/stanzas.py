"""Parses received stanzas from the library's debug log, for what its own events cannot carry. Pure.

A receipt of a type that the library does not know, a chat state with an unknown medium and a login failure with an
unknown number are events that it cannot encode, and the first such event ends its loop for good. So these three are
read from the log line that precedes each stanza.

The log escapes nothing. An id that another client chose may hold quotes and pretend to be more attributes. So names
must be in ascending order without repetition (the log sorts them), and an attribute behind the id is used only where
the real attribute must stand too: a forged one is then a repetition.
"""

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from services.session.worker.mapping.protobufs import ChatPresenceProtobuf, JidProtobuf, ReceiptProtobuf, SourceProtobuf

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
"""The library reports these by events that it can encode, or reconnects after them by itself."""


class StanzaParseError(ValueError):
    """The line is not a stanza, or its attributes are ambiguous."""


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
    """WhatsApp refused the login and the connection has ended. `expires_in_s`: how long a temporary ban lasts."""

    number: int
    code: int | None = None
    expires_in_s: int | None = None
    message: str = ""


def parse_stanza(line: str) -> StanzaElement:
    """Raises StanzaParseError."""
    root, end = StanzaElement("", {}), 0
    open_elements = [root]
    for match in _TAG_PATTERN.finditer(line):
        _check_between_tags(line[end : match.start()], inside=len(open_elements) > 1)
        end = match.end()
        closing, tag, attributes, empty = match.groups()
        if closing:
            if len(open_elements) == 1 or open_elements.pop().tag != tag:
                raise StanzaParseError("an end tag without its start tag")
            continue
        element = StanzaElement(tag, _parse_attributes(attributes))
        open_elements[-1].children.append(element)
        if not empty:
            open_elements.append(element)
        if len(open_elements) > _MAX_ELEMENT_DEPTH:
            raise StanzaParseError("elements are nested too deep")
    _check_between_tags(line[end:], inside=False)
    if len(open_elements) != 1 or len(root.children) != 1:
        raise StanzaParseError("not exactly one element")
    return root.children[0]


def receipts_from(stanza: StanzaElement, own_users: Collection[str]) -> list[ReceiptProtobuf]:
    """The library's `Receipt` events for a receipt; none for an unknown type. `own_users`: user parts of the account's
    own JIDs. Raises StanzaParseError."""
    kind = _RECEIPT_TYPES.get(stanza.attribute("type"))
    if kind is None:
        return []
    chat = _parse_jid(stanza.attribute("from"))
    if chat.Server in _MULTI_USER_SERVERS and "participant" not in stanza.attributes:
        groups = [child for child in stanza.children if child.tag == "participants"]
        users = [(group.attribute("key"), user) for group in groups for user in group.children if user.tag == "user"]
        receipts = []
        for message_id, user in users:
            source = _message_source(stanza, chat, _parse_jid(user.attribute("jid")), own_users)
            receipts.append(_build_receipt(source, kind, [message_id], user.attribute("t")))
        return receipts
    source = _message_source(stanza, chat, _sender(stanza, chat), own_users)
    return [_build_receipt(source, kind, _message_ids(stanza), stanza.attribute("t"))]


def chat_presence_from(stanza: StanzaElement, own_users: Collection[str]) -> ChatPresenceProtobuf | None:
    """The library's `ChatPresence` event; None for an unknown state. Raises StanzaParseError."""
    states = [child for child in stanza.children if child.tag in ("composing", "paused")]
    if not states:
        return None
    chat = _parse_jid(stanza.attribute("from"))
    pb = protobufs()
    presence: ChatPresenceProtobuf = pb.ChatPresence(
        MessageSource=_message_source(stanza, chat, _sender(stanza, chat), own_users),
        State=pb.ChatPresence.ChatPresence.Value(states[0].tag.upper()),
        Media=pb.ChatPresence.ChatPresenceMedia.Value("AUDIO" if states[0].attribute("media") == "audio" else "TEXT"),
    )
    return presence


def login_failure_from(stanza: StanzaElement) -> LoginFailure | None:
    """None for a failure that the library handles itself. Raises StanzaParseError."""
    number = _parse_integer(stanza.attribute("reason"))
    if number is None:
        raise StanzaParseError("a failure without a number")
    if number in _LIBRARY_HANDLED_FAILURES:
        return None
    return LoginFailure(
        number,
        code=_parse_integer(stanza.attribute("code")),
        expires_in_s=_parse_integer(stanza.attribute("expire")),
        message=stanza.attribute("message")[:200],
    )


def _check_between_tags(text: str, *, inside: bool) -> None:
    """Between two tags the log writes nothing, or a comment with the number of bytes that it leaves out."""
    if text and not (inside and _COMMENT_PATTERN.fullmatch(text)):
        raise StanzaParseError("characters that belong to no element")


def _parse_attributes(text: str) -> dict[str, str]:
    pairs = _ATTRIBUTE_PATTERN.findall(text)
    names = [name for name, _ in pairs]
    if any(earlier >= later for earlier, later in pairwise(names)):
        raise StanzaParseError("attributes that repeat or are out of order")
    return dict(pairs)


def _build_receipt(source: SourceProtobuf, kind: str, ids: list[str], time: str) -> ReceiptProtobuf:
    timestamp = _parse_integer(time)
    if timestamp is None:
        raise StanzaParseError("a receipt without a time")
    pb = protobufs()
    kind_number = pb.Receipt.ReceiptType.Value(kind)
    receipt: ReceiptProtobuf = pb.Receipt(MessageSource=source, MessageIDs=ids, Timestamp=timestamp, Type=kind_number)
    return receipt


def _message_ids(stanza: StanzaElement) -> list[str]:
    lists = [child for child in stanza.children if child.tag == "list"]
    more = [item.attribute("id") for item in lists[0].children if item.tag == "item"] if lists else []
    return [stanza.attribute("id"), *more]


def _sender(stanza: StanzaElement, chat: JidProtobuf) -> JidProtobuf:
    return _parse_jid(stanza.attribute("participant")) if chat.Server in _MULTI_USER_SERVERS else chat


def _message_source(
    stanza: StanzaElement, chat: JidProtobuf, sender: JidProtobuf, own_users: Collection[str]
) -> SourceProtobuf:
    """Without the sender's second address: that attribute would stand behind the id, where it can be forged."""
    is_multi_user = chat.Server in _MULTI_USER_SERVERS
    is_from_me = sender.User in own_users
    if is_from_me and not is_multi_user:
        chat = _parse_jid(stanza.attribute("recipient") or stanza.attribute("from"))
    chat_without_device = protobufs().JID()
    chat_without_device.CopyFrom(chat)
    chat_without_device.Device = 0
    empty = _parse_jid("")
    source: SourceProtobuf = protobufs().MessageSource(
        Chat=chat_without_device,
        Sender=sender,
        IsFromMe=is_from_me,
        IsGroup=is_multi_user,
        SenderAlt=empty,
        RecipientAlt=empty,
        BroadcastListOwner=empty,
    )
    return source


def _parse_jid(text: str) -> JidProtobuf:
    """The empty JID for an empty text. Raises StanzaParseError."""
    match = _JID_PATTERN.fullmatch(text)
    if text and not match:
        raise StanzaParseError("an address that is not a JID")
    user, device, server = match.group("user", "device", "server") if match else ("", None, "")
    number = int(device or 0)
    jid: JidProtobuf = protobufs().JID(
        User=user or "", RawAgent=0, Device=number, Integrator=0, Server=server, IsEmpty=not text
    )
    return jid


def _parse_integer(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def source_of_message(stanza: StanzaElement, own_users: Collection[str]) -> SourceProtobuf:
    """Chat and sender of a message. Raises StanzaParseError."""
    chat = _parse_jid(stanza.attribute("from"))
    return _message_source(stanza, chat, _sender(stanza, chat), own_users)


def protobufs() -> Any:
    """The protobuf classes; preload.py has loaded them before the worker was forked."""
    return sys.modules["neonize.proto.Neonize_pb2"]
