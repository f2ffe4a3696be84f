"""The frames between supervisor, zygote and worker: one JSON object each, over a local socket (see framing.py).

`frame` names the class. Both ends are of one version, so an unknown frame is an error.

zygote socket (one per network)   supervisor → Fork (with one file descriptor attached); zygote → Forked, WorkerExited
worker socket (one per worker)    supervisor → Start, Stop, Send, SendReadReceipts, LookUpNumber, SendPresence,
                                  EventsConfirmed, Quit; worker → ConnectionUpdate, LinkingCode, JournaledEvent,
                                  EphemeralObserved, SendResult, ReadReceiptsResult, NumberLookupResult, FrameTooLarge
"""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from shared.contracts.ids import new_id


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReplyFrame(Frame):
    """Answers the request with the same `call_id`."""

    call_id: str


ReplyT = TypeVar("ReplyT", bound=ReplyFrame)


class RequestFrame(Frame, Generic[ReplyT]):
    """A frame that is answered by a frame of class `ReplyT`."""

    call_id: str = Field(default_factory=new_id)


# --- supervisor and zygote -----------------------------------------------------------------------------------------


class Forked(ReplyFrame):
    frame: Literal["forked"] = "forked"
    pid: int


class Fork(RequestFrame[Forked]):
    """Fork a worker process; its end of the worker socket is attached to this frame (SCM_RIGHTS)."""

    frame: Literal["fork"] = "fork"
    worker: str


class WorkerExited(Frame):
    """A negative status is the signal that ended the process."""

    frame: Literal["worker_exited"] = "worker_exited"
    worker: str
    status: int


# --- supervisor → worker: requests and their results ---------------------------------------------------------------


class SendResult(ReplyFrame):
    """accepted: with wa_id and timestamp. failed: with code and detail; the message did not go out. unconfirmed: it may
    have gone out. The codes are those of worker/send_results.py.
    """

    frame: Literal["send_result"] = "send_result"
    instance_id: str
    outcome: Literal["accepted", "failed", "unconfirmed"]
    wa_id: str | None = None
    timestamp: datetime | None = None
    code: str | None = None
    detail: str | None = None


class Send(RequestFrame[SendResult]):
    """Send a text to phone digits or `<lid>@lid`, not after `expires_at`. The worker replies within `timeout_s`."""

    frame: Literal["send"] = "send"
    instance_id: str
    to: str
    text: str
    timeout_s: float = 60
    expires_at: datetime | None = None
    order_key: int | None = None


class ReadReceiptsResult(ReplyFrame):
    """`error`: the library's message when the read receipts could not be sent, else None."""

    frame: Literal["read_receipts_result"] = "read_receipts_result"
    instance_id: str
    error: str | None = None


class SendReadReceipts(RequestFrame[ReadReceiptsResult]):
    """Send `sender` read receipts for their messages, in `group` when that is set."""

    frame: Literal["send_read_receipts"] = "send_read_receipts"
    instance_id: str
    wa_ids: tuple[str, ...]
    sender: str
    group: str | None = None


class NumberLookupResult(ReplyFrame):
    """`phone` and `lid`: the addresses of the account that has the number, digits; both None when nobody has it.
    `error`: why WhatsApp could not be asked."""

    frame: Literal["number_lookup_result"] = "number_lookup_result"
    instance_id: str
    phone: str | None = None
    lid: str | None = None
    error: str | None = None


class LookUpNumber(RequestFrame[NumberLookupResult]):
    """Ask WhatsApp which account has a phone number (digits)."""

    frame: Literal["look_up_number"] = "look_up_number"
    instance_id: str
    phone_number: str


# --- supervisor → worker -------------------------------------------------------------------------------------------


class Start(Frame):
    """Open the account's store and connect. Not linked yet: pair by QR, or by code when `phone_number` is given.

    `linked`: the supervisor has the account as linked. When the store has no device nevertheless, the worker reports
    ConnectionUpdate(event="keys_missing") instead of pairing anew.
    """

    frame: Literal["start"] = "start"
    instance_id: str
    organization_id: str
    directory: str
    method: Literal["qr", "code"] = "qr"
    phone_number: str | None = None
    linked: bool = False
    proxy: str | None = None
    """Proxy URL of the simulated network; None: the library uses the proxy of its environment."""


