"""/api/admin: queue statistics and dead letters."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from shared.contracts.commands import ChangeBooking
from shared.contracts.events import ReceiptReceived
from shared.contracts.ids import new_id
from shared.contracts.message import Event, utc_now
from shared.contracts.records import BookingStatus
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES
from tests.subscriptions import subscribed

LETTERS = "/api/admin/dead-letters"


def receipt(organization_id: str) -> ReceiptReceived:
    return ReceiptReceived(
        organization_id=organization_id, instance_id="i", wa_ids=["A"], status="read", timestamp=utc_now()
    )


async def dead(api: Api, organization_id: str, error: str = "no contact") -> ReceiptReceived:
    """An event that could not be handled, as a service leaves it."""
    event = receipt(organization_id)
    publish = Publisher(jetstream(api.nats))
    await publish.dead_letter(event.full_subject, event.model_dump_json().encode(), error, 6)
    return event


@asynccontextmanager
async def consumer(api: Api, name: str, event: type[Event], organization_id: str) -> AsyncIterator[str]:
    """A durable consumer of one organization's events, from which nobody fetches."""
    js = jetstream(api.nats)
    config = ConsumerConfig(
        durable_name=name,
        filter_subject=event.subject_filter(organization_id),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=300,
    )
    await js.add_consumer(EVENTS_STREAM, config)
    yield name
    await js.delete_consumer(EVENTS_STREAM, name)


async def test_a_consumer_reports_pending_messages(api: Api, member: Member) -> None:
    js, publish = jetstream(api.nats), Publisher(jetstream(api.nats))
    async with consumer(api, f"test-{new_id()[:8]}", ReceiptReceived, member.organization_id) as name:
        subscription = await js.pull_subscribe_bind(durable=name, stream=EVENTS_STREAM)
        await publish(receipt(member.organization_id))
        await publish(receipt(member.organization_id))
        first, second = await subscription.fetch(2, timeout=5)
        await first.nak()
        (again,) = await subscription.fetch(1, timeout=5)
        await publish(receipt(member.organization_id))
        stats = (await member.get("/api/admin/queue-stats"))["data"]
        (letter,) = [letters for letters in stats["consumers"] if letters["name"] == name]
        counts = {field: letter[field] for field in ("pending", "unacknowledged", "redelivered", "lag")}
        assert counts == {"pending": 1, "unacknowledged": 2, "redelivered": 1, "lag": 3}
        assert letter["oldest_age"] >= 0
        for message in [second, again, *await subscription.fetch(1, timeout=5)]:
            await message.ack_sync()
        stats = (await member.get("/api/admin/queue-stats"))["data"]
        (letter,) = [letters for letters in stats["consumers"] if letters["name"] == name]
        assert (letter["lag"], letter["oldest_age"]) == (0, None)
        await subscription.unsubscribe()


async def test_streams_are_reported_with_size_and_age(api: Api, member: Member) -> None:
    await Publisher(jetstream(api.nats))(receipt(member.organization_id))
    streams = (await member.get("/api/admin/queue-stats"))["data"]["streams"]
    assert [letters["name"] for letters in streams] == ["WA_EVENTS", "WA_COMMANDS", "WA_DEAD"]
    assert streams[0]["messages"] >= 1
    assert streams[0]["bytes"] > 0
    assert streams[0]["oldest_age"] >= 0


async def test_dead_letters_are_counted_listed_in_pages_and_read(api: Api, member: Member) -> None:
    events = [await dead(api, member.organization_id, f"reason {number}") for number in range(3)]
    assert (await member.get("/api/admin/queue-stats"))["data"]["dead_letters"] == 3
    first = await member.get(LETTERS, limit=2)
    rest = await member.get(LETTERS, limit=2, cursor=first["next_cursor"])
    assert [letter["error"] for letter in first["data"] + rest["data"]] == ["reason 0", "reason 1", "reason 2"]
    assert rest["next_cursor"] is None
    letter = first["data"][0]
    assert (letter["kind"], letter["attempts"], letter["address"]) == ("ReceiptReceived", 6, events[0].full_subject)
    read = (await member.get(f"{LETTERS}/{letter['sequence']}"))["data"]
    assert read == letter | {"body": json.loads(events[0].model_dump_json())}


async def test_a_replayed_letter_is_published_again_and_gone(api: Api, member: Member) -> None:
    event = await dead(api, member.organization_id)
    commands = await api.nats.subscribe(event.full_subject)
    await subscribed(api.nats)
    (letter,) = (await member.get(LETTERS))["data"]
    answer = await member.http.post(f"{LETTERS}/{letter['sequence']}/replay")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    again = await commands.next_msg(timeout=5)
    assert ReceiptReceived.model_validate_json(again.data) == event
    assert (await member.get(LETTERS))["data"] == []
    gone = await member.http.post(f"{LETTERS}/{letter['sequence']}/replay")
    assert (gone.status_code, gone.json()["code"]) == (404, "dead_letter_not_found")
    await commands.unsubscribe()


