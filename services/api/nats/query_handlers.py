"""Answers a query of NATS by the function of its REST route."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_type_hints

from pydantic import BaseModel

from services.api.context import ApiContext
from shared.contracts.message import Query
from shared.messaging.rpc_server import ModelEndpoint

Q = TypeVar("Q", bound=Query)


@dataclass(frozen=True)
class QueryHandler(Generic[Q]):
    """`handle` returns what the function of the REST route, `view`, returns for this query, or raises Problem."""

    message_class: type[Q]
    view: Callable[..., Awaitable[BaseModel]]
    handle: Callable[[ApiContext, Q], Awaitable[BaseModel]]
    is_slow: bool = False

    @property
    def response_class(self) -> Any:
        return get_type_hints(self.view)["return"]

    def endpoint(self, context: ApiContext) -> ModelEndpoint[Q]:
        """The handler bound to the context of this process."""

        async def handle(query: Q) -> BaseModel:
            return await self.handle(context, query)

        return ModelEndpoint(self.message_class, handle, self.is_slow)
