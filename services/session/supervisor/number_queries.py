"""Replies to number lookups of other services (`wa.query.*`); of all nodes only the owner of the instance does."""

from services.session.supervisor.number_lookup import NumberLookupService
from shared.contracts.queries import NumberOwnerReply, ResolveNumber
from shared.messaging.rpc_server import Endpoint, ModelEndpoint, RpcLimits

NUMBER_QUERY_LIMITS = RpcLimits(concurrent=100, max_pending=100, max_pending_per_instance=16)
"""WhatsApp answers slowly: a query beyond these bounds is refused with 503 `busy` instead of waiting."""


def number_endpoints(lookup: NumberLookupService) -> list[Endpoint]:
    async def look_up(query: ResolveNumber) -> NumberOwnerReply:
        return NumberOwnerReply(data=await lookup.look_up(query))

    endpoint = ModelEndpoint(ResolveNumber, look_up, is_slow=True, holds=lookup.is_responsible_for)
    return [endpoint]
