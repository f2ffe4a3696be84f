"""What makes a WhatsApp message one message: chat, sender, direction and the id its sender's program chose."""

from collections.abc import Sequence

from shared.contracts.records import Party

OWN = "me"
"""Stands for the account itself: what it wrote in a group is sent to no single person."""


def other_party(from_me: bool, group: str | None, sender: Party, chat: Party | None) -> tuple[str, ...]:
    """Addresses (`phone:…`, `lid:…`) of the person who wrote it, or to whom the account wrote it. In a group those of
    the author, or OWN. The chat of a one-to-one message is with this person."""
    if not from_me:
        return tuple(sender.aliases)
    return (OWN,) if group else tuple((chat or sender).aliases)


def identity(wa_id: str, from_me: bool, group: str | None, other: Sequence[str]) -> tuple[str, ...]:
    """To derive ids from. The LID when it is known: it stays when the number changes, and WhatsApp may deliver one
    message under either address, mostly naming both."""
    stable = next((alias for alias in other if alias.startswith("lid:")), other[0])
    return ("outbound" if from_me else "inbound", group or "", stable, wa_id)
