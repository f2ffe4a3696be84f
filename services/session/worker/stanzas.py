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

_TAG = re.compile(r'<(/?)([A-Za-z_][\w:.-]*)((?: [\w:.-]+="[^"<>]*")*) ?(/?)>')
_ATTRIBUTE = re.compile(r' ([\w:.-]+)="([^"<>]*)"')
_TEXT = re.compile(r"[^<>]*|<!-- \d+ bytes -->")
_JID = re.compile(r"(?:(?P<user>[^@:.]+)(?:\.\d+)?(?::(?P<device>\d{1,5}))?@)?(?P<server>[\w.]+)", re.ASCII)
_MAX_DEPTH = 8
_SHARED_SERVERS = ("g.us", "broadcast")
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
_LIBRARY_HANDLES = frozenset({401, 403, 405, 406, 500, 503})
"""Failures the library reports by events it can encode, or connects again after by itself."""


class Unreadable(ValueError):
    """The line is not a stanza, or one whose attributes cannot be told apart."""


@dataclass(frozen=True)
class Stanza:
    tag: str
    attributes: Mapping[str, str]
    children: list["Stanza"] = field(default_factory=list)

    def text(self, name: str) -> str:
        """Empty when there is no such attribute."""
        return self.attributes.get(name, "")


@dataclass(frozen=True)
class LoginFailure:
    """WhatsApp refused the login; the connection is over. `expire`: seconds a temporary ban lasts."""

    number: int
    code: int | None = None
    expire: int | None = None
    message: str = ""


def read_stanza(line: str) -> Stanza:
    """Raises Unreadable."""
    top, end = Stanza("", {}), 0
    open_ = [top]
    for found in _TAG.finditer(line):
        _check_text(line[end : found.start()], inside=len(open_) > 1)
        end = found.end()
        closing, tag, attributes, empty = found.groups()
        if closing:
            if len(open_) == 1 or open_.pop().tag != tag:
                raise Unreadable("an element ends that did not begin")
            continue
        stanza = Stanza(tag, _attributes(attributes))
        open_[-1].children.append(stanza)
        if not empty:
            open_.append(stanza)
        if len(open_) > _MAX_DEPTH:
            raise Unreadable("elements are nested too deep")
    _check_text(line[end:], inside=False)
    if len(open_) != 1 or len(top.children) != 1:
        raise Unreadable("not one element")
    return top.children[0]


def receipts_of(stanza: Stanza, own: Collection[str]) -> list[Any]:
    """The library's `Receipt` events for a receipt; none for a type nobody knows. `own`: the account's user names.
    Raises Unreadable."""
    kind = _RECEIPT_TYPES.get(stanza.text("type"))
    if kind is None:
        return []
    chat = _jid(stanza.text("from"))
    if chat.Server in _SHARED_SERVERS and "participant" not in stanza.attributes:
        groups = [child for child in stanza.children if child.tag == "participants"]
        users = [(group.text("key"), user) for group in groups for user in group.children if user.tag == "user"]
        return [
            _receipt(_source(stanza, chat, _jid(user.text("jid")), own), kind, [key], user.text("t"))
            for key, user in users
        ]
    sender = _jid(stanza.text("participant")) if chat.Server in _SHARED_SERVERS else chat
    return [_receipt(_source(stanza, chat, sender, own), kind, _ids(stanza), stanza.text("t"))]


def typing_of(stanza: Stanza, own: Collection[str]) -> Any:
    """The library's `ChatPresence` event; None for a state nobody knows. Raises Unreadable."""
    states = [child for child in stanza.children if child.tag in ("composing", "paused")]
    if not states:
        return None
    chat = _jid(stanza.text("from"))
    sender = _jid(stanza.text("participant")) if chat.Server in _SHARED_SERVERS else chat
    pb = _protobufs()
    return pb.ChatPresence(
        MessageSource=_source(stanza, chat, sender, own),
        State=pb.ChatPresence.ChatPresence.Value(states[0].tag.upper()),
        Media=pb.ChatPresence.ChatPresenceMedia.Value("AUDIO" if states[0].text("media") == "audio" else "TEXT"),
    )


def login_failure_of(stanza: Stanza) -> LoginFailure | None:
    """None for what the library handles by itself. Raises Unreadable."""
    number = _whole(stanza.text("reason"))
    if number is None:
        raise Unreadable("a failure without a number")
    if number in _LIBRARY_HANDLES:
        return None
    code, expire = _whole(stanza.text("code")), _whole(stanza.text("expire"))
    return LoginFailure(number, code, expire, stanza.text("message")[:200])


def _check_text(text: str, *, inside: bool) -> None:
    """What stands between two tags, perhaps a comment with the number of bytes that are not shown."""
    if text and not (inside and _TEXT.fullmatch(text)):
        raise Unreadable("marks that belong to no element")


def _attributes(text: str) -> dict[str, str]:
    pairs = _ATTRIBUTE.findall(text)
    names = [name for name, _ in pairs]
    if any(earlier >= later for earlier, later in pairwise(names)):
        raise Unreadable("attributes that repeat or are out of order")
    return dict(pairs)


def _receipt(source: Any, kind: str, ids: list[str], time: str) -> Any:
    seconds = _whole(time)
    if seconds is None:
        raise Unreadable("a receipt without a time")
    pb = _protobufs()
    return pb.Receipt(MessageSource=source, MessageIDs=ids, Timestamp=seconds, Type=pb.Receipt.ReceiptType.Value(kind))


def _ids(stanza: Stanza) -> list[str]:
    lists = [child for child in stanza.children if child.tag == "list"]
    more = [item.text("id") for item in lists[0].children if item.tag == "item"] if lists else []
    return [stanza.text("id"), *more]


def _source(stanza: Stanza, chat: Any, sender: Any, own: Collection[str]) -> Any:
    """No second address of the sender: it would stand behind the id, where it can be forged."""
    shared, mine = chat.Server in _SHARED_SERVERS, sender.User in own
    if mine and not shared:
        chat = _jid(stanza.text("recipient") or stanza.text("from"))
    nobody = _jid("")
    return _protobufs().MessageSource(
        Chat=_without_device(chat),
        Sender=sender,
        IsFromMe=mine,
        IsGroup=shared,
        SenderAlt=nobody,
        RecipientAlt=nobody,
        BroadcastListOwner=nobody,
    )


def _jid(text: str) -> Any:
    """An empty one for an empty text. Raises Unreadable."""
    found = _JID.fullmatch(text)
    if text and not found:
        raise Unreadable("an address that is none")
    user, device, server = found.group("user", "device", "server") if found else ("", None, "")
    number = int(device or 0)
    return _protobufs().JID(User=user or "", RawAgent=0, Device=number, Integrator=0, Server=server, IsEmpty=not text)


def _without_device(jid: Any) -> Any:
    plain = _protobufs().JID()
    plain.CopyFrom(jid)
    plain.Device = 0
    return plain


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _protobufs() -> Any:
    """The worker has loaded them before it was forked."""
    return sys.modules["neonize.proto.Neonize_pb2"]
