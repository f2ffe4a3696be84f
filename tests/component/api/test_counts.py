"""Counts of the conversations and bookings that the caller may read."""

from typing import Any

from services.router.store import INDEXES
from shared.contracts.records import BookingStatus
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import ensure_indexes
from tests.component.api.conftest import Api, Member
from tests.component.api.test_conversations import talk
from tests.component.api.test_keys import created
from tests.component.api.test_page_cost import examined
from tests.component.api.test_reads import booking
from tests.nats_messages import MESSAGES


async def counts(member: Member, path: str, **query: Any) -> Any:
    return (await member.get(path, **query))["data"]


async def test_conversation_counts_equal_the_lists(api: Api, member: Member, stranger: Member) -> None:
    before = {name: value for name, value in talk(member).items() if name not in ("status", "unread")}
    talks = [
        talk(member, assigned_to=member.user_id),
        talk(member, assigned_to=member.user_id, status="closed"),
        before,
        talk(member, assigned_to="somebody", unread=True),
        talk(member, status="closed", unread=True),
        talk(stranger, assigned_to=member.user_id, unread=True),
        talk(member, instance_id="other"),
    ]
    await api.database.conversations.insert_many(talks)
    found = await counts(member, "/api/conversations/counts")
    assert found == {"all": 4, "open": 4, "unread": 2, "mine": 1, "unassigned": 2, "closed": 2}
    for name, query in (
        ("all", {"status": "open"}),
        ("open", {"status": "open"}),
        ("unassigned", {"status": "open", "assigned_to": "none"}),
        ("unread", {"unread": True}),
        ("closed", {"status": "closed"}),
        ("mine", {"status": "open", "assigned_to": "me"}),
    ):
        assert len((await member.get("/api/conversations", **query))["data"]) == found[name], name
    assert (await counts(member, "/api/conversations/counts", instance_id="other"))["open"] == 1
    assert (await counts(member, "/api/conversations/counts", instance_id="nothing"))["open"] == 0
    question = MESSAGES.CountConversations(organization_id=member.organization_id, assigned_to=member.user_id)
    assert (await rpc_request(api.nats, question))["data"] == found
    nobody = question.model_copy(update={"assigned_to": None})
    assert (await rpc_request(api.nats, nobody))["data"] == found | {"mine": 0}


async def test_counting_by_status_and_assignee_reads_no_conversation(api: Api, member: Member) -> None:
    assignees = [None, member.user_id, "somebody"]
    talks = [talk(member, assigned_to=assignees[number % 3], status="open") for number in range(150)]
    await api.database.conversations.insert_many([*talks, talk(member, instance_id="other")])
    for instance_id, mine in (("i", 50), ("other", 0), ("", 50)):
        async with examined(api.database) as counters:
            found = await counts(member, "/api/conversations/counts", instance_id=instance_id)
        assert (found["mine"], found["closed"]) == (mine, 0)
        assert counters
        assert max(counters) <= 1


async def test_counts_without_the_index_of_this_version_are_the_same(api: Api, member: Member) -> None:
    await api.database.conversations.insert_many([talk(member), talk(member, status="closed")])
    before = await counts(member, "/api/conversations/counts")
    await api.database.conversations.drop_index("by_status_and_assignee")
    try:
        assert await counts(member, "/api/conversations/counts") == before
    finally:
        await ensure_indexes(api.database, INDEXES)


async def test_bookings_are_counted_by_status(api: Api, member: Member, stranger: Member) -> None:
    await api.database.bookings.insert_many(
        [booking(member), booking(member), booking(member, status="no_show"), booking(stranger, status="completed")]
    )
    found = await counts(member, "/api/bookings/counts")
    assert found == {status.value: 0 for status in BookingStatus} | {"pending": 2, "no_show": 1}
    assert (await rpc_request(api.nats, MESSAGES.CountBookings(organization_id=member.organization_id)))[
        "data"
    ] == found


async def test_a_limited_key_gets_the_counts_of_its_instance(api: Api, member: Member) -> None:
    mine, other = await member.instance(), await member.instance()
    talks = [talk(member, instance_id=instance, unread=True) for instance in (mine, other, other)]
    await api.database.conversations.insert_many(talks)
    await api.database.bookings.insert_many([booking(member, instance_id=one) for one in (mine, other, other)])
    key = (await created(member, "read", instance_ids=[mine]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        found = (await http.get("/api/conversations/counts")).json()["data"]
        assert found == {"all": 1, "open": 1, "unread": 1, "mine": 0, "unassigned": 1, "closed": 0}
        elsewhere = await http.get("/api/conversations/counts", params={"instance_id": other})
        assert set(elsewhere.json()["data"].values()) == {0}
        assert (await http.get("/api/bookings/counts")).json()["data"]["pending"] == 1
