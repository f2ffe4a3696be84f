"""Which instance a client means that knows only one, or names it in a way of its own; made when it is needed."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import ConfigDict

from services.api.context import Context
from services.api.request_fields import Body
from services.api.store.instances import unknown_instance
from services.api.views.pagination import own as own_documents
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.contracts.records import Network
from shared.platform.mongo import Document

_DEFAULT = "default"


class DialectBody(Body):
    """Clients of the older systems may send more than is read here. `network`: of an instance that is made."""

    model_config = ConfigDict(extra="ignore")
    network: Network | None = None


OnNetwork = Annotated[
    Network | None, Query(description="Of an instance that is made now; `simulator` exists only in local mode")
]


def _wanted_network(body: DialectBody | None = None, network: OnNetwork = None) -> Network | None:
    return network or (body.network if body else None)


WantedNetwork = Annotated[Network | None, Depends(_wanted_network)]
"""For routes that need no other body: `network` in the query or in the body."""


async def find_default(context: Context, caller: Principal) -> Document | None:
    """The oldest instance the caller reaches: the only one for those who know but one."""
    return await context.instances.oldest(_reached_by(caller))


async def reached(context: Context, caller: Principal, instance_id: str) -> Document:
    """Raises Problem 404 `instance_not_found`."""
    found = await context.instances.oldest({"$and": [_reached_by(caller), {"_id": instance_id}]})
    if found is None:
        raise unknown_instance()
    return found


def _reached_by(caller: Principal) -> Document:
    return own_documents(caller.organization_id, caller.instance_ids, by="_id")


async def default_instance(context: Context, caller: Principal, network: Network | None) -> Document:
    """The oldest instance the caller reaches, made if there is none."""
    wanted = _reached_by(caller)
    return await _found_or_made(context, caller, wanted, {"made_for": _DEFAULT, "instance_name": _DEFAULT}, network)


async def named_instance(context: Context, caller: Principal, name: str, network: Network | None) -> Document:
    """The oldest instance of this name, made if there is none."""
    wanted = {**_reached_by(caller), "instance_name": name}
    return await _found_or_made(context, caller, wanted, {"made_for": f"name:{name}", "instance_name": name}, network)


async def find_named(context: Context, caller: Principal, name: str) -> Document | None:
    """The oldest instance of this name."""
    return await context.instances.oldest({**_reached_by(caller), "instance_name": name})


async def own_instance(context: Context, caller: Principal, phone_number: str, network: Network | None) -> Document:
    """The caller's oldest instance with this number (E.164 digits), made if there is none."""
    wanted = {**own(caller), "phone_number": phone_number}
    new = {
        "made_for": f"number:{caller.subject}:{phone_number}",
        "instance_name": f"+{phone_number}",
        "phone_number": phone_number,
    }
    return await _found_or_made(context, caller, wanted, new, network)


def own(caller: Principal) -> Document:
    """The query for the caller's own instances, not those of others in the organization."""
    return {"organization_id": caller.organization_id, "created_by": caller.subject}


async def _found_or_made(
    context: Context, caller: Principal, wanted: Document, new: Document, network: Network | None
) -> Document:
    """Raises Problem 422 `simulator_disabled`, 409 `network_differs` or 403 `key_limited`."""
    if network is Network.SIMULATOR and not context.settings.simulator_url:
        detail = "network: there is no simulated network here; it exists only in local mode"
        raise Problem(422, "simulator_disabled", detail)
    made = {**new, "network": (network or Network.WHATSAPP).value, "created_by": caller.subject}
    found = await _oldest_or_made(context, caller, wanted, made)
    if network and found["network"] != network:
        detail = f"network: this instance is on the network {found['network']}; leave the field out, or delete it first"
        raise Problem(409, "network_differs", detail)
    return found


async def _oldest_or_made(context: Context, caller: Principal, wanted: Document, made: Document) -> Document:
    if caller.instance_ids is None:
        return await context.instances.find_or_create(wanted, made)
    found = await context.instances.oldest(wanted)
    if found is None:
        detail = "this API key is limited to instances, and none of them is meant here; it cannot make another"
        raise Problem(403, "key_limited", detail)
    return found
