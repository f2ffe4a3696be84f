"""What an instance does otherwise than its organization holds for its own messages only."""

from typing import Any

import pytest
from nats.aio.client import Client

from services.router.cache_events import caches_follow_events
from services.router.store.instance_directory import PROFILE_CACHE_S, InstanceDirectory
from shared.contracts.commands import CreateBooking
from shared.contracts.events import BookingCreated, CommandRefused, SettingsChanged
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.records import Party
from shared.platform.mongo import Database
from tests.integration.router.conftest import ANNA, ME, ONE, ORG, START, Router, add_account, received, want
from tests.integration.router.test_policies import DAY
from tests.waiting import until

TWO = "two"
BERT = Party(phone="4915187654321", lid="222")


@pytest.fixture(autouse=True)
async def two_instances(router: Router) -> None:
    await add_account(router.database, TWO, Party(phone="4915188888888", lid="888"))


async def set_up(database: Database, instance_id: str, **settings: Any) -> None:
    """What the api keeps when somebody changes the settings of an instance."""
    await database["instances"].update_one({"_id": instance_id}, {"$set": {"settings": settings}})


async def opened(router: Router) -> dict[str, str]:
    """The instance of each booking, by its text."""
    return {str(row["text"]): row["instance_id"] for row in await router.rows("bookings")}


async def test_a_policy_of_an_instance_holds_for_its_messages_and_for_no_others(router: Router) -> None:
    await set_up(router.database, TWO, booking_policy="off")
    await router.handle(
        received("A1", ANNA, text="one"), received("B1", BERT, text="two", instance_id=TWO, id="b1", minute=1)
    )
    assert await opened(router) == {"one": ONE}


async def test_what_an_instance_does_not_set_is_as_the_organization_wants(router: Router) -> None:
    await want(router.database, booking_policy="keywords", booking_keywords=["hour"])
    await set_up(router.database, ONE, booking_policy=None, booking_keywords=["cut"], opening_hours=None)
    await set_up(router.database, TWO, bookings_without_words=None)
    for place, (instance_id, text) in enumerate([(ONE, "hour"), (ONE, "cut"), (TWO, "a cut"), (TWO, "hour 2")]):
        person = Party(phone=f"491512000000{place}")
        await router.handle(received(f"A{place}", person, text=text, instance_id=instance_id, id=f"a{place}"))
    assert await opened(router) == {"cut": ONE, "hour 2": TWO}


async def test_hours_and_texts_without_words_are_set_for_one_instance(router: Router) -> None:
    await set_up(router.database, ONE, booking_policy="opening_hours", opening_hours=DAY)
    await set_up(router.database, TWO, bookings_without_words=True)
    await router.handle(received("A1", ANNA, text="late", minute=60), received("A2", ANNA, text="open", minute=59))
    await router.handle(received("B1", BERT, text="👍", instance_id=TWO, id="b1"))
    assert await opened(router) == {"open": ONE, "👍": TWO}


async def test_a_policy_without_the_keywords_of_the_organization_opens_nothing_and_stops_nothing(
    router: Router,
) -> None:
    await set_up(router.database, ONE, booking_policy="keywords")
    await set_up(router.database, TWO, booking_policy="opening_hours")
    await router.handle(received("A1"), received("B1", BERT, instance_id=TWO, id="b1"))
    assert (len(await router.rows("messages")), await opened(router)) == (2, {})


async def test_a_user_opens_parallel_bookings_where_every_message_does(router: Router) -> None:
    await router.handle(received("A1"))
    contact_id = (await router.only("contacts"))["_id"]
    await set_up(router.database, TWO, booking_policy="every_message")
    given: dict[str, Any] = {"organization_id": ORG, "contact_id": contact_id, "at": START}
    await router.handle(CreateBooking(id="two", instance_id=TWO, **given))
    assert [event.booking.instance_id for event in router.of(BookingCreated)] == [ONE, TWO]
    await router.handle(CreateBooking(id="one", instance_id=ONE, **given))
    assert [event.code for event in router.of(CommandRefused)] == ["booking_open"]


async def test_changed_settings_are_seen_after_the_time_that_a_profile_is_remembered(router: Router) -> None:
    clock = 0.0
    directory = InstanceDirectory(router.database, lambda: clock)
    assert (await directory.profile(ORG)).settings_of(ONE).booking_policy == "one_open"
    await set_up(router.database, ONE, booking_policy="off")
    assert (await directory.profile(ORG)).settings_of(ONE).booking_policy == "one_open"
    clock += PROFILE_CACHE_S
    profile = await directory.profile(ORG)
    assert (profile.settings_of(ONE).booking_policy, profile.settings_of(TWO).booking_policy) == ("off", "one_open")
    assert profile.addresses[ONE] == ME.phone


async def test_settings_that_were_announced_are_used_at_once(router: Router, nats_url: str) -> None:
    client = Client()
    await client.connect(nats_url)
    directory = router.context.store.instances
    async with caches_follow_events(client, router.context.store):
        for instance_id in (ONE, NO_INSTANCE):
            assert (await directory.profile(ORG)).settings_of(ONE).booking_policy == "one_open"
            if instance_id == ONE:
                await set_up(router.database, ONE, booking_policy="off")
            else:
                await want(router.database, booking_policy="off")
            await client.publish(*_message(SettingsChanged(organization_id=ORG, instance_id=instance_id)))
            await until(lambda: ORG not in directory._profiles)
            assert (await directory.profile(ORG)).settings_of(ONE).booking_policy == "off"
            await set_up(router.database, ONE)
            directory.on_settings_changed(ORG)
    await client.close()


def _message(event: SettingsChanged) -> tuple[str, bytes]:
    return event.full_subject, event.model_dump_json().encode()