async def test_an_incomplete_letter_is_marked_and_not_replayed(api: Api, member: Member) -> None:
    event = receipt(member.organization_id).model_copy(update={"wa_ids": ["A" * 990_000]})
    body = event.model_dump_json().encode()
    await Publisher(jetstream(api.nats)).dead_letter(event.full_subject, body, "too large", 1)
    (letter,) = (await member.get(LETTERS))["data"]
    assert (letter["complete"], letter["size"]) == (False, len(body))
    head = (await member.get(f"{LETTERS}/{letter['sequence']}"))["data"]["body"]
    assert body.decode().startswith(head)
    refused = await member.http.post(f"{LETTERS}/{letter['sequence']}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_replayable")
    assert (await member.http.delete(f"{LETTERS}/{letter['sequence']}")).status_code == 200


async def test_a_replayed_command_reaches_its_owner(api: Api, member: Member) -> None:
    command = ChangeBooking(
        organization_id=member.organization_id, booking_id="b", status=BookingStatus.CONFIRMED, by="somebody"
    )
    body = command.model_dump_json().encode()
    await Publisher(jetstream(api.nats)).dead_letter(command.full_subject, body, "no booking", 6)
    (letter,) = (await member.get(LETTERS))["data"]
    async with api.playing(ChangeBooking, lambda _: ()) as commands:
        assert (await member.http.post(f"{LETTERS}/{letter['sequence']}/replay")).status_code == 200
        while command not in commands:
            await api.nats.flush()


async def test_a_dropped_letter_is_gone_and_published_nowhere(api: Api, member: Member) -> None:
    event = await dead(api, member.organization_id)
    commands = await api.nats.subscribe(event.full_subject)
    await subscribed(api.nats)
    (letter,) = (await member.get(LETTERS))["data"]
    assert (await member.http.delete(f"{LETTERS}/{letter['sequence']}")).status_code == 200
    assert (await member.get(LETTERS))["data"] == []
    await api.nats.flush()  # what the api published before its answer has arrived
    assert commands.pending_msgs == 0
    await commands.unsubscribe()


async def test_letters_of_another_organization_are_not_found(api: Api, member: Member, stranger: Member) -> None:
    await dead(api, member.organization_id)
    (letter,) = (await member.get(LETTERS))["data"]
    path = f"{LETTERS}/{letter['sequence']}"
    assert (await stranger.get(LETTERS))["data"] == []
    assert (await stranger.get("/api/admin/queue-stats"))["data"]["dead_letters"] == 0
    for method, place in (("GET", path), ("POST", f"{path}/replay"), ("DELETE", path)):
        answer = await stranger.http.request(method, place)
        assert (answer.status_code, answer.json()["code"]) == (404, "dead_letter_not_found")
    assert (await member.get(path))["data"]["sequence"] == letter["sequence"]


async def test_a_letter_of_an_unknown_class_is_listed_and_not_replayed(api: Api, member: Member) -> None:
    address = f"wa.event.weather.changed.{member.organization_id}.-"
    await Publisher(jetstream(api.nats)).dead_letter(address, b"\xff no json", "unreadable", 1)
    (letter,) = (await member.get(LETTERS))["data"]
    read = (await member.get(f"{LETTERS}/{letter['sequence']}"))["data"]
    assert (read["kind"], read["body"]) == ("unknown", "\ufffd no json")
    answer = await member.http.post(f"{LETTERS}/{letter['sequence']}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_replayable")


@pytest.mark.parametrize("cursor", ["x", "-1", "1e3", "٣", "9" * 30])
async def test_a_made_up_cursor_is_refused(member: Member, cursor: str) -> None:
    answer = await member.http.get(LETTERS, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_the_same_is_answered_over_nats(api: Api, member: Member) -> None:
    await dead(api, member.organization_id)
    (letter,) = (await rpc_request(api.nats, MESSAGES.ListDeadLetters(organization_id=member.organization_id)))["data"]
    query = MESSAGES.ReadDeadLetter(organization_id=member.organization_id, sequence=letter["sequence"])
    assert (await rpc_request(api.nats, query))["data"]["error"] == "no contact"
    stats = await rpc_request(api.nats, MESSAGES.ReadQueueStats(organization_id=member.organization_id))
    assert stats["data"]["dead_letters"] == 1


async def test_a_read_only_key_cannot_read_queues(api: Api, member: Member) -> None:
    made = await member.http.post("/api/api-keys", json={"name": "reader", "scopes": ["read"]})
    async with api.client(**{"X-Api-Key": made.json()["data"]["key"]}) as http:
        for path in ("/api/admin/queue-stats", LETTERS):
            assert (await http.get(path)).status_code == 403
