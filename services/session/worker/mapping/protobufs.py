"""The library's protobufs, as far as their fields are used here.

The generated classes have stubs, but their package is not marked as typed and its modules are top-level names that only
the package itself can import. So these protocols describe the envelopes of events; a message's content has more than a
hundred classes, whose fields are not typed.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

ContentProtobuf: TypeAlias = Any
"""A `waE2E.Message`, or a part of one."""
EventProtobuf: TypeAlias = Any
"""An event of a class that its name determines."""


class JidProtobuf(Protocol):
    User: str
    Server: str
    Device: int


class RecipientProtobuf(Protocol):
    """Of a broadcast list."""

    LID: JidProtobuf
    PN: JidProtobuf


class SourceProtobuf(Protocol):
    """`MessageSource`: the chat and the sender, each perhaps with a second address."""

    Chat: JidProtobuf
    Sender: JidProtobuf
    SenderAlt: JidProtobuf
    RecipientAlt: JidProtobuf
    BroadcastRecipients: Sequence[RecipientProtobuf]
    IsFromMe: bool


class VerifiedNameDetailsProtobuf(Protocol):
    verifiedName: str


class VerifiedNameProtobuf(Protocol):
    Details: VerifiedNameDetailsProtobuf


class InfoProtobuf(Protocol):
    """`MessageInfo`."""

    ID: str
    MessageSource: SourceProtobuf
    Pushname: str
    VerifiedName: VerifiedNameProtobuf
    Timestamp: int
    Edit: str


class MessageProtobuf(Protocol):
    """The event `Message`."""

    Info: InfoProtobuf
    Message: ContentProtobuf


class UndecryptableProtobuf(Protocol):
    """The event `UndecryptableMessage`."""

    Info: InfoProtobuf
    IsUnavailable: bool

    def SerializeToString(self) -> bytes: ...


class ReceiptProtobuf(Protocol):
    MessageSource: SourceProtobuf
    MessageIDs: Sequence[str]
    Timestamp: int

    def SerializeToString(self) -> bytes: ...


class ChatPresenceProtobuf(Protocol):
    MessageSource: SourceProtobuf


class PresenceProtobuf(Protocol):
    From: JidProtobuf
    Unavailable: bool
    LastSeen: int


class CallMetaProtobuf(Protocol):
    """`BasicCallMeta`; its field `from` is a word of Python."""

    callID: str
    callCreator: JidProtobuf
    callCreatorAlt: JidProtobuf
    timestamp: int
