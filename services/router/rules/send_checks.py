"""Which account sends, to whom, and whether it is the same message again. Pure; refusals are Problems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.router.rules.classification import address_of
from shared.contracts.commands import MAX_SEND_EXPIRY_S, SEND_EXPIRY, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.ids import InvalidPhone, derived_id, parse_address
from shared.contracts.records import Party
from shared.text.visible_text import has_visible_text


class Account(Protocol):
    """An instance of the organization and its connection's state."""

    @property
    def instance_id(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def connected(self) -> bool: ...


@dataclass(frozen=True)
class PendingLimits:
    """Messages that may be queued; those older than `max_age` are not counted."""

    per_instance: int = 1_000
    per_organization: int = 2_500
    max_age: timedelta = timedelta(days=7)


def require_room(limits: PendingLimits, of_instance: int, of_organization: int) -> None:
    """`of_…`: messages that wait for WhatsApp now. Raises Problem 429."""
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
    """A phone number in any usual spelling, or `<digits>@lid`. Raises Problem 422."""
    try:
        address = parse_address(to)
    except InvalidPhone as error:
        raise Problem(422, "invalid_phone", str(error), field="to") from error
    hidden = address.removesuffix("@lid")
    return Party(phone=address) if hidden == address else Party(lid=hidden)


def require_text(text: str) -> None:
    """Raises Problem 422 for a text that would be an empty bubble on the recipient's phone."""
    if not has_visible_text(text):
        detail = "text: an empty text, or one of invisible characters only, cannot be sent"
        raise Problem(422, "empty_text", detail, field="text")


def fingerprint_of(command: SendMessage) -> str:
    """What tells this command from another: the instance as asked, the conversation or the recipient as parsed, the
    text. Raises Problem 422."""
    if command.conversation_id is not None:
        recipient = ("conversation", command.conversation_id)
    else:
        recipient = ("to", address_of(parse_recipient(require_recipient(command.to))))
    return derived_id("send", command.instance_id, *recipient, command.text)


def expiry_of(command: SendMessage) -> datetime:
    """When the text may no longer be handed to WhatsApp."""
    latest = command.at + timedelta(seconds=MAX_SEND_EXPIRY_S)
    return min(command.expires_at or command.at + SEND_EXPIRY, latest)


def require_recipient(to: str | None) -> str:
    """Raises Problem 422."""
    if not to:
        raise Problem(422, "missing_recipient", "say whom to write to: `to` or `conversationId`")
    return to


def choose_account(accounts: Sequence[Account], wanted: str | None) -> Account:
    """The wanted instance, else the only one, else the only connected one; it has to be connected. Raises Problem."""
    if wanted is not None:
        account = next((account for account in accounts if account.instance_id == wanted), None)
        if account is None:
            raise Problem(404, "instance_not_found", f"there is no instance {wanted!r} in this organization")
        return _connected(account)
    if not accounts:
        raise Problem(404, "instance_not_found", "this organization has no instance yet; create and connect one first")
    candidates = accounts if len(accounts) == 1 else [account for account in accounts if account.connected]
    if not candidates:
        states = ", ".join(f"{account.instance_id} is {account.status}" for account in accounts)
        raise Problem(409, "instance_not_connected", f"no instance is connected ({states}); connect one first")
    if len(candidates) > 1:
        raise Problem(409, "instance_ambiguous", "several instances are connected; say which one with `instanceId`")
    return _connected(candidates[0])


def _connected(account: Account) -> Account:
    if not account.connected:
        detail = f"the instance is {account.status}; connect it first"
        raise Problem(409, "instance_not_connected", detail, state=account.status)
    return account


def conflict() -> Problem:
    """A message id, key or client id that was used for another message."""
    detail = "this id or idempotency key was used for another message; use a new one"
    return Problem(422, "idempotency_conflict", detail)