class Stop(Frame):
    """Close the connection of one instance. `logout` unlinks the device first.

    Followed by ConnectionUpdate(event="stopped"), after the last JournaledEvent of the instance was sent.
    """

    frame: Literal["stop"] = "stop"
    instance_id: str
    logout: bool = False


class SendPresence(Frame):
    """composing, recording, paused: show that to `to` (phone digits or `<lid>@lid`). subscribe: report the presence and
    typing of `to`. Either shows the account online. Not replied to, and not done after `until`."""

    frame: Literal["send_presence"] = "send_presence"
    instance_id: str
    to: str
    action: Literal["composing", "recording", "paused", "subscribe"]
    until: datetime


class EventsConfirmed(Frame):
    """JetStream has stored the journaled events of this instance up to and including `sequence`."""

    frame: Literal["events_confirmed"] = "events_confirmed"
    instance_id: str
    sequence: int


class Quit(Frame):
    """Stop every instance, then exit with status 0."""

    frame: Literal["quit"] = "quit"


# --- worker → supervisor -------------------------------------------------------------------------------------------


class LinkingCode(Frame):
    """A QR code (raw text, PNG data URL, ASCII art) or a pairing code that links the account."""

    frame: Literal["linking_code"] = "linking_code"
    instance_id: str
    kind: Literal["qr", "code"]
    code: str
    data_url: str = ""
    ascii_art: str = ""
    attempt: int = 1
    expires_at: datetime


ConnectionEvent = Literal[
    "paired",
    "connected",
    "disconnected",
    "unreachable",
    "logged_out",
    "restricted",
    "outdated",
    "replaced",
    "refused",
    "pairing_timeout",
    "pairing_failed",
    "stopped",
    "crashed",
    "keys_missing",
    "interrupted",
]
"""paired: linked now, jid and lid known; the library connects by itself · connected · disconnected: the library
reconnects by itself · unreachable: the first connect failed, the library gave up · logged_out · restricted (code,
until) · outdated · replaced · refused (reason) · pairing_timeout · pairing_failed (reason) · stopped: as the supervisor
asked · crashed: the adapter failed (reason) · keys_missing: the store holds no device · interrupted: the library ended.
"""


class ConnectionUpdate(Frame):
    """What happened to a connection, in the library's terms; supervisor/connection_state.py has what follows."""

    frame: Literal["connection_update"] = "connection_update"
    instance_id: str
    event: ConnectionEvent
    reason: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    jid: str | None = None
    until: datetime | None = None


class JournaledEvent(Frame):
    """An event from the worker's journal to publish: its subject and JSON body (classes of shared/contracts/events.py).

    `error` set: the message could not be decoded; `body` is the base64 of the protobuf and goes to the dead letters.
    """

    frame: Literal["journaled_event"] = "journaled_event"
    instance_id: str
    sequence: int
    subject: str
    body: str
    error: str | None = None


class EphemeralObserved(Frame):
    """Typing or presence of a contact: subject and JSON body of a class of shared/contracts/ephemeral.py."""

    frame: Literal["ephemeral_observed"] = "ephemeral_observed"
    instance_id: str
    subject: str
    body: str


class FrameTooLarge(Frame):
    """The worker could not send a frame of class `kind`: a JournaledEvent goes to the dead letters, others are lost."""

    frame: Literal["frame_too_large"] = "frame_too_large"
    instance_id: str
    kind: str
    size_bytes: int


FromZygote = Annotated[Forked | WorkerExited, Field(discriminator="frame")]
ToWorker = Annotated[
    Start | Stop | Send | SendPresence | SendReadReceipts | LookUpNumber | EventsConfirmed | Quit,
    Field(discriminator="frame"),
]
FromWorker = Annotated[
    LinkingCode
    | ConnectionUpdate
    | JournaledEvent
    | EphemeralObserved
    | SendResult
    | ReadReceiptsResult
    | NumberLookupResult
    | FrameTooLarge,
    Field(discriminator="frame"),
]

FROM_ZYGOTE: TypeAdapter[FromZygote] = TypeAdapter(FromZygote)
TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(ToWorker)
FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(FromWorker)
