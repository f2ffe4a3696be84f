"""Finds or creates the instance for clients of earlier systems, which know only one instance or identify it by a name
or a number."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import ConfigDict

from services.api.context import ApiContext
from services.api.request_fields import RequestBody
from services.api.store.instances import unknown_instance
from services.api.views.pagination import organization_query
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.contracts.records import Network
from shared.platform.mongo import Document

_DEFAULT_NAME = "default"


class DialectBody(RequestBody):
    """Unknown fields are ignored: clients of earlier systems may send more. `network`: of a new instance."""

    model_config = ConfigDict(extra="ignore")
    network: Network | None = None


NetworkParameter = Annotated[
    Network | None, Query(description="Of a new instance; `simulator` exists only in local mode")
]


def _requested_network(body: DialectBody | None = None, network: NetworkParameter = None) -> Network | None:
    return network or (body.network if body else None)


RequestedNetwork = Annotated[Network | None, Depends(_requested_network)]
"""For routes without another body: `network` in the query or in the body."""


async def find_default(context: ApiContext, caller: Principal) -> Document | None:
    """The oldest instance that the caller may access: the default for clients that know only one."""
    return await context.instances.oldest(_accessible_to(caller))


async def accessible_instance(context: ApiContext, caller: Principal, instance_id: str) -> Document:
    """Raises Problem 404 `instance_not_found`."""
    instance = await context.instances.oldest({"$and": [_accessible_to(caller), {"_id": instance_id}]})
    if instance is None:
        raise unknown_instance()
    return instance


def _accessible_to(caller: Principal) -> Document:
    return organization_query(caller.organization_id, caller.instance_ids, id_field="_id")


async def get_or_create_default(context: ApiContext, caller: Principal, network: Network | None) -> Document:
    """The oldest instance that the caller may access, created if there is none."""
    query = _accessible_to(caller)
    return await _get_or_create(
        context, caller, query, {"made_for": _DEFAULT_NAME, "instance_name": _DEFAULT_NAME}, network
    )


async def get_or_create_named(context: ApiContext, caller: Principal, name: str, network: Network | None) -> Document:
    """The oldest instance with this name, created if there is none."""
    query = {**_accessible_to(caller), "instance_name": name}
    return await _get_or_create(context, caller, query, {"made_for": f"name:{name}", "instance_name": name}, network)


async def find_named(context: ApiContext, caller: Principal, name: str) -> Document | None:
    """The oldest instance with this name."""
    return await context.instances.oldest({**_accessible_to(caller), "instance_name": name})


async def get_or_create_by_number(
    context: ApiContext, caller: Principal, phone_number: str, network: Network | None
) -> Document:
    """The caller's oldest instance with this number (E.164 digits), created if there is none."""
    query = {**created_by(caller), "phone_number": phone_number}
    new = {
        "made_for": f"number:{caller.subject}:{phone_number}",
        "instance_name": f"+{phone_number}",
        "phone_number": phone_number,
    }
    return await _get_or_create(context, caller, query, new, network)


def created_by(caller: Principal) -> Document:
    """The query for instances that the caller created, not those of other users of the organization."""
    return {"organization_id": caller.organization_id, "created_by": caller.subject}


async def _get_or_create(
    context: ApiContext, caller: Principal, query: Document, new: Document, network: Network | None
) -> Document:
    """Raises Problem 422 `simulator_disabled`, 409 `network_differs` or 403 `key_limited`."""
    context.require_network(network)
    fields = {**new, "network": (network or Network.WHATSAPP).value, "created_by": caller.subject}
    instance = await _oldest_or_new(context, caller, query, fields)
    if network and instance["network"] != network:
        detail = (
            f"network: this instance is on the network {instance['network']}; leave the field out, or delete it first"
        )
        raise Problem(409, "network_differs", detail)
    return instance


async def _oldest_or_new(context: ApiContext, caller: Principal, query: Document, fields: Document) -> Document:
    if caller.instance_ids is None:
        return await context.instances.find_or_create(query, fields)
    instance = await context.instances.oldest(query)
    if instance is None:
        detail = "this API key is limited to instances, and none of them is meant here; it cannot make another"
        raise Problem(403, "key_limited", detail)
    return instance
