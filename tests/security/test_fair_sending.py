"""One stuck account, or one organization with many, holds up nobody else: sends, read ticks, connections, lookups."""

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from services.router import number_lookup
from services.session.ipc.messages import SendReadReceipts
from services.session.supervisor import presence, sending
from shared.contracts.commands import DisconnectInstance, MarkRead, SendMessage
from shared.contracts.events import (
    CommandRefused,
    ConnectionChanged,
    MessageFailed,
    MessageRecorded,
    MessageSent,
    MessageStatusChanged,
)
from shared.contracts.message import utc_now
from shared.contracts.queries import ResolveNumber
from shared.contracts.records import ConnectionStatus, Party
from tests.fakes.workers import obedient
from tests.integration.router.service import service as router_service
from tests.security.fairness_fixtures import (
    Bus,
    Session,
    open_bus,
    open_session,
    own_nats,
    router_settings,
    session_settings,
    silent_for,
    text,
)
from tests.waiting import until

MAX_UNACKED = 16
"""Sends of one instance that its worker has at once (services/session/app.py)."""


@pytest.fixture
async def session(mongo_url: str, tmp_path: Path) -> AsyncIterator[Session]:
    async with own_nats(tmp_path) as nats_url, open_session(session_settings(nats_url, mongo_url, tmp_path)) as opened:
        yield opened


@pytest.mark.parametrize(("instances", "each"), [(1, 600), (50, 24)], ids=["one instance", "one organization"])
async def test_sends_that_whatsapp_never_answers_hold_up_no_other_organization(
    session: Session, instances: int, each: int
) -> None:
    stuck = [f"stuck{number}" for number in range(instances)]
    for instance_id in stuck:
        await session.connected("mallory", instance_id)
    await session.connected("victim", "fine")
    session.workers.script = silent_for(*stuck)
    await session.bus.publish(*(text("mallory", one, f"{one}-{n}") for n in range(each) for one in stuck))
    await until(lambda: len(session.sends()) >= min(256, instances * MAX_UNACKED))  # all that are begun at once
    await session.bus.publish(text("victim", "fine", "mine"))
    await session.bus.event(MessageSent, message_id="mine")
    assert {event.message_id for event in session.bus.events if isinstance(event, MessageSent)} == {"mine"}
    assert not any(isinstance(event, MessageFailed) for event in session.bus.events)


async def test_few_sends_of_an_instance_are_in_hand_and_none_overtakes_another(session: Session) -> None:
    await session.connected("mallory", "stuck")
    session.workers.script = silent_for("stuck")
    wanted = [f"m{number:03}" for number in range(100)]
    await session.bus.publish(*(text("mallory", "stuck", message_id) for message_id in wanted))
    await until(lambda: len(session.sends()) >= MAX_UNACKED)
    assert [send.call_id for send in session.sends()] == wanted[:MAX_UNACKED]
    session.workers.script = obedient
    for send in session.sends():
        obedient(session.workers.last, send)
    for message_id in wanted:
        await session.bus.event(MessageSent, message_id=message_id)
    assert [send.call_id for send in session.sends()] == wanted


async def test_what_waited_behind_a_send_without_an_answer_fails_and_is_not_sent(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "SEND_TIMEOUT_S", 0.2)
    await session.connected("mallory", "stuck")
    session.workers.script = silent_for("stuck")
    old = {"at": utc_now() - timedelta(minutes=2)}
    await session.bus.publish(*(text("mallory", "stuck", f"m{number:02}", **old) for number in range(60)))
    for number in range(60):
        await session.bus.event(MessageFailed, message_id=f"m{number:02}")
    failed = {event.message_id: event for event in session.bus.events if isinstance(event, MessageFailed)}
    tried = {send.call_id for send in session.sends()}
    assert {message_id for message_id, event in failed.items() if event.unconfirmed} == tried
    assert {event.code for event in failed.values() if not event.unconfirmed} == {"timeout"}


async def test_sends_beyond_the_share_of_an_organization_fail_at_once_and_are_never_sent(
    session: Session,
) -> None:
    await session.connected("mallory", "stuck")
    session.workers.script = silent_for("stuck")
    await session.bus.publish(*(text("mallory", "stuck", f"m{number}") for number in range(4_400)))
    refused = await session.bus.event(MessageFailed, code="too_many_pending_sends")
    assert not refused.unconfirmed
    refused_ids = {event.message_id for event in session.bus.events if isinstance(event, MessageFailed)}
    assert refused_ids.isdisjoint(send.call_id for send in session.sends())
    outcome = await session.bus.database["sends"].find_one({"_id": refused.message_id})
    assert outcome
    assert outcome["outcome"]["outcome"] == "failed"
    await session.connected("victim", "fine")
    await session.bus.publish(text("victim", "fine", "mine"))
    await session.bus.event(MessageSent, message_id="mine")


async def test_read_ticks_that_get_no_answer_hold_up_no_other_organization(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "READ_RECEIPTS_TIMEOUT_S", 300)
    await session.connected("mallory", "stuck")
    await session.connected("victim", "fine")
    sender = Party(phone="4915199999999")

    def mark(organization_id: str, instance_id: str) -> MarkRead:
        return MarkRead(organization_id=organization_id, instance_id=instance_id, wa_ids=("W",), sender=sender)

    await session.bus.publish(*(mark("mallory", "stuck") for _ in range(1_100)))
    told = session.workers.last.frames
    await until(lambda: any(isinstance(frame, SendReadReceipts) for frame in told))
    await session.bus.publish(mark("victim", "fine"))
    await until(lambda: any(isinstance(frame, SendReadReceipts) and frame.instance_id == "fine" for frame in told))


