"""The router: which message goes to which handler."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from starlette.types import ASGIApp

from services.router.cache_events import caches_follow_events
from services.router.context import RouterContext
from services.router.expired_sends import expired_send_monitor
from services.router.handlers.booking_commands import on_change_booking, on_create_booking, on_reschedule_booking
from services.router.handlers.contact_commands import on_merge_contacts, on_rename_contact, on_split_contact
from services.router.handlers.conversation_commands import (
    on_assign_conversation,
    on_change_conversation,
    on_mark_read,
    on_read_elsewhere,
)
from services.router.handlers.ephemeral_events import PublishEphemeral, on_presence, on_typing
from services.router.handlers.message_status import on_failed, on_receipt, on_sent
from services.router.handlers.ownership import is_foreign, own_instances_only, reject_over_share
from services.router.handlers.sending import on_send
from services.router.inbox.pipeline import handle
from services.router.number_lookup import NumberLookup
from services.router.settings import RouterSettings
from services.router.store import RouterStore, migrate_in_background, open_store
from services.router.stuck_messages import stuck_message_monitor
from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    CreateBooking,
    MarkConversationRead,
    MergeContacts,
    RenameContact,
    RescheduleBooking,
    SendMessage,
    SplitContact,
)
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.events import (
    MessageFailed,
    MessageReceived,
    MessageSent,
    MessagesReadElsewhere,
    ReceiptReceived,
)
from shared.contracts.message import Command, EphemeralEvent, Message
from shared.messaging.batch_consumer import batch_consumer
from shared.messaging.client import broker_client
from shared.messaging.connection import connection, make_broker, nats_ready
from shared.messaging.consumer import Consumers
from shared.messaging.publisher import Publisher, publish_ephemeral
from shared.platform.background import keep_running, stop_task
from shared.platform.mongo import Database, open_mongo, ping
from shared.platform.readiness import Check
from shared.service import lifespan_app, with_ops

L = TypeVar("L", bound=EphemeralEvent)
M = TypeVar("M", bound=Message)


def make_app(settings: RouterSettings) -> ASGIApp:
    """Consumes while its lifespan runs; serves only the operations routes."""
    broker = make_broker("router", settings)
    checks: dict[str, Check] = {"nats": partial(nats_ready, broker)}

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        async with open_mongo(settings) as database:
            checks["mongo"] = partial(ping, database)
            store = await open_store(database)
            async with connection(broker, settings) as js:
                client = broker_client(broker)
                context = RouterContext(
                    store,
                    Publisher(js),
                    find_number_owner=NumberLookup(client),
                    pending_limits=settings.pending_limits,
                )
                consumers = Consumers(broker, settings, "router")
                _consume(consumers, settings, context)
                _subscribe(consumers, context, partial(publish_ephemeral, client))

                async def handle_received(events: Sequence[MessageReceived]) -> Sequence[Exception | None]:
                    return await handle(events, context)

                async with (
                    caches_follow_events(client, store),
                    consumers.started(js),
                    batch_consumer(broker, settings, "router", MessageReceived, handle_received),
                    stuck_message_monitor(context, settings),
                    expired_send_monitor(context),
                    _migrating(database),
                ):
                    yield

    return with_ops(lifespan_app(lifespan), checks, settings)


def _consume(consumers: Consumers, settings: RouterSettings, context: RouterContext) -> None:
    """Durable consumers of single events and commands; received messages have the batch consumer."""

    def in_context(handle: Callable[[M, RouterContext], Awaitable[None]]) -> Callable[[M], Awaitable[None]]:
        async def receive(message: M) -> None:
            await handle(message, context)

        return receive

    def consume(
        message_class: type[M], handle: Callable[[M, RouterContext], Awaitable[None]], *, direct: bool = False
    ) -> None:
        own = in_context(own_instances_only(handle))
        if issubclass(message_class, Command):
            consumers.consume(message_class, own, settings.commands_share, in_context(reject_over_share), direct=direct)
        else:
            consumers.consume(message_class, own, settings.events_share, direct=direct)

    consume(ReceiptReceived, on_receipt, direct=True)
    consume(MessageSent, on_sent, direct=True)
    consume(MessageFailed, on_failed)
    consume(SendMessage, on_send, direct=True)
    consume(CreateBooking, on_create_booking)
    consume(ChangeBooking, on_change_booking)
    consume(RescheduleBooking, on_reschedule_booking)
    consume(RenameContact, on_rename_contact)
    consume(MergeContacts, on_merge_contacts)
    consume(SplitContact, on_split_contact)
    consume(MarkConversationRead, on_mark_read)
    consume(MessagesReadElsewhere, on_read_elsewhere)
    consume(AssignConversation, on_assign_conversation)
    consume(ChangeConversation, on_change_conversation)


def _subscribe(consumers: Consumers, context: RouterContext, publish: PublishEphemeral) -> None:
    """Ephemeral events, in one of the router processes."""

    def subscribe(event_class: type[L], handle: Callable[[L, RouterStore, PublishEphemeral], Awaitable[None]]) -> None:
        async def receive(event: L) -> None:
            if not await is_foreign(event, context):
                await handle(event, context.store, publish)

        consumers.subscribe(event_class, receive, every_process=False)

    subscribe(TypingObserved, on_typing)
    subscribe(PresenceObserved, on_presence)


@asynccontextmanager
async def _migrating(database: Database) -> AsyncIterator[None]:
    task = keep_running("background migration", partial(migrate_in_background, database), endless=False)
    try:
        yield
    finally:
        await stop_task(task)
