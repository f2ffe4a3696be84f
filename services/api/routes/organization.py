"""The caller's organization and its settings."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool, ValidationError, field_validator

from services.api.context import Ctx, Manager, Reader
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import OMITTABLE, Name, RequestBody, not_null
from services.api.responses import Item
from services.api.settings_bodies import OpeningHoursBody, settings_problem
from services.api.settings_events import publish_settings_changed
from services.api.store.organizations import OrganizationRecord
from shared.contracts.opening_hours import TimeZone
from shared.contracts.records import BookingPolicy, OrganizationSettings, OwnerMessages, OwnerNumber
from shared.text.text_match import Keyword

router = APIRouter(prefix="/api/organization", tags=["organization"])

_ORGANIZATION_PATH = "/api/organization"


class Organization(BaseModel):
    id: str
    name: str
    created_at: datetime
    settings: OrganizationSettings


class SettingsChanges(RequestBody):
    """Omitted fields do not change; only `opening_hours` and `time_zone` may be null.

    `booking_policy`: `off`; `one_open`: a contact's message opens a booking when none is open; `every_message`: each
    message opens its own; `keywords`: only messages with one of `booking_keywords`, as a whole word, ignoring case and
    accents; `opening_hours`: only messages within them. `bookings_without_words`: whether a text without letters and
    digits ("👍") or a sticker may open one. `owner_messages`: messages of owners to themselves are stored as `note`, or
    not at all (`ignore`). `owner_numbers`: owners besides the linked accounts. `time_zone`: IANA name, in
    which times are shown; null: that of the opening hours, else UTC.
    """

    booking_policy: Annotated[BookingPolicy | None, OMITTABLE] = None
    booking_keywords: Annotated[list[Keyword] | None, Field(max_length=50), OMITTABLE] = None
    opening_hours: OpeningHoursBody | None = None
    bookings_without_words: Annotated[StrictBool | None, OMITTABLE] = None
    owner_messages: Annotated[OwnerMessages | None, OMITTABLE] = None
    owner_numbers: Annotated[list[OwnerNumber] | None, Field(max_length=20), OMITTABLE] = None
    time_zone: TimeZone | None = None

    @field_validator("booking_policy", "booking_keywords", "bookings_without_words", "owner_messages", "owner_numbers")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return not_null(value)


class OrganizationChanges(RequestBody):
    """Omitted fields do not change."""

    name: Annotated[Name | None, OMITTABLE] = None
    settings: Annotated[SettingsChanges | None, OMITTABLE] = None

    @field_validator("name", "settings")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return not_null(value)


@router.get("")
@served_on_nats("wa.query.organization.read", "ReadOrganization")
async def organization(context: Ctx, caller: Reader) -> Item[Organization]:
    """The caller's organization with its settings."""
    return Item(data=_organization(await context.organizations.read(caller.organization_id)))


@router.patch("")
@served_on_nats("wa.command.organization.change", "ChangeOrganizationRequest")
async def change_organization(context: Ctx, caller: Manager, body: OrganizationChanges) -> Item[Organization]:
    """Change its name or settings. Settings apply to new messages at once, or after five seconds at most."""
    changes = body.settings.model_dump(mode="json", exclude_unset=True) if body.settings else {}
    try:
        changed = await context.organizations.change(caller.organization_id, changes, body.name)
    except ValidationError as error:
        raise settings_problem(error, _ORGANIZATION_PATH) from error
    if changes:
        await publish_settings_changed(context, caller.organization_id)
    return Item(data=_organization(changed))


def _organization(record: OrganizationRecord) -> Organization:
    return Organization.model_validate(record, from_attributes=True)
