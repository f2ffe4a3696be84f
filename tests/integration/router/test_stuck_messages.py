"""A message that waits too long to be sent or delivered is reported once, however many routers check and how often."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.router.settings import RouterSettings
from services.router.store import messages
from services.router.stuck_messages import STUCK_PAGE_SIZE, report_stuck, stuck_message_monitor
from shared.contracts.events import MessageStuck
from shared.contracts.message import Message
from shared.platform import background
from tests.integration.router.conftest import ME, ONE, START, Router, command, outcome, receipt, received

SETTINGS = RouterSettings()


async def look(router: Router, after: timedelta) -> list[tuple[str, str]]:
    """What was reported by a check so long after the start."""
    await report_stuck(replace(router.context, now=lambda: START + after), SETTINGS)
    return [(event.message_id, event.status) for event in router.of(MessageStuck)]


async def test_a_message_that_is_not_sent_in_time_is_told_once(router: Router) -> None:
    await router.handle(command())
    assert await look(router, timedelta(minutes=2)) == []
    assert await look(router, timedelta(minutes=3)) == [("m1", "queued")]
    assert await look(router, timedelta(minutes=4)) == [("m1", "queued")]
    event, kept = router.of(MessageStuck)[0], await router.only("messages")
    assert (event.since, event.instance_id, event.conversation_id) == (START, ONE, kept["conversation_id"])
    assert kept["stuck_since"] == START


async def test_a_message_that_is_not_delivered_in_a_day_is_told_too(router: Router) -> None:
    await router.handle(command())
    await look(router, timedelta(minutes=3))
    await router.handle(outcome())
    assert "stuck_since" not in await router.only("messages")
    assert await look(router, timedelta(hours=24)) == [("m1", "queued")]
    assert await look(router, timedelta(hours=25)) == [("m1", "queued"), ("m1", "sent")]
    await router.handle(receipt("delivered"))
    assert "stuck_since" not in await router.only("messages")
    assert len(await look(router, timedelta(days=9))) == 2


async def test_a_message_that_was_sent_late_has_its_day_from_then_on(router: Router) -> None:
    await router.handle(command())
    late = outcome().model_copy(update={"timestamp": START + timedelta(hours=20)})
    await router.handle(late)
    assert await look(router, timedelta(hours=25)) == []
    assert await look(router, timedelta(hours=45)) == [("m1", "sent")]


async def test_notes_and_what_was_typed_on_the_phone_do_not_wait(router: Router) -> None:
    typed = received("B1", ME, chat=received("A1").sender, from_me=True)
    await router.handle(typed, received("A1"), command("m2", to=ME.phone), outcome("m2", "W2"))
    assert await look(router, timedelta(days=9)) == []


async def test_routers_that_look_at_the_same_moment_tell_the_same_event(router: Router) -> None:
    await router.handle(*(command(f"m{number}") for number in range(5)))
    await asyncio.gather(*(look(router, timedelta(hours=1)) for _ in range(3)))
    assert len({event.id for event in router.of(MessageStuck)}) == 5
    assert len(await look(router, timedelta(hours=2))) == len(router.of(MessageStuck))


async def test_what_could_not_be_told_is_told_later(router: Router) -> None:
    await router.handle(command())

    tried = asyncio.Event()

    async def away(*messages: Message) -> None:
        tried.set()
        raise ConnectionError(f"{len(messages)} cannot be published")

    broken = replace(router.context, publish=away, now=lambda: START + timedelta(hours=1))
    patient = RouterSettings(stuck_check_every=timedelta(hours=1))
    async with stuck_message_monitor(broken, patient):
        await tried.wait()
    assert await look(router, timedelta(hours=2)) == [("m1", "queued")]


async def test_a_check_that_fails_in_our_code_is_repeated(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_DELAYS_S", (0.01,))
    await router.handle(command())
    waiting, failures = router.context.store.messages.overdue, [2]

    async def broken(*args: Any) -> Any:
        if failures[0]:
            failures[0] -= 1
            raise KeyError("thrown on purpose")
        return await waiting(*args)

    monkeypatch.setattr(router.context.store.messages, "overdue", broken)
    later = replace(router.context, now=lambda: START + timedelta(hours=1))
    async with stuck_message_monitor(later, RouterSettings(stuck_check_every=timedelta(hours=1))), asyncio.timeout(20):
        while not router.of(MessageStuck):
            await asyncio.sleep(0.01)
    assert failures == [0]


async def test_very_many_are_reported_in_pages_by_an_index(router: Router) -> None:
    await router.handle(command())
    stored = await router.only("messages")
    more = [{**stored, "_id": f"n{number}", "wa_id": None} for number in range(STUCK_PAGE_SIZE)]
    await router.database["messages"].insert_many(more)
    assert len(await look(router, timedelta(hours=1))) == STUCK_PAGE_SIZE + 1
    wanted = {"origin": "api", "status": "queued", "stuck_since": None, "timestamp": {"$lt": START}}
    plan = await router.database["messages"].find(wanted).sort("timestamp", 1).explain()
    assert "waiting" in {index.document["name"] for index in messages.INDEXES}
    assert "'indexName': 'waiting'" in str(plan["queryPlanner"]["winningPlan"])
