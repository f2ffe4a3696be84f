"""The name of a contact: the one that a user gave, else the one from WhatsApp. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.router.rules.stored_contact import ContactChanges, MergedContact, Naming, StoredContact

MAX_RENAMES = 16
"""Commands of a contact that are remembered: one is redelivered within minutes, so not so many come in between."""
_NEXT = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Rename:
    """A user gives a contact this name; None gives it back the one from WhatsApp. `id`: of the command. `is_checked`:
    the contact has the name that the user saw, so this is the latest decision, whatever the clocks say."""

    id: str
    at: datetime
    name: str | None
    by: str | None = None
    is_checked: bool = False


def whatsapp_name(contact: StoredContact) -> str | None:
    """The one that the person chose, whether it is shown or not."""
    return contact.get("whatsapp_name") if contact.get("given_name") else contact.get("name")


def given_name(own: Naming | None, merges: Sequence[MergedContact]) -> str | None:
    """The name of the latest decision of a user about this contact, or about one that was merged into it."""
    latest = _latest_naming(own, merges)
    return latest["name"] if latest else None


def name_changes(contact: StoredContact, from_whatsapp: str | None, given: str | None) -> ContactChanges:
    """The fields of a contact that has these names."""
    changes: ContactChanges = {"name": given or from_whatsapp}
    if given or contact.get("given_name"):
        changes["given_name"] = given
        changes["whatsapp_name"] = from_whatsapp if given else None
    return changes


def rename_changes(contact: StoredContact, rename: Rename) -> ContactChanges:
    """The fields after it: of two commands the later one holds, whichever arrives first."""
    latest, at = _latest_naming(contact.get("naming"), contact.get("merges", [])), rename.at
    if rename.is_checked and latest:
        at = max(at, latest["at"] + _NEXT)
    naming = Naming(at=at, id=rename.id, by=rename.by, name=rename.name)
    changes: ContactChanges = {"renames": [*contact.get("renames", []), rename.id][-MAX_RENAMES:]}
    if latest is None or _order(naming) > _order(latest):
        changes["naming"] = naming
        changes |= name_changes(contact, whatsapp_name(contact), rename.name)
    return changes


def _latest_naming(own: Naming | None, merges: Sequence[MergedContact]) -> Naming | None:
    namings = [own, *(item["was"].get("naming") for item in merges if "was" in item)]
    return max((naming for naming in namings if naming), key=_order, default=None)


def _order(naming: Naming) -> tuple[datetime, str]:
    return naming["at"], naming["id"]
