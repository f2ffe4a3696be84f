"""Bodies of the control interface. Phone numbers are E.164 digits without the plus."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{6,14}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=65536)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
ReceiptKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_-]{0,31}$")]
Status = Annotated[int, Field(ge=400, le=599)]


class Body(BaseModel):
    """Unknown fields are refused, so that a typing mistake does not pass unnoticed."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Body):
    pass


class NewPhone(Body):
    number: Number | None = None
    name: Name | None = None


class NewContact(NewPhone):
    addressing: Literal["lid", "pn"] = "lid"
    auto_receipts: list[Literal["delivered", "read"]] = []


class ContactChange(Body):
    """`name` may show nothing (`-`) or be empty; `verified_name` is that of a business."""

    name: Annotated[str, StringConstraints(max_length=5000)] | None = None
    verified_name: Annotated[str, StringConstraints(max_length=100)] | None = None
    addressing: Literal["lid", "pn"] | None = None
    auto_receipts: list[Literal["delivered", "read"]] | None = None


class Scan(Body):
    qr: Text


class EnterCode(Body):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}$")]


class Unlink(Body):
    device: int | None = None


class Online(Body):
    online: bool


class OwnerWrites(Body):
    text: Text
    to: Number | None = None


class OwnerReads(Body):
    sender: Number
    ids: Annotated[list[Text], Field(min_length=1, max_length=1000)]


class Drop(Body):
    abrupt: bool = False


class History(Body):
    """Texts by contact number, oldest first."""

    chats: dict[Number, list[Text]] = {}


class StreamError(Body):
    """A code (503, 599, ...) or a conflict; `close` ends the connection afterwards."""

    code: Annotated[int, Field(ge=100, le=999)] | None = None
    conflict: Literal["replaced", "device_removed"] | None = None
    close: bool | None = None


class ContactWrites(Body):
    to: Number
    text: Text
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")] | None = None


class ContactWritesMessage(Body):
    """A Message of any kind as protobuf JSON, or the bytes of one that no client would write. `t`: its time."""

    to: Number
    message: dict[str, Any] | None = None
    payload_base64: str | None = None
    through_list: bool = False
    t: Annotated[int, Field(ge=0, le=2**62)] | None = None


class ContactCalls(Body):
    to: Number
    video: bool = False
    end: Literal["timeout", "accepted_elsewhere", "rejected_elsewhere"] = "timeout"


class OwnerWritesToList(Body):
    to: Annotated[list[Number], Field(min_length=1, max_length=256)]
    text: Text


class ContactSendsFile(Body):
    to: Number
    kind: Literal["image", "video", "audio", "voice", "document", "sticker"]
    mime_type: Annotated[str, StringConstraints(pattern=r"^[\w.+-]+/[\w.+-]+(;.*)?$")]
    data_base64: str
    caption: str = ""


class AboutMessage(Body):
    """`id`: of the message that is answered, edited, revoked or reacted to."""

    to: Number
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
    text: Annotated[str, StringConstraints(max_length=65536)] = ""


class Unreadable(Body):
    """`unavailable`: view-once media, of which linked devices get nothing. Else `resends` says whether a readable
    copy follows, and `hide` whether clients are told to show nothing."""

    to: Number
    kind: Literal["undecryptable", "unavailable"] = "undecryptable"
    text: Text = "hello"
    resends: bool = True
    hide: bool = False


class Typing(Body):
    to: Number
    state: Literal["composing", "paused"]
    media: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,16}$")] | None = None


class Receipts(Body):
    to: Number
    ids: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    kind: ReceiptKind


class NewGroup(Body):
    subject: Name
    members: Annotated[list[Number], Field(min_length=1, max_length=256)]


class GroupText(Body):
    sender: Number = Field(alias="from")
    text: Text


class GroupRevoke(Body):
    """`from`: who deletes the message `id` for everyone; `author`: who wrote it, when that is another member."""

    sender: Number = Field(alias="from")
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
    author: Number | None = None


class Stanza(Body):
    """Texts that look like an address (`user@server`) are sent as one. A stanza without an id is not kept."""

    tag: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_:-]{0,63}$")]
    attributes: dict[str, str | int] = Field(default_factory=dict, max_length=50)
    children: "list[Stanza]" = Field(default_factory=list, max_length=1000)
    text: Annotated[str, StringConstraints(max_length=65536)] = ""


class FaultsBody(Body):
    """Fields left out go back to "nothing is wrong"."""

    fail_login: dict[str, Any] | None = None
    answer_pings: bool = True
    hold_message_acks: bool = False
    message_error: Status | None = None
    refuse_connections: bool = False
    media_fail_with: Status | None = None


class ServerFaults(Body):
    refuse_connections: bool = False
    media_fail_with: Status | None = None


class NewLoad(Body):
    """Either `seconds` or `count` says when it ends. `rate` = messages per second over all contacts."""

    to: Number
    contacts: Annotated[list[Number], Field(min_length=1)]
    rate: Annotated[float, Field(gt=0, le=2000)]
    seconds: Annotated[float, Field(gt=0, le=86400)] | None = None
    count: Annotated[int, Field(gt=0, le=1_000_000)] | None = None


class NewDemo(Body):
    number: Number