async def test_commands_for_an_account_that_is_busy_hold_up_no_other_organization(session: Session) -> None:
    await session.connected("mallory", "stuck")
    await session.connected("victim", "fine")
    account = session.node._supervisor.get("stuck")
    assert account
    async with account.lock:
        many = (DisconnectInstance(organization_id="mallory", instance_id="stuck") for _ in range(200))
        await session.bus.publish(*many)
        await session.bus.publish(DisconnectInstance(organization_id="victim", instance_id="fine"))
        await session.bus.event(ConnectionChanged, instance_id="fine", status=ConnectionStatus.DISCONNECTED)


# --- the router ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def router(mongo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bus]:
    """A router, and a session service that never answers who has a number."""
    monkeypatch.setattr(number_lookup, "LOOKUP_TIMEOUT_S", 300.0)
    async with own_nats(tmp_path) as nats_url:
        settings = router_settings(nats_url, mongo_url, shutdown_grace=timedelta(seconds=1))
        async with open_bus(settings) as bus:
            await bus.js._nc.subscribe(ResolveNumber.subject_filter(), cb=_no_answer)
            async with router_service(settings):
                yield bus


async def _no_answer(_: object) -> None:
    pass


async def account(bus: Bus, organization_id: str, instance_id: str) -> None:
    await bus.create(organization_id, instance_id, created_at=utc_now())
    state = {"_id": instance_id, "organization_id": organization_id, "status": "connected"}
    await bus.database["connections"].insert_one(state)


def message(organization_id: str, instance_id: str, message_id: str, to: str = "+4915112345678") -> SendMessage:
    return SendMessage(
        organization_id=organization_id, instance_id=instance_id, message_id=message_id, to=to, text="hello"
    )


@pytest.mark.parametrize("instances", [1, 30], ids=["one instance", "one organization"])
async def test_lookups_that_hang_hold_up_no_other_organization(router: Bus, instances: int) -> None:
    for number in range(instances):
        await account(router, "mallory", f"stuck{number}")
    await account(router, "victim", "fine")
    two_spellings = [f"+55479{number:08}" for number in range(90_000_000, 90_000_600)]
    await router.publish(
        *(message("mallory", f"stuck{number % instances}", f"m{number}", to) for number, to in enumerate(two_spellings))
    )
    await router.publish(message("victim", "fine", "mine"))
    recorded = await router.event(MessageRecorded, organization_id="victim")
    assert recorded.message.id == "mine"
    assert not [event for event in router.events if isinstance(event, MessageRecorded) and event is not recorded]


async def test_sends_pile_up_to_a_limit_and_say_so(mongo_url: str, tmp_path: Path) -> None:
    async with own_nats(tmp_path) as nats_url:
        settings = router_settings(nats_url, mongo_url, pending_sends_per_instance=5, pending_sends_per_organization=7)
        async with open_bus(settings) as bus, router_service(settings):
            for organization_id, instance_id in (("mallory", "one"), ("mallory", "two"), ("victim", "fine")):
                await account(bus, organization_id, instance_id)
            for number in range(5):
                await bus.publish(message("mallory", "one", f"a{number}"))
                await bus.event(MessageRecorded, organization_id="mallory")
            await until(lambda: sum(isinstance(event, MessageRecorded) for event in bus.events) == 5)
            await _refused(bus, message("mallory", "one", "a5"), "instance")
            for number in range(2):
                await bus.publish(message("mallory", "two", f"b{number}"))
            await until(lambda: sum(isinstance(event, MessageRecorded) for event in bus.events) == 7)
            await _refused(bus, message("mallory", "two", "b2"), "organization")
            await bus.publish(message("victim", "fine", "mine"))
            await bus.event(MessageRecorded, organization_id="victim")
            outcome = MessageSent(
                organization_id="mallory", instance_id="one", message_id="a0", wa_id="W", timestamp=utc_now()
            )
            await bus.publish(outcome)
            await bus.event(MessageStatusChanged, message_id="a0")
            await bus.publish(message("mallory", "one", "a6"))
            await until(lambda: sum(isinstance(event, MessageRecorded) for event in bus.events) == 9)


async def test_sends_that_come_at_once_do_not_exceed_the_limit(mongo_url: str, tmp_path: Path) -> None:
    """What is counted and what is being stored at that moment change while the limit is checked."""
    async with own_nats(tmp_path) as nats_url:
        settings = router_settings(nats_url, mongo_url, pending_sends_per_instance=9, pending_sends_per_organization=12)
        async with open_bus(settings) as bus, router_service(settings):
            for instance_id in ("one", "two"):
                await account(bus, "mallory", instance_id)
            instances = ("one", "one", "two") * 14
            commands = [message("mallory", instance, f"m{number}") for number, instance in enumerate(instances)]
            await bus.publish(*commands)
            for command in commands:
                await until(partial(_is_answered, bus, command))
            recorded = [event.instance_id for event in bus.events if isinstance(event, MessageRecorded)]
            assert len(recorded) == 12
            assert recorded.count("one") <= 9


def _is_answered(bus: Bus, command: SendMessage) -> bool:
    return any(
        (isinstance(event, MessageRecorded) and event.message.id == command.message_id)
        or (isinstance(event, CommandRefused) and event.cause == command.id)
        for event in bus.events
    )


async def _refused(bus: Bus, command: SendMessage, whose: str) -> None:
    await bus.publish(command)
    refused = await bus.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (429, "too_many_pending_sends")
    assert whose in refused.detail
    assert "send again" in refused.detail
