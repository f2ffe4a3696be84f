"""Generated from the contract: a command, event or live message that names another organization's ids does nothing."""

import asyncio
import enum
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from nats.errors import TimeoutError as NatsTimeoutError
from pydantic.fields import FieldInfo

from services.session.supervisor.number_queries import NUMBER_QUERY_LIMITS, number_endpoints
from shared.contracts.commands import SendMessage, SendText
from shared.contracts.events import BookingCreated, CommandRefused, MessageReceived, MessageRecorded, MessageSent
from shared.contracts.ids import NO_INSTANCE, derived_id, new_id
from shared.contracts.message import Command, EphemeralEvent, Event, Message, utc_now
from shared.contracts.queries import ResolveNumber
from shared.contracts.records import Party
from shared.contracts.registry import COMMANDS, EPHEMERAL_EVENTS, EVENTS, durable_name, stream_of
from shared.messaging.client import broker_client
from shared.messaging.rpc_server import rpc_server
from shared.platform.mongo import Document
from tests.integration.router.service import service as router_service
from tests.security.fairness_fixtures import (
    Bus,
    Session,
    open_bus,
    open_session,
    own_nats,
    router_settings,
    session_settings,
    text,
)
from tests.waiting import until

MALLORY, VICTIM = "mallory", "victim"
SECRET = "a word that no other organization may read"
BOB = Party(phone="4915112345678")
SESSION_COMMANDS = [cls for cls in COMMANDS.values() if cls.subject.startswith("wa.command.session.")]
ROUTER_COMMANDS = [cls for cls in COMMANDS.values() if cls not in SESSION_COMMANDS]
ROUTER_EVENTS = [cls for cls in EVENTS.values() if cls.publishers == ("session",) and "received" in cls.subject]
ROUTER_EVENTS += [EVENTS[f"wa.event.message.{verb}"] for verb in ("sent", "failed", "read-elsewhere")]
ROUTER_EVENTS = list(dict.fromkeys(ROUTER_EVENTS))
HEARD_BY_SESSION = [cls for cls in EPHEMERAL_EVENTS.values() if "session" in cls.subscribers]
HEARD_BY_ROUTER = [cls for cls in EPHEMERAL_EVENTS.values() if "router" in cls.subscribers]
COLLECTIONS = ("contacts", "conversations", "messages", "bookings", "receipts", "connections", "instances", "sends")


def filled(cls: type[Message], ids: dict[str, Any]) -> Any:
    """A message of this class for mallory, with the victim's ids in every field that takes one."""
    values: dict[str, Any] = {"organization_id": MALLORY, "at": utc_now() - timedelta(minutes=2)}
    for name, field in cls.model_fields.items():
        if name in ids:
            values[name] = ids[name]
        elif field.is_required() and name not in values:
            values[name] = _value(name, field)
    if isinstance(cls, type) and issubclass(cls, EphemeralEvent):
        values["at"] = utc_now()
    return cls.model_validate(values)


def _value(name: str, field: FieldInfo) -> Any:
    kind = field.annotation
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return list(kind)[-1]
    choices = get_args(kind)
    if choices and all(isinstance(choice, str) for choice in choices):
        return choices[-1]
    known = {
        "to": BOB,
        "sender": BOB,
        "text": "mine now",
        "code": "x",
        "detail": "x",
        "name": "mine now",
        "wa_id": "HERS",
        "wa_ids": ("HERS",),
    }
    known |= {"timestamp": utc_now(), "starts_at": utc_now() + timedelta(days=1), "available": True, "user_id": None}
    return known[name]


async def snapshot(bus: Bus) -> dict[str, list[Document]]:
    """Everything of the victim, and what belongs to none but names the victim's instance."""
    mine: dict[str, Any] = {"$or": [{"organization_id": VICTIM}, {"instance_id": "fine"}, {"_id": "fine"}]}
    return {name: await bus.database[name].find(mine).sort("_id").to_list(None) for name in COLLECTIONS}


def of_victim(bus: Bus) -> list[Event]:
    return [event for event in bus.events if event.organization_id == VICTIM]


