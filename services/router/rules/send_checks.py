"""Which instance sends, to whom, and whether a send is a repetition. Pure; what is wrong is raised as a Problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.addresses import lid_of_address
from shared.contracts.commands import MAX_SEND_EXPIRY_S, SEND_EXPIRY, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.ids import InvalidPhone, derived_id, parse_address
from shared.contracts.records import ConnectionStatus, Party
from shared.text.visible_text import has_visible_text


@dataclass(frozen=True)
class SenderInstance:
    """An instance of the organization and the status of its connection, which may be one of a later version."""

    instance_id: str
    status: str

    @property
    def connected(self) -> bool:
        return self.status == ConnectionStatus.CONNECTED


@dataclass(frozen=True)
class PendingLimits:
    """Messages that may be queued; those older than `max_age` are not counted."""

    per_instance: int = 1_000
    per_organization: int = 2_500
    max_age: timedelta = timedelta(days=7)


def require_pending_capacity(limits: PendingLimits, of_instance: int, of_organization: int) -> None:
    """`of_…`: messages that are queued now. Raises Problem 429."""
    for whose, pending, most in (
        ("instance", of_instance, limits.per_instance),
        ("organization", of_organization, limits.per_organization),
    ):
        if pending >= most:
            detail = (
                f"{pending} messages of this {whose} wait for WhatsApp, which is the limit; send again when some have "
                "an outcome, and look whether the instance's phone is online"
            )
            raise Problem(429, "too_many_pending_sends", detail, pending=pending)


def parse_recipient(to: str) -> Party:
    """A phone number in any usual notation, or `<digits>@lid`. Raises Problem 422."""
    try:
        address = parse_address(to)
    except InvalidPhone as error:
        raise Problem(422, "invalid_phone", str(error), field="to") from error
    lid = lid_of_address(address)
    return Party(phone=address) if lid is None else Party(lid=lid)


def require_text(text: str) -> None:
    """Raises Problem 422 for a text that would be an empty bubble on the recipient's phone."""
    if not has_visible_text(text):
        detail = "text: an empty text, or one of invisible characters only, cannot be sent"
        raise Problem(422, "empty_text", detail, field="text")


def send_fingerprint(command: SendMessage) -> str:
    """A hash of what makes two sends the same: the requested instance, the conversation or the parsed recipient, the
    text. Raises Problem 422."""
    if command.conversation_id is not None:
        recipient = ("conversation", command.conversation_id)
    else:
        recipient = ("to", parse_recipient(require_recipient(command.to)).address)
    return derived_id("send", command.instance_id, *recipient, command.text)


def send_expiry(command: SendMessage) -> datetime:
    """The time after which the text is not sent any more."""
    latest = command.at + timedelta(seconds=MAX_SEND_EXPIRY_S)
    return min(command.expires_at or command.at + SEND_EXPIRY, latest)


def require_recipient(to: str | None) -> str:
    """Raises Problem 422."""
    if not to:
        raise Problem(422, "missing_recipient", "say whom to write to: `to` or `conversationId`")
    return to


def choose_instance(instances: Sequence[SenderInstance], requested_id: str | None) -> SenderInstance:
    """The requested instance, else the only one, else the only connected one. Raises Problem unless it is connected."""
    if requested_id is not None:
        instance = next((instance for instance in instances if instance.instance_id == requested_id), None)
        if instance is None:
            raise Problem(404, "instance_not_found", f"there is no instance {requested_id!r} in this organization")
        return _connected(instance)
    if not instances:
        raise Problem(404, "instance_not_found", "this organization has no instance yet; create and connect one first")
    candidates = instances if len(instances) == 1 else [instance for instance in instances if instance.connected]
    if not candidates:
        states = ", ".join(f"{instance.instance_id} is {instance.status}" for instance in instances)
        raise Problem(409, "instance_not_connected", f"no instance is connected ({states}); connect one first")
    if len(candidates) > 1:
        raise Problem(409, "instance_ambiguous", "several instances are connected; say which one with `instanceId`")
    return _connected(candidates[0])


def _connected(instance: SenderInstance) -> SenderInstance:
    if not instance.connected:
        detail = f"the instance is {instance.status}; connect it first"
        raise Problem(409, "instance_not_connected", detail, state=instance.status)
    return instance


def idempotency_conflict() -> Problem:
    """For a message id, idempotency key or client id that was used for another message."""
    detail = "this id or idempotency key was used for another message; use a new one"
    return Problem(422, "idempotency_conflict", detail)
