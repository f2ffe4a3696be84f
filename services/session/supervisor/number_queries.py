"""The query of other services about a phone number, answered by the node that holds the instance."""

from services.session.supervisor.number_lookup import Numbers
from shared.contracts.queries import NumberOwnerReply, ResolveNumber
from shared.messaging.rpc_server import Endpoint, ModelEndpoint, RpcLimits

LIMITS = RpcLimits(concurrent=100, max_pending=100, max_pending_per_instance=16)
"""WhatsApp answers slowly: a query beyond these bounds is answered with 503 `busy` instead of waiting."""


def number_endpoints(numbers: Numbers) -> list[Endpoint]:
    async def resolve(query: ResolveNumber) -> NumberOwnerReply:
        return NumberOwnerReply(data=await numbers.resolve(query))

    endpoint = ModelEndpoint(ResolveNumber, resolve, is_slow=True, holds=numbers.holds)
    return [endpoint]