def revealed(bus: Bus) -> list[Event]:
    return [event for event in bus.events if event.organization_id == MALLORY and SECRET in event.model_dump_json()]


# --- the session service ------------------------------------------------------------------------------------------


@pytest.fixture
async def session(mongo_url: str, tmp_path: Path) -> AsyncIterator[Session]:
    """The victim's account is connected and has sent one message; mallory's too."""
    async with own_nats(tmp_path) as nats_url, open_session(session_settings(nats_url, mongo_url, tmp_path)) as opened:
        await opened.connected(VICTIM, "fine")
        await opened.connected(MALLORY, "own")
        await opened.bus.publish(text(VICTIM, "fine", "hers"))
        await opened.bus.event(MessageSent, message_id="hers")
        yield opened


async def test_no_command_reaches_an_account_of_another_organization(session: Session) -> None:
    bus, ids = session.bus, {"instance_id": "fine", "message_id": "mine"}
    before, events = await snapshot(bus), len(of_victim(bus))
    told = len(session.workers.last.frames)
    for cls in SESSION_COMMANDS:
        foreign, unknown = filled(cls, ids), filled(cls, ids | {"instance_id": "nowhere"})
        await bus.publish(foreign, unknown)
        answers = [await bus.event(CommandRefused, cause=command.id) for command in (foreign, unknown)]
        same = {(answer.organization_id, answer.status, answer.code, answer.detail) for answer in answers}
        assert same == {(MALLORY, 404, "instance_not_found", "there is no such instance in this organization")}
    for live in HEARD_BY_SESSION:
        wish = filled(live, ids)
        await bus.js._nc.publish(wish.full_subject, wish.model_dump_json().encode())
    await bus.js._nc.flush()
    async with rpc_server(
        broker_client(session.broker), number_endpoints(session.node.number_lookup), limits=NUMBER_QUERY_LIMITS
    ):
        for _ in range(2):  # a ping is sent before what is pending
            await broker_client(session.broker).flush()
        for instance_id in ("fine", "nowhere"):
            query = ResolveNumber(organization_id=MALLORY, instance_id=instance_id, number="4915112345678")
            with pytest.raises((NatsTimeoutError, TimeoutError)):
                await bus.js._nc.request(query.full_subject, query.model_dump_json().encode(), timeout=1)
    assert len(session.workers.last.frames) == told
    assert await snapshot(bus) == before
    assert len(of_victim(bus)) == events


@pytest.mark.parametrize("message_id", ["hers", "not known yet"])
async def test_the_id_of_another_organizations_message_is_of_no_use(session: Session, message_id: str) -> None:
    bus = session.bus
    if message_id != "hers":  # the intent is there, the outcome is not
        intent = {"_id": message_id, "organization_id": VICTIM, "instance_id": "fine", "at": utc_now()}
        await bus.database["sends"].insert_one(intent)
    before, sends = await snapshot(bus), len(session.sends())
    command: SendText = text(MALLORY, "own", message_id)
    await bus.publish(command)
    refused = await bus.event(CommandRefused, cause=command.id)
    assert "WA-hers" not in refused.model_dump_json()
    assert (await snapshot(bus), len(session.sends())) == (before, sends)


async def test_an_instance_that_was_never_connected_cannot_be_taken(session: Session) -> None:
    await session.bus.create(VICTIM, "new")
    for cls in SESSION_COMMANDS:
        command = filled(cls, {"instance_id": "new", "message_id": new_id()})
        await session.bus.publish(command)
        await session.bus.event(CommandRefused, cause=command.id)
    assert await session.bus.database["connections"].find_one({"_id": "new"}) is None


# --- the router ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def router(mongo_url: str, tmp_path: Path) -> AsyncIterator[Bus]:
    """The victim has a contact, a conversation, a booking and a message that is queued."""
    async with own_nats(tmp_path) as nats_url:
        settings = router_settings(nats_url, mongo_url)
        async with open_bus(settings) as bus:
            for organization_id, instance_id in ((VICTIM, "fine"), (MALLORY, "own")):
                await bus.create(organization_id, instance_id, created_at=utc_now())
                state = {"_id": instance_id, "organization_id": organization_id, "status": "connected"}
                await bus.database["connections"].insert_one(state)
            async with router_service(settings):
                await _told(bus)
                yield bus


