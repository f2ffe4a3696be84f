"""The profile of the caller: who they are, and the preferences that the console keeps for them."""

from typing import Annotated, Self

from fastapi import APIRouter, Request
from pydantic import BaseModel, StrictBool, field_validator, model_validator

from services.api.access.password_check import client_address
from services.api.context import ApiContext, Ctx, Reader
from services.api.problems import request_id_of
from services.api.request_fields import OMITTABLE, Name, RequestBody
from services.api.responses import Item
from services.api.store.audit_log import AuditEvent
from services.api.store.profiles import Language, Preferences, ProfileRecord, Theme, TimeOfDay
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal, Role, Scope

router = APIRouter(prefix="/api/me", tags=["profile"])


class Profile(BaseModel):
    """`scopes`: of the token that was sent."""

    id: str
    email: str
    name: str
    role: Role
    scopes: list[Scope]
    organization_id: str
    organization_name: str
    preferences: Preferences


class PreferencesChanges(RequestBody):
    """Omitted fields do not change. `quiet_from` and `quiet_until` are sent together: two times, or null for both."""

    language: Language | None = None
    sound: Annotated[StrictBool | None, OMITTABLE] = None
    desktop_notifications: Annotated[StrictBool | None, OMITTABLE] = None
    quiet_from: TimeOfDay | None = None
    quiet_until: TimeOfDay | None = None
    shortcuts: Annotated[StrictBool | None, OMITTABLE] = None
    compact_rows: Annotated[StrictBool | None, OMITTABLE] = None
    theme: Annotated[Theme | None, OMITTABLE] = None
    tour_finished: Annotated[StrictBool | None, OMITTABLE] = None

    @field_validator("sound", "desktop_notifications", "shortcuts", "compact_rows", "theme", "tour_finished")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be null; leave it out to keep what it is")
        return value

    @model_validator(mode="after")
    def _quiet_hours_have_both_ends(self) -> Self:
        sent = {"quiet_from", "quiet_until"} & self.model_fields_set
        if len(sent) == 1 or (self.quiet_from is None) != (self.quiet_until is None):
            raise ValueError("send quiet_from and quiet_until together: two times, or null for both")
        if self.quiet_from is not None and self.quiet_from == self.quiet_until:
            raise ValueError("quiet_from and quiet_until are the same time; send null for both to have no quiet hours")
        return self


class ProfileChanges(RequestBody):
    """Omitted fields do not change."""

    name: Annotated[Name | None, OMITTABLE] = None
    preferences: Annotated[PreferencesChanges | None, OMITTABLE] = None

    @field_validator("name", "preferences")
    @classmethod
    def _not_null(cls, value: object) -> object:
        if value is None:
            raise ValueError("cannot be null; leave it out to keep what it is")
        return value


@router.get("")
async def read_profile(context: Ctx, caller: Reader) -> Item[Profile]:
    """Who the caller is. 409 `no_login` for API keys, which belong to no user."""
    return Item(data=await _profile(context, caller, await context.profiles.read(caller.subject)))


@router.patch("")
async def change_profile(context: Ctx, caller: Reader, request: Request, body: ProfileChanges) -> Item[Profile]:
    """Change the own name and preferences. A new name is in the audit log."""
    preferences = body.preferences.model_dump(exclude_unset=True) if body.preferences else {}
    record = await context.profiles.change(caller.subject, body.name, preferences)
    profile = await _profile(context, caller, record)
    if body.name is not None:
        await context.audit.record(
            AuditEvent(
                caller.organization_id,
                caller.subject,
                "change_profile",
                client_address(request),
                request_id_of(request),
                {"user_id": caller.subject},
            )
        )
    return Item(data=profile)


async def _profile(context: ApiContext, caller: Principal, record: ProfileRecord | None) -> Profile:
    """Raises Problem 409 `no_login` without a record."""
    if record is None:
        raise Problem(409, "no_login", "this token belongs to no user; only a user has a profile")
    organization = await context.organizations.read(caller.organization_id)
    user = record.user
    return Profile(
        id=user.id,
        email=user.email,
        name=user.name,
        role=user.role,
        scopes=sorted(caller.scopes),
        organization_id=organization.id,
        organization_name=organization.name,
        preferences=record.preferences,
    )
