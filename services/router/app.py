"""The router: which message goes to which handler."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from nats.js import JetStreamContext
from starlette.types import ASGIApp

from services.router.context import Context
from services.router.expired_sends import failing_expired
from services.router.handlers.booking_commands import on_change, on_create, on_reschedule
from services.router.handlers.contact_commands import on_split
from services.router.handlers.conversation_commands import on_assign, on_mark_read, on_read_elsewhere, on_status
from services.router.handlers.message_status import on_failed, on_receipt, on_sent
from services.router.handlers.ownership import is_foreign, own_only, refuse
from services.router.handlers.presence import Say, on_presence, on_typing
from services.router.handlers.sending import on_send
from services.router.inbox.batch import on_messages
from services.router.number_lookup import Numbers
from services.router.settings import RouterSettings
from services.router.store import Store, migrate_in_background, open_store
from services.router.stuck_messages import watching
from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    CreateBooking,
    MarkConversationRead,
    RescheduleBooking,
    SendMessage,
    SplitContact,
)
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.events import (
    ConnectionChanged,
    MessageFailed,
    MessageReceived,
    MessageSent,
    MessagesReadElsewhere,
    ReceiptReceived,
)
from shared.contracts.message import Command, EphemeralEvent, Message
from shared.messaging.batch_consumer import batch_consumer
from shared.messaging.consumer import Consumers, Publisher, broker_client, publish_ephemeral
from shared.platform.background import keep_running, stop_task
from shared.platform.mongo import Database, open_mongo, ping
from shared.platform.service import Check, connected, lifespan_app, make_broker, nats_ready, with_ops

L = TypeVar("L", bound=EphemeralEvent)
M = TypeVar("M", bound=Message)


def make_app(settings: RouterSettings) -> ASGIApp:
    """Consumes while its lifespan runs; serves only the operations routes."""
    broker = make_broker("router", settings)
    consumers = Consumers(broker, settings, "router")
    opened: dict[str, Context] = {}
    checks: dict[str, Check] = {"nats": partial(nats_ready, broker)}

    def on(message: type[M], handle: Callable[[M, Context], Awaitable[None]]) -> None:
        refuses = issubclass(message, Command)
        share = settings.commands_share if refuses else settings.events_share
        own = _in_context(own_only(handle), opened)
        consumers.consume(message, own, share, _in_context(refuse, opened) if refuses else None)

    def hear(live: type[L], handle: Callable[[L, Store, Say], Awaitable[None]]) -> None:
        async def receive(seen: L) -> None:
            if not await is_foreign(seen, opened["context"]):
                await handle(seen, opened["context"].store, partial(publish_ephemeral, broker_client(broker)))

        consumers.subscribe(live, receive, everyone=False)

    async def follow_number(event: ConnectionChanged) -> None:
        if event.phone_number:
            accounts = opened["context"].store.accounts
            accounts.has_number(event.organization_id, event.instance_id, event.phone_number)

    consumers.subscribe(ConnectionChanged, follow_number, everyone=True)
    on(ReceiptReceived, on_receipt)
    on(MessageSent, on_sent)
    on(MessageFailed, on_failed)
    on(SendMessage, on_send)
    on(CreateBooking, on_create)
    on(ChangeBooking, on_change)
    on(RescheduleBooking, on_reschedule)
    on(SplitContact, on_split)
    on(MarkConversationRead, on_mark_read)
    on(MessagesReadElsewhere, on_read_elsewhere)
    on(AssignConversation, on_assign)
    on(ChangeConversation, on_status)
    hear(TypingObserved, on_typing)
    hear(PresenceObserved, on_presence)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with open_mongo(settings) as database:
            checks["mongo"] = partial(ping, database)
            store = await open_store(database)

            async def prepare(js: JetStreamContext) -> None:
                await consumers.update(js)
                numbers, limits = Numbers(broker_client(broker)), settings.pending_limits
                opened["context"] = Context(store, Publisher(js), whose_number=numbers, pending_limits=limits)

            async def receive(events: Sequence[MessageReceived]) -> Sequence[Exception | None]:
                return await on_messages(events, opened["context"])

            async with (
                connected(broker, settings, prepare),
                batch_consumer(broker, settings, "router", MessageReceived, receive),
                watching(opened["context"], settings),
                failing_expired(opened["context"]),
                _migrating(database),
            ):
                yield

    return with_ops(lifespan_app(lifespan), checks, settings)


@asynccontextmanager
async def _migrating(database: Database) -> AsyncIterator[None]:
    task = keep_running("background migration", partial(migrate_in_background, database), endless=False)
    try:
        yield
    finally:
        await stop_task(task)


def _in_context(
    handle: Callable[[Any, Context], Awaitable[None]], opened: dict[str, Context]
) -> Callable[[Any], Awaitable[None]]:
    async def receive(message: Message) -> None:
        await handle(message, opened["context"])

    return receive
