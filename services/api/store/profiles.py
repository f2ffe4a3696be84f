"""What a user reads and changes of their own user document: name and preferences of the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints

from services.api.store.user_records import UserRecord, user_record
from shared.platform.mongo import Database, Document

Language = Literal["pt-BR", "es", "en"]
Theme = Literal["system", "light", "dark"]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
"""`HH:MM`, 24 hours."""


class Preferences(BaseModel):
    """`language`: null: that of the browser. `quiet_from`, `quiet_until`: neither sound nor desktop notification
    between the two, by the clock of the device; both or none. `tour_finished`: the tour of the simulator is not offered
    any more."""

    language: Language | None = None
    sound: bool = True
    desktop_notifications: bool = False
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    shortcuts: bool = True
    compact_rows: bool = False
    theme: Theme = "system"
    tour_finished: bool = False


@dataclass(frozen=True)
class ProfileRecord:
    user: UserRecord
    preferences: Preferences


class Profiles:
    """Collection `users`, by the id of the user themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, user_id: str) -> ProfileRecord | None:
        """None for a removed user, and for an API key."""
        document = await self._database.users.find_one({"_id": user_id, "removed_at": None})
        return _record(document) if document else None

    async def change(self, user_id: str, name: str | None, preferences: Mapping[str, object]) -> ProfileRecord | None:
        """Set the name unless it is None, and these preferences; one update, so that two requests at the same time that
        change different fields both count. Returns the profile after it; None as `read`."""
        changes = {f"preferences.{field}": value for field, value in preferences.items()}
        if name is not None:
            changes["name"] = name
        if not changes:
            return await self.read(user_id)
        document = await self._database.users.find_one_and_update(
            {"_id": user_id, "removed_at": None}, {"$set": changes}, return_document=True
        )
        return _record(document) if document else None


def _record(document: Document) -> ProfileRecord:
    return ProfileRecord(user_record(document), Preferences.model_validate(document.get("preferences", {})))
