"""Messages stand in the order in which they reached us, whatever WhatsApp's clock and ours say."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.contracts.commands import SendText
from shared.contracts.events import MessageRecorded
from shared.contracts.order_keys import key_at, time_of
from shared.platform.mongo import Document
from tests.integration.router.conftest import ANNA, ME, START, Router, arrival, command, on_one_message, received
from tests.integration.router.test_contact_merge import interrupted

AHEAD = timedelta(minutes=2)


async def thread(router: Router) -> list[str]:
    """The texts, the oldest first, as lists show them."""
    found = await router.database["messages"].find().sort([("order_key", 1), ("_id", 1)]).to_list(None)
    return [message["text"] for message in found]


async def talk(router: Router) -> Document:
    return await router.only("conversations")


async def test_messages_of_one_second_stand_as_they_arrived(router: Router) -> None:
    events = [received(f"A{n}") for n in range(8)]
    for event in (*events[4:], *events[:4]):  # handled in another order
        await router.deliver(event)
    assert await thread(router) == [event.text for event in events]
    conversation = await talk(router)
    assert conversation["last_message"]["text"] == "text A7"
    assert conversation["order_key"] == arrival("A7")


async def test_an_answer_stands_behind_its_question_though_whatsapps_clock_is_ahead(router: Router) -> None:
    await router.handle(received("A1", timestamp=START + AHEAD), command("m1", at=START + timedelta(seconds=1)))
    assert await thread(router) == ["text A1", "hello"]
    conversation = await talk(router)
    assert (conversation["last_message"]["text"], conversation["unread"]) == ("hello", False)
    assert conversation["last_message"]["timestamp"] == START + timedelta(seconds=1)
    assert conversation["updated_at"] == START + timedelta(seconds=1)


async def test_what_whatsapps_clock_calls_older_than_the_answer_is_unread(router: Router) -> None:
    await router.handle(received("A1"), command("m1", at=START + timedelta(minutes=1)))
    await router.handle(received("A2", minute=2, timestamp=START - AHEAD))
    assert await thread(router) == ["text A1", "hello", "text A2"]
    conversation = await talk(router)
    assert (conversation["last_message"]["text"], conversation["unread"]) == ("text A2", True)


async def test_an_answer_stands_behind_its_question_though_our_own_clock_stepped_back(router: Router) -> None:
    await router.handle(received("A1", minute=5), command("m1"), command("m2", id="do-m2"))
    keys = [message["order_key"] for message in await router.rows("messages", direction="outbound")]
    assert keys == [arrival("A1", 5) + 1, arrival("A1", 5) + 2]
    assert not (await talk(router))["unread"]


async def test_what_was_typed_on_the_phone_stands_where_it_arrived(router: Router) -> None:
    typed = received("B2", ME, chat=ANNA, from_me=True, timestamp=START - AHEAD)
    await router.handle(received("A3", timestamp=START + AHEAD), typed, received("A1"))
    assert await thread(router) == ["text A1", "text B2", "text A3"]
    assert (await talk(router))["unread"]


async def test_the_session_service_is_told_the_key_of_what_it_sends(router: Router) -> None:
    await router.handle(command("m1"))
    (record,) = router.of(MessageRecorded)
    assert record.message.order_key == router.of(SendText)[0].order_key == key_at(START)


async def test_a_message_keeps_its_place_when_it_comes_again_later(router: Router) -> None:
    again = received("A1", order_key=arrival("A9", minute=9))
    await router.handle(received("A1"), received("A2"))
    await router.handle(again)
    await router.deliver_together(again)
    assert await thread(router) == ["text A1", "text A2"]
    assert (await talk(router))["order_key"] == arrival("A2")
    assert {event.message.order_key for event in router.of(MessageRecorded)} == {arrival("A1"), arrival("A2")}


@pytest.mark.parametrize(
    ("name", "step", "after"), [(None, "insert_new", False), ("Anna", "by_key", True)], ids=["plain", "with a new name"]
)
async def test_of_two_arrivals_handled_at_once_the_stored_one_decides_the_order_key(
    router: Router, name: str | None, step: str, after: bool
) -> None:
    await router.handle(received("A0"))
    again = received("A1", order_key=arrival("A9", minute=9), push_name=name)
    overtaken = interrupted(
        router, "messages", step, lambda: on_one_message(received("A1"), router.context), after=after
    )
    await overtaken.handle(again)
    assert (await talk(router))["order_key"] == arrival("A1")
    assert {event.message.order_key for event in router.of(MessageRecorded)} == {arrival("A0"), arrival("A1")}


async def test_an_event_of_an_earlier_version_has_the_place_of_its_publication(router: Router) -> None:
    await router.handle(received("A1", order_key=None, minute=3, timestamp=START - AHEAD), received("A2", minute=1))
    assert await thread(router) == ["text A2", "text A1"]
    assert time_of((await talk(router))["order_key"]) == START + timedelta(minutes=3)


async def test_no_time_that_a_sender_chooses_moves_a_message_or_hides_it(router: Router) -> None:
    moments = [datetime(9999, 12, 31, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), START, START + AHEAD * 1000]
    events = [received(f"A{n}", timestamp=moment) for n, moment in enumerate(moments)]
    await router.handle(*events, command("m1", at=START + timedelta(seconds=1)), received("A5", minute=1))
    assert await thread(router) == [*(event.text for event in events), "hello", "text A5"]
    conversation = await talk(router)
    assert (conversation["last_message"]["text"], conversation["unread"]) == ("text A5", True)
    assert conversation["updated_at"] == START + timedelta(minutes=1)