async def _told(bus: Bus) -> None:
    message = MessageReceived(
        organization_id=VICTIM,
        instance_id="fine",
        wa_id="HERS",
        sender=BOB,
        chat=BOB,
        push_name=SECRET,
        text=SECRET,
        timestamp=utc_now(),
        id=derived_id("fine", "message", "HERS"),
    )
    send = SendMessage(
        organization_id=VICTIM, instance_id="fine", message_id="queued", to="+4915112345679", text=SECRET
    )
    await bus.publish(message, send)
    await bus.event(BookingCreated, organization_id=VICTIM)
    await until(lambda: sum(isinstance(event, MessageRecorded) for event in bus.events) >= 2)


async def foreign_ids(bus: Bus) -> dict[str, Any]:
    async def one(collection: str) -> str:
        found = await bus.database[collection].find_one({"organization_id": VICTIM})
        assert found
        return str(found["_id"])

    contact = await one("contacts")
    return {
        "conversation_id": await one("conversations"),
        "booking_id": await one("bookings"),
        "contact_id": contact,
        "merged_id": contact,
        "other_id": contact,
        "message_id": "queued",
        "wa_ids": ["HERS"],
        "wa_id": "HERS",
        "user_id": None,
    }


async def until_handled(bus: Bus, classes: list[type[Message]]) -> None:
    async with asyncio.timeout(40):
        for cls in classes:
            while True:
                info = await bus.js.consumer_info(stream_of(cls), durable_name("router", cls))
                if not (info.num_pending or info.num_ack_pending):
                    break
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("instance_id", ["fine", "own", NO_INSTANCE])
async def test_no_command_or_event_reaches_what_another_organization_has(router: Bus, instance_id: str) -> None:
    ids = await foreign_ids(router) | {"instance_id": instance_id}
    before, events = await snapshot(router), len(of_victim(router))
    commands: list[Command] = [filled(cls, ids) for cls in ROUTER_COMMANDS]
    commands += [filled(SendMessage, ids | {"message_id": new_id(), "conversation_id": ids["conversation_id"]})]
    said: list[Message] = [*commands, *(filled(cls, ids) for cls in ROUTER_EVENTS)]
    await router.publish(*said)
    for live in HEARD_BY_ROUTER:
        wish = filled(live, ids)
        await router.js._nc.publish(wish.full_subject, wish.model_dump_json().encode())
    for command in commands:
        refused = await router.event(CommandRefused, cause=command.id)
        assert refused.status in (404, 409, 422)
    await until_handled(router, [type(message) for message in said])
    assert await snapshot(router) == before
    assert len(of_victim(router)) == events
    assert revealed(router) == []


async def test_a_message_of_the_victim_arrives_although_somebody_pretended_it_before(router: Bus) -> None:
    """Ids of records are derived from the instance and WhatsApp's id: no other organization may take them."""
    claim = MessageReceived(
        organization_id=MALLORY,
        instance_id="fine",
        wa_id="NEXT",
        sender=BOB,
        chat=BOB,
        text="mine",
        timestamp=utc_now(),
    )
    await router.publish(claim)
    await until_handled(router, [MessageReceived])
    mine = {"id": derived_id("fine", "message", "NEXT"), "organization_id": VICTIM, "text": "hers"}
    await router.publish(claim.model_copy(update=mine))
    await until(lambda: router.database["messages"].find_one({"wa_id": "NEXT", "organization_id": VICTIM}))
    assert await router.database["messages"].count_documents({"wa_id": "NEXT"}) == 1


def test_every_class_that_a_service_takes_is_covered() -> None:
    assert {cls.__name__ for cls in ROUTER_EVENTS} >= {
        "MessageReceived",
        "ReceiptReceived",
        "MessageSent",
        "MessageFailed",
        "MessagesReadElsewhere",
    }
    assert len(SESSION_COMMANDS) + len(ROUTER_COMMANDS) == len(COMMANDS)
