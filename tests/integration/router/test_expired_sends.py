"""The sender of a text learns at its expiry that it was not sent, and from then on it never is, whatever clocks say."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.router import expired_sends
from services.router.expired_sends import expired_send_monitor, fail_expired_sends
from services.session.store.sends import SendCollection
from shared.contracts.commands import SEND_EXPIRY
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import MessageStatus
from shared.contracts.send_outcome import TEXT_TOO_LATE
from shared.platform import background
from tests.integration.router.conftest import ONE, ORG, START, Router, command, outcome

HOUR, MOMENT = SEND_EXPIRY, timedelta(milliseconds=1)


async def look(router: Router, after: timedelta) -> list[tuple[str, str]]:
    """Which failures were published by a check so long after the start."""
    await fail_expired_sends(replace(router.context, now=lambda: START + after))
    changed = router.of(MessageStatusChanged)
    return [(event.message_id, str(event.error)) for event in changed if event.status is MessageStatus.FAILED]


@pytest.fixture(autouse=True)
async def _no_sends(router: Router) -> None:
    await router.database["sends"].delete_many({})


async def test_a_text_that_is_not_being_sent_fails_at_its_expiry(router: Router) -> None:
    await router.handle(command(), command("m2", expires_at=START + timedelta(minutes=2)))
    assert await look(router, timedelta(minutes=2) - MOMENT) == []
    why = f"too_late: {TEXT_TOO_LATE['detail']}"
    assert await look(router, timedelta(minutes=2)) == [("m2", why)]
    assert await look(router, HOUR) == [("m2", why), ("m1", why)]
    assert len(await look(router, 2 * HOUR)) == 2
    assert (await router.message("m1")).status is MessageStatus.FAILED
    known = await SendCollection(router.database).record_intent("m1", ORG, ONE)
    assert known
    assert known.outcome == TEXT_TOO_LATE  # the session service finds it and sends nothing


async def test_a_text_that_the_session_service_has_begun_to_send_is_left_to_it(router: Router) -> None:
    await router.handle(command())
    assert await SendCollection(router.database).record_intent("m1", ORG, ONE) is None
    assert await look(router, 2 * HOUR) == []
    assert (await router.message("m1")).status is MessageStatus.QUEUED
    await router.handle(outcome())
    assert (await router.message("m1")).status is MessageStatus.SENT


async def test_texts_that_were_sent_or_have_no_expiry_are_left(router: Router) -> None:
    await router.handle(command(), command("m2"), outcome("m2", "W2"))
    await router.database["messages"].update_one({"_id": "m1"}, {"$unset": {"expires_at": True}})  # an earlier version
    assert await look(router, timedelta(days=3)) == []


async def test_one_of_the_two_services_decides(router: Router) -> None:
    """Both begin at the same moment, again and again: a text is sent or reported as too late, never both."""
    count = 40
    await router.handle(*(command(f"m{number}") for number in range(count)))
    sends = SendCollection(router.database)

    async def begin(message_id: str) -> bool:
        await asyncio.sleep(0)
        return await sends.record_intent(message_id, ORG, ONE) is None

    looks = [asyncio.create_task(look(router, HOUR)) for _ in range(2)]
    begun = await asyncio.gather(*(begin(f"m{number}") for number in range(count)))
    await asyncio.gather(*looks)
    for number, sent in enumerate(begun):
        failed = (await router.message(f"m{number}")).status is MessageStatus.FAILED
        assert failed is not sent, number


async def test_a_failure_that_could_not_be_published_is_published_by_the_next_check(router: Router) -> None:
    await router.handle(command())

    async def away(*_: Message) -> None:
        raise ConnectionError("NATS is away")

    later = replace(router.context, publish=away, now=lambda: START + HOUR)
    with pytest.raises(ConnectionError):
        await fail_expired_sends(later)
    assert [message_id for message_id, _ in await look(router, HOUR)] == ["m1"]
    assert router.of(MessageStatusChanged)[-1].id == derived_id("m1", "failed")


async def test_a_check_that_fails_in_our_code_is_repeated(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_DELAYS_S", (0.01,))
    monkeypatch.setattr(expired_sends, "CHECK_INTERVAL_S", 0.01)
    await router.handle(command(), command("m2"))
    give_up = router.context.store.send_cancellations.cancel

    async def broken(message: object, now: object) -> bool:
        if getattr(message, "id", "") == "m1":
            raise KeyError("thrown on purpose")
        return await give_up(message, now)  # type: ignore[arg-type]

    monkeypatch.setattr(router.context.store.send_cancellations, "cancel", broken)
    async with expired_send_monitor(replace(router.context, now=lambda: START + HOUR)), asyncio.timeout(20):
        while (await router.message("m2")).status is not MessageStatus.FAILED:
            await asyncio.sleep(0.01)
    assert (await router.message("m1")).status is MessageStatus.QUEUED
