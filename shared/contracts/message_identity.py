"""The identity of a WhatsApp message: chat, sender, direction and the id that the sender's program chose."""

from collections.abc import Sequence

from shared.contracts.addresses import is_lid_alias
from shared.contracts.records import Party

OWN = "me"
"""The account itself, as the other party of its own messages in a group, which have no single recipient."""


def other_party(from_me: bool, group: str | None, sender: Party, chat: Party | None) -> tuple[str, ...]:
    """Aliases (`phone:…`, `lid:…`) of the author of a received message or of the recipient of a sent one. In a group:
    of the author, or OWN."""
    if not from_me:
        return tuple(sender.aliases)
    return (OWN,) if group else tuple((chat or sender).aliases)


def identity(wa_id: str, from_me: bool, group: str | None, other: Sequence[str]) -> tuple[str, ...]:
    """The parts from which ids are derived. With the LID if there is one: it stays the same when the number changes,
    and
    WhatsApp may deliver a message under either address, mostly with both."""
    stable = next((alias for alias in other if is_lid_alias(alias)), other[0])
    return ("outbound" if from_me else "inbound", group or "", stable, wa_id)
