"""Finds or creates the instance for clients of earlier systems, which know only one instance or identify it by a name
or a number."""

from dataclasses import replace
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from services.api.context import ApiContext
from services.api.dependencies import depends_on
from services.api.request_fields import RequestBody
from services.api.store.instances import InstanceFilter, NewInstanceOfDialect, unknown_instance
from shared.contracts.errors import Problem
from shared.contracts.instance_records import InstanceRecord
from shared.contracts.principal import Principal
from shared.contracts.records import Network

_DEFAULT_NAME = "default"


class DialectBody(RequestBody):
    """Unknown fields are ignored: clients of earlier systems may send more. `network`: of a new instance."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")
    network: Network | None = None


NetworkParameter = Annotated[
    Network | None, Query(description="Of a new instance; `simulator` exists only in local mode")
]


def _requested_network(body: DialectBody | None = None, network: NetworkParameter = None) -> Network | None:
    return network or (body.network if body else None)


RequestedNetwork = Annotated[Network | None, depends_on(_requested_network)]
"""For routes without another body: `network` in the query or in the body."""


async def find_default(context: ApiContext, caller: Principal) -> InstanceRecord | None:
    """The oldest instance that the caller may access: the default for clients that know only one."""
    return await context.instances.oldest(_accessible_to(caller))


async def find_default_id(context: ApiContext, caller: Principal) -> str | None:
    """The id of the same instance."""
    return await context.instances.oldest_id(_accessible_to(caller))


async def accessible_instance(context: ApiContext, caller: Principal, instance_id: str) -> InstanceRecord:
    """Raises Problem 404 `instance_not_found`."""
    instance = await context.instances.oldest(replace(_accessible_to(caller), instance_id=instance_id))
    if instance is None:
        raise unknown_instance()
    return instance


async def require_accessible(context: ApiContext, caller: Principal, instance_id: str) -> None:
    """Raises Problem 404 `instance_not_found`."""
    if await context.instances.oldest_id(replace(_accessible_to(caller), instance_id=instance_id)) is None:
        raise unknown_instance()


def _accessible_to(caller: Principal) -> InstanceFilter:
    return InstanceFilter(caller.organization_id, caller.instance_ids)


async def get_or_create_default(context: ApiContext, caller: Principal, network: Network | None) -> InstanceRecord:
    """The oldest instance that the caller may access, created if there is none."""
    new = _new_instance(caller, _DEFAULT_NAME, _DEFAULT_NAME, network)
    return await _get_or_create(context, caller, _accessible_to(caller), new, network)


async def get_or_create_named(
    context: ApiContext, caller: Principal, name: str, network: Network | None
) -> InstanceRecord:
    """The oldest instance with this name, created if there is none."""
    new = _new_instance(caller, f"name:{name}", name, network)
    return await _get_or_create(context, caller, replace(_accessible_to(caller), name=name), new, network)


async def find_named(context: ApiContext, caller: Principal, name: str) -> InstanceRecord | None:
    """The oldest instance with this name."""
    return await context.instances.oldest(replace(_accessible_to(caller), name=name))


async def get_or_create_by_number(
    context: ApiContext, caller: Principal, phone_number: str, network: Network | None
) -> InstanceRecord:
    """The caller's oldest instance with this number (E.164 digits), created if there is none."""
    made_for = f"number:{caller.subject}:{phone_number}"
    new = replace(_new_instance(caller, made_for, f"+{phone_number}", network), phone_number=phone_number)
    return await _get_or_create(context, caller, replace(created_by(caller), phone_number=phone_number), new, network)


def created_by(caller: Principal) -> InstanceFilter:
    """Instances that the caller created, not those of other users of the organization."""
    return InstanceFilter(caller.organization_id, created_by=caller.subject)


def _new_instance(caller: Principal, made_for: str, name: str, network: Network | None) -> NewInstanceOfDialect:
    return NewInstanceOfDialect(made_for, name, network or Network.WHATSAPP, caller.subject)


async def _get_or_create(
    context: ApiContext,
    caller: Principal,
    instance_filter: InstanceFilter,
    new: NewInstanceOfDialect,
    network: Network | None,
) -> InstanceRecord:
    """Raises Problem 422 `simulator_disabled`, 409 `network_differs` or 403 `key_limited`."""
    context.require_network(network)
    instance = await _oldest_or_new(context, caller, instance_filter, new)
    if network and instance.network is not network:
        detail = f"network: this instance is on the network {instance.network}; leave the field out, or delete it first"
        raise Problem(409, "network_differs", detail)
    return instance


async def _oldest_or_new(
    context: ApiContext, caller: Principal, instance_filter: InstanceFilter, new: NewInstanceOfDialect
) -> InstanceRecord:
    if caller.instance_ids is None:
        return await context.instances.find_or_create(instance_filter, new)
    instance = await context.instances.oldest(instance_filter)
    if instance is None:
        detail = "this API key is limited to instances, and none of them is meant here; it cannot make another"
        raise Problem(403, "key_limited", detail)
    return instance
