"""The queries of NATS, each answered by the function that declares it (services/api/nats/served_on_nats.py)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import BaseModel

from services.api.context import ApiContext
from services.api.nats.derived_messages import query_class
from services.api.nats.function_parameters import ArgumentReader, argument_readers
from services.api.nats.served_on_nats import ServedFunction
from services.api.route_modules import served_functions
from shared.contracts.message import Query
from shared.messaging.rpc_server import ModelEndpoint


@dataclass(frozen=True)
class QueryHandler:
    """Answers a query with what its function returns, or with the Problem that it raises.

    The function is called directly: calling its route would cost 0.3 ms of processor time more for each query.
    """

    message_class: type[Query]
    served: ServedFunction

    @property
    def response_class(self) -> Any:
        return get_type_hints(self.served.function)["return"]

    @cached_property
    def _readers(self) -> dict[str, ArgumentReader]:
        return argument_readers(self.served.function)

    async def _answer(self, context: ApiContext, query: Query) -> BaseModel:
        return await self.served.function(**{name: read(context, query) for name, read in self._readers.items()})

    def endpoint(self, context: ApiContext) -> ModelEndpoint[Query]:
        """The handler bound to the context of this process."""

        async def handle(query: Query) -> BaseModel:
            return await self._answer(context, query)

        return ModelEndpoint(self.message_class, handle, self.served.is_slow)


QUERY_HANDLERS = tuple(
    QueryHandler(served.message_class or query_class(served), served)
    for served in served_functions()
    if served.is_query
)
