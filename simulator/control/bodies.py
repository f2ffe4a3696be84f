"""Bodies of the control interface. Phone numbers are E.164 digits without the plus."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Number = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{6,14}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=65536)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
ReceiptKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_-]{0,31}$")]
Status = Annotated[int, Field(ge=400, le=599)]


class ControlBody(BaseModel):
    """Rejects unknown fields, so that a misspelled name is noticed."""

    model_config = ConfigDict(extra="forbid")


class EmptyBody(ControlBody):
    pass


class NewPhone(ControlBody):
    number: Number | None = None
    name: Name | None = None


class NewContact(NewPhone):
    addressing: Literal["lid", "pn"] = "lid"
    auto_receipts: list[Literal["delivered", "read"]] = []


class ContactChange(ControlBody):
    """`name` may be empty or without letters (`-`); `verified_name` makes the contact a business."""

    name: Annotated[str, StringConstraints(max_length=5000)] | None = None
    verified_name: Annotated[str, StringConstraints(max_length=100)] | None = None
    addressing: Literal["lid", "pn"] | None = None
    auto_receipts: list[Literal["delivered", "read"]] | None = None


class ScanBody(ControlBody):
    qr: Text


class EnterCodeBody(ControlBody):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{4}-?[0-9A-Za-z]{4}$")]


class UnlinkBody(ControlBody):
    device: int | None = None


class OnlineBody(ControlBody):
    online: bool


class OwnerWrites(ControlBody):
    text: Text
    to: Number | None = None


class OwnerReads(ControlBody):
    sender: Number
    ids: Annotated[list[Text], Field(min_length=1, max_length=1000)]


class DropBody(ControlBody):
    abrupt: bool = False


class HistoryBody(ControlBody):
    """Texts by contact number, oldest first."""

    chats: dict[Number, list[Text]] = {}


class StreamErrorBody(ControlBody):
    """A code (503, 599, ...) or a conflict; `close` ends the connection afterwards."""

    code: Annotated[int, Field(ge=100, le=999)] | None = None
    conflict: Literal["replaced", "device_removed"] | None = None
    close: bool | None = None


class ContactWrites(ControlBody):
    to: Number
    text: Text
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")] | None = None


class ContactWritesMessage(ControlBody):
    """A Message of any kind as protobuf JSON, or the bytes of one that no client would send. `t`: its timestamp."""

    to: Number
    message: dict[str, Any] | None = None
    payload_base64: str | None = None
    through_list: bool = False
    t: Annotated[int, Field(ge=0, le=2**62)] | None = None


class ContactCalls(ControlBody):
    to: Number
    video: bool = False
    end: Literal["timeout", "accepted_elsewhere", "rejected_elsewhere"] = "timeout"


class OwnerWritesToList(ControlBody):
    to: Annotated[list[Number], Field(min_length=1, max_length=256)]
    text: Text


class ContactSendsFile(ControlBody):
    to: Number
    kind: Literal["image", "video", "audio", "voice", "document", "sticker"]
    mime_type: Annotated[str, StringConstraints(pattern=r"^[\w.+-]+/[\w.+-]+(;.*)?$")]
    data_base64: str
    caption: str = ""


class AboutMessage(ControlBody):
    """`id`: the message that is answered, edited, revoked or reacted to."""

    to: Number
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
    text: Annotated[str, StringConstraints(max_length=65536)] = ""


class UnreadableBody(ControlBody):
    """`unavailable`: view-once media, whose content linked devices do not get. `resends`: a readable copy follows a
    retry receipt. `hide`: clients are asked to show nothing."""

    to: Number
    kind: Literal["undecryptable", "unavailable"] = "undecryptable"
    text: Text = "hello"
    resends: bool = True
    hide: bool = False


class TypingBody(ControlBody):
    to: Number
    state: Literal["composing", "paused"]
    media: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,16}$")] | None = None


class ReceiptsBody(ControlBody):
    to: Number
    ids: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    kind: ReceiptKind


class NewGroup(ControlBody):
    subject: Name
    members: Annotated[list[Number], Field(min_length=1, max_length=256)]


class GroupText(ControlBody):
    sender: Number = Field(alias="from")
    text: Text


class GroupRevoke(ControlBody):
    """`from`: the member who deletes the message `id` for everyone; `author`: its author, if that is another member."""

    sender: Number = Field(alias="from")
    id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
    author: Number | None = None


class StanzaBody(ControlBody):
    """Attribute values like `user@server` are sent as JIDs. A stanza without an id reaches only online devices."""

    tag: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_:-]{0,63}$")]
    attributes: dict[str, str | int] = Field(default_factory=dict, max_length=50)
    children: "list[StanzaBody]" = Field(default_factory=list, max_length=1000)
    text: Annotated[str, StringConstraints(max_length=65536)] = ""


class FaultsBody(ControlBody):
    """Missing fields reset to no fault."""

    fail_login: dict[str, Any] | None = None
    answer_pings: bool = True
    hold_message_acks: bool = False
    message_error: Status | None = None
    refuse_connections: bool = False
    media_fail_with: Status | None = None


class ServerFaults(ControlBody):
    refuse_connections: bool = False
    media_fail_with: Status | None = None


class NewLoad(ControlBody):
    """Ends after `seconds` or after `count` messages. `to`: one phone, or several, which get messages in turn. `rate`:
    messages per second over all contacts and phones."""

    to: Number | Annotated[list[Number], Field(min_length=1)]
    contacts: Annotated[list[Number], Field(min_length=1)]
    rate: Annotated[float, Field(gt=0, le=2000)]
    seconds: Annotated[float, Field(gt=0, le=86400)] | None = None
    count: Annotated[int, Field(gt=0, le=1_000_000)] | None = None


class NewDemo(ControlBody):
    number: Number
