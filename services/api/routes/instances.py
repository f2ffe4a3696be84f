"""Instances: the WhatsApp accounts that an organization configured."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, StrictBool, ValidationError, field_validator

from services.api.context import ApiContext, Ctx, LimitedReader, Manager, Paging, Reader
from services.api.nats.served_on_nats import answers, served_on_nats
from services.api.request_fields import OMITTABLE, Id, Name, Phone, RequestBody, not_null, require_own_organization
from services.api.responses import Item, Ok, Page, page_of
from services.api.settings_bodies import OpeningHoursBody, settings_problem
from services.api.settings_events import publish_settings_changed
from services.api.views import instance_status as views
from services.api.views.instance_status import CurrentPairingCode, CurrentQr, Instance, InstanceStatus
from shared.contracts.commands import LogoutInstance
from shared.contracts.queries import ListShownCodes, ReadCurrentPairingCode, ReadCurrentQr, ReadInstance
from shared.contracts.records import BookingPolicy, InstanceSettings, Network, OrganizationSettings
from shared.text.text_match import Keyword

router = APIRouter(prefix="/api/whatsapp/instances", tags=["instances"])


class NewInstance(RequestBody):
    """`phone_number`: of the account, if known; otherwise it is set when the account is linked."""

    organization_id: Id | None = None
    instance_name: Name
    phone_number: Phone | None = None
    network: Network = Network.WHATSAPP


class InstanceSettingsChanges(RequestBody):
    """What the instance does otherwise than its organization, with the values that organizations have; null: the same.
    Omitted fields do not change."""

    booking_policy: BookingPolicy | None = None
    booking_keywords: Annotated[list[Keyword], Field(max_length=50)] | None = None
    opening_hours: OpeningHoursBody | None = None
    bookings_without_words: StrictBool | None = None


class InstanceChanges(RequestBody):
    """Omitted fields do not change. `phone_number`: null removes it."""

    instance_name: Annotated[Name | None, OMITTABLE] = None
    phone_number: Phone | None = None
    settings: Annotated[InstanceSettingsChanges | None, OMITTABLE] = None

    @field_validator("instance_name", "settings")
    @classmethod
    def _not_null(cls, value: object) -> object:
        return not_null(value)


class InstanceItem(Ok):
    instance: Instance


class InstanceStatusItem(Ok):
    """`is_running`: the account is connected or connecting."""

    instance: InstanceStatus
    is_running: bool


class CurrentLinkingCodes(Ok):
    """By instance id."""

    qr: dict[str, CurrentQr]
    pairing: dict[str, CurrentPairingCode]


@router.post("")
@served_on_nats("wa.command.instance.create", "CreateInstanceRequest")
async def create_instance(context: Ctx, caller: Manager, body: NewInstance) -> InstanceItem:
    """Create an instance; it is not connected yet."""
    require_own_organization(body.organization_id, caller.organization_id)
    context.require_network(body.network)
    instance = await context.instances.create(
        caller.organization_id, body.instance_name, body.phone_number, body.network, caller.subject
    )
    connection = views.never_connected(instance.organization_id, instance.id)
    return InstanceItem(instance=views.instance_of(instance, connection))


@router.get("")
@served_on_nats("wa.query.instance.list", "ListInstances")
async def list_instances(context: Ctx, caller: LimitedReader, page: Paging) -> Page[Instance]:
    """Newest first."""
    return page_of(await views.find_instances(context.database, caller.organization_id, page, caller.instance_ids))


@router.get("/{instance_id}")
@answers(ReadInstance)
async def read_instance(context: Ctx, caller: Reader, instance_id: str) -> InstanceItem:
    """One instance with its connection."""
    instance = await context.instances.get(caller.organization_id, instance_id)
    connection = await views.connection_of(context.database, caller.organization_id, instance_id)
    return InstanceItem(instance=views.instance_of(instance, connection))


@router.patch("/{instance_id}")
@served_on_nats("wa.command.instance.change", "ChangeInstanceRequest")
async def change_instance(context: Ctx, caller: Manager, instance_id: str, body: InstanceChanges) -> InstanceItem:
    """Change its name, number or settings. Settings apply to new messages at once, or after five seconds at most."""
    changes = body.model_dump(mode="json", exclude_unset=True)
    settings = changes.pop("settings", {})
    if settings:
        await _check_settings(context, caller.organization_id, instance_id, settings)
    instance = await context.instances.change(caller.organization_id, instance_id, changes, settings)
    if settings:
        await publish_settings_changed(context, caller.organization_id, instance_id)
    connection = await views.connection_of(context.database, caller.organization_id, instance_id)
    return InstanceItem(instance=views.instance_of(instance, connection))


async def _check_settings(context: ApiContext, organization_id: str, instance_id: str, changes: dict[str, Any]) -> None:
    """Raises Problem 422 `validation_failed` for a policy without the keywords or hours that it needs."""
    instance = await context.instances.get(organization_id, instance_id)
    organization = await context.organizations.read(organization_id)
    own = InstanceSettings.model_validate({**instance.settings.model_dump(), **changes}).own()
    try:
        OrganizationSettings.model_validate({**organization.settings.model_dump(), **own})
    except ValidationError as error:
        raise settings_problem(error, f"{router.prefix}/{instance_id}") from error


@router.delete("/{instance_id}")
@served_on_nats("wa.command.instance.delete", "DeleteInstanceRequest")
async def delete_instance(context: Ctx, caller: Manager, instance_id: str) -> Ok:
    """Unlink the device at WhatsApp and remove the instance from all lists; conversations, contacts and bookings stay.

    `connect` with the same id restores the instance; it must be linked again.
    """
    await context.instances.require(caller.organization_id, instance_id)
    await _unlink(context, caller.organization_id, instance_id)
    await _mark_deleted(context, caller.organization_id, instance_id)
    return Ok()


@router.post("/{instance_id}/remove")
@served_on_nats("wa.command.instance.remove", "RemoveInstanceRequest")
async def remove_instance(context: Ctx, caller: Manager, instance_id: str) -> Ok:
    """Like DELETE, but for good: it cannot be connected again. Also for an instance that was deleted before."""
    await context.instances.require_not_removed(caller.organization_id, instance_id)
    await _unlink(context, caller.organization_id, instance_id)
    await _mark_deleted(context, caller.organization_id, instance_id, remove=True)
    return Ok()


async def _unlink(context: ApiContext, organization_id: str, instance_id: str) -> None:
    command = LogoutInstance(organization_id=organization_id, instance_id=instance_id, delete=True)
    await context.command_client.publish(command)


@router.get("/{instance_id}/status")
@served_on_nats("wa.query.instance.status", "ReadInstanceStatus")
async def read_status(context: Ctx, caller: Reader, instance_id: str) -> InstanceStatusItem:
    """Status with reason, and message counts."""
    instance = await context.instances.get(caller.organization_id, instance_id)
    status = await views.read_instance_status(context.database, instance)
    return InstanceStatusItem(instance=status, is_running=status.status.is_running)


@router.get("/{instance_id}/qr")
@answers(ReadCurrentQr)
async def read_qr(context: Ctx, caller: Manager, instance_id: str) -> Item[CurrentQr]:
    """The current QR code. Whoever scans it links their account, so the scope `manage` is required."""
    await context.instances.require(caller.organization_id, instance_id)
    return Item(data=await views.read_current_qr(context.database, caller.organization_id, instance_id))


@router.get("/{instance_id}/pairing-code")
@answers(ReadCurrentPairingCode)
async def read_pairing_code(context: Ctx, caller: Manager, instance_id: str) -> Item[CurrentPairingCode]:
    """The current pairing code. Whoever has it can link an account, so the scope `manage` is required."""
    await context.instances.require(caller.organization_id, instance_id)
    return Item(data=await views.read_current_pairing_code(context.database, caller.organization_id, instance_id))


@answers(ListShownCodes)
async def shown_codes(context: Ctx, caller: Manager) -> CurrentLinkingCodes:
    """All current codes of the organization; for realtime's sockets with the scope `manage`."""
    qr, pairing = await views.read_linking_codes(context.database, caller.organization_id)
    return CurrentLinkingCodes(qr=qr, pairing=pairing)


async def _mark_deleted(context: ApiContext, organization_id: str, instance_id: str, *, remove: bool = False) -> None:
    await context.instances.mark_deleted(organization_id, instance_id, remove=remove)
    context.connected_instances.remove(organization_id, instance_id)
