"""What supervisor, zygote and worker say to each other: one JSON object per frame over a local socket.

`frame` names the class; how a frame travels: framing.py. Both ends are of one version: unknown frames are an error.

zygote socket (one per network)   supervisor → Fork (with one file descriptor attached), zygote → Forked, WorkerExited
worker socket (one per worker)    supervisor → Start, Stop, Send, Show, Mark, Resolve, Published,
                                  Quit; worker → Issued, Changed, Entry, Sent, Noticed, Marked, Resolved, TooLarge
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Frame(BaseModel):
    model_config = ConfigDict(frozen=True)


# --- supervisor and zygote -----------------------------------------------------------------------------------------


class Fork(Frame):
    """Make a worker; its end of the worker socket travels with this frame (SCM_RIGHTS)."""

    frame: Literal["fork"] = "fork"
    worker: str


class Forked(Frame):
    frame: Literal["forked"] = "forked"
    worker: str
    pid: int


class WorkerExited(Frame):
    """Negative status: the signal that ended it."""

    frame: Literal["worker_exited"] = "worker_exited"
    worker: str
    status: int


# --- supervisor → worker -------------------------------------------------------------------------------------------


class Start(Frame):
    """Open the account's store and connect. Not linked yet: pair by QR, or by code when `phone_number` is given.

    `linked`: the supervisor knows the account as linked; when the store has no device nevertheless, the worker answers
    Changed(state="keys_missing") instead of pairing anew.
    """

    frame: Literal["start"] = "start"
    instance_id: str
    organization_id: str
    directory: str
    method: Literal["qr", "code"] = "qr"
    phone_number: str | None = None
    linked: bool = False
    proxy: str | None = None
    """Proxy URL of the simulated network, else None and the environment decides."""


class Stop(Frame):
    """Close the connection of one instance: disconnect, drain, stop. `logout` unlinks the device first.

    Answered by Changed(state="stopped"), after the last Entry of the instance was sent.
    """

    frame: Literal["stop"] = "stop"
    instance_id: str
    logout: bool = False


class Send(Frame):
    """Send a text to phone digits or `<lid>@lid`, not after `expires_at`; answered by Sent within `timeout` seconds."""

    frame: Literal["send"] = "send"
    instance_id: str
    message_id: str
    to: str
    text: str
    timeout: float = 60
    expires_at: datetime | None = None
    order_key: int | None = None


class Show(Frame):
    """Let `to` (phone digits or `<lid>@lid`) see that somebody types, records or stopped; `watching`: tell when he
    comes, goes or types. The account is shown online. Not answered, and not done after `until`."""

    frame: Literal["show"] = "show"
    instance_id: str
    to: str
    what: Literal["composing", "recording", "paused", "watching"]
    until: datetime


class Mark(Frame):
    """Give `sender` the read ticks of his messages, in `group` when that is set. Answered by Marked with `mark_id`."""

    frame: Literal["mark"] = "mark"
    instance_id: str
    mark_id: str
    wa_ids: tuple[str, ...]
    sender: str
    group: str | None = None


class Resolve(Frame):
    """Ask WhatsApp which account answers to a phone number (digits). Answered by Resolved with the same question."""

    frame: Literal["resolve"] = "resolve"
    instance_id: str
    question: str
    number: str


class Published(Frame):
    """Journal entries of this instance up to and including `sequence` are safe in JetStream."""

    frame: Literal["published"] = "published"
    instance_id: str
    sequence: int


class Quit(Frame):
    """Stop every instance, then exit with status 0."""

    frame: Literal["quit"] = "quit"


# --- worker → supervisor -------------------------------------------------------------------------------------------


class Issued(Frame):
    """A QR code (raw text, PNG data URL, ASCII) or a pairing code to show to the user."""

    frame: Literal["issued"] = "issued"
    instance_id: str
    kind: Literal["qr", "code"]
    code: str
    data_url: str = ""
    ascii: str = ""
    attempt: int = 1
    expires_at: datetime


class Changed(Frame):
    """What happened to a connection, in the library's terms; the state table decides what it means.

    paired: linked now, jid and lid known; connecting follows by itself · connected · disconnected: the library
    reconnects by itself · unreachable: the first connect failed, the library gave up · logged_out · restricted (code,
    until) · outdated · replaced · refused (reason) · pairing_timeout · pairing_failed (reason) · stopped: as asked ·
    crashed: the adapter failed (reason) · keys_missing: the store holds no device · interrupted: the library ended.
    """

    frame: Literal["changed"] = "changed"
    instance_id: str
    state: Literal[
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
    reason: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    jid: str | None = None
    until: datetime | None = None


class Entry(Frame):
    """A journal entry to publish: the JSON body of an event of shared/contracts/events.py and its subject.

    `error` set: the body could not be translated (base64 of the protobuf) and belongs in the dead letters.
    """

    frame: Literal["entry"] = "entry"
    instance_id: str
    sequence: int
    subject: str
    body: str
    error: str | None = None


class Sent(Frame):
    """Outcome of a Send: accepted (wa_id, timestamp), failed (code, detail), or unconfirmed (may have gone out).

    codes: those of worker/send_results.py.
    """

    frame: Literal["sent"] = "sent"
    instance_id: str
    message_id: str
    outcome: Literal["accepted", "failed", "unconfirmed"]
    wa_id: str | None = None
    timestamp: datetime | None = None
    code: str | None = None
    detail: str | None = None


class Noticed(Frame):
    """What is only live: the JSON body of a message of shared/contracts/ephemeral.py and its subject."""

    frame: Literal["noticed"] = "noticed"
    instance_id: str
    subject: str
    body: str


class TooLarge(Frame):
    """A frame was too large: an Entry goes to the dead letters instead, any other is lost."""

    frame: Literal["too_large"] = "too_large"
    instance_id: str
    kind: str
    size: int


class Marked(Frame):
    """Outcome of a Mark; `error` in the library's words when it could not be done."""

    frame: Literal["marked"] = "marked"
    instance_id: str
    mark_id: str
    error: str | None = None


class Resolved(Frame):
    """What WhatsApp answered; `error` set: it could not be asked. `phone` and `lid`: the account's own addresses,
    digits, both None when there is none."""

    frame: Literal["resolved"] = "resolved"
    instance_id: str
    question: str
    phone: str | None = None
    lid: str | None = None
    error: str | None = None


ToZygote = Fork
FromZygote = Annotated[Forked | WorkerExited, Field(discriminator="frame")]
ToWorker = Annotated[Start | Stop | Send | Show | Mark | Resolve | Published | Quit, Field(discriminator="frame")]
_Said = Issued | Changed | Entry | Sent | Noticed | Marked | Resolved | TooLarge
FromWorker = Annotated[_Said, Field(discriminator="frame")]

FROM_ZYGOTE: TypeAdapter[FromZygote] = TypeAdapter(FromZygote)
TO_WORKER: TypeAdapter[ToWorker] = TypeAdapter(ToWorker)
FROM_WORKER: TypeAdapter[FromWorker] = TypeAdapter(FromWorker)
