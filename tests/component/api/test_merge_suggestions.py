"""Contacts that may be one person are suggested for a merge, page by page, until a user dismisses them."""

from typing import Any

import pytest

from services.api.views import merge_suggestions
from shared.contracts.ids import new_id
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member, make_searchable
from tests.component.api.test_keys import created
from tests.component.api.test_page_cost import examined
from tests.component.api.test_reads import contact
from tests.nats_messages import MESSAGES

URL = "/api/contacts/merge-suggestions"


def person(member: Member, age: int = 0, **fields: Any) -> Document:
    """A contact with a name, and a number or a LID of its own."""
    document = contact(member, age, **{"phone_number": None, **fields})
    phone, lid = document["phone_number"], document["lid"]
    document["aliases"] = [f"phone:{phone}"] * bool(phone) + [f"lid:{lid}"] * bool(lid) or [new_id()]
    return document


async def stored(api: Api, *people: Document) -> list[str]:
    await api.database.contacts.insert_many(people)
    await make_searchable(api.database)
    return [each["_id"] for each in people]


Suggestion = tuple[str, str, str]


async def suggested(member: Member, limit: int = 50) -> list[Suggestion]:
    """All pages; each contact, the other one, and the reason."""
    found: list[Suggestion] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = await member.get(URL, **query)
        assert len(page["data"]) <= limit
        found += [(item["contact"]["id"], item["other"]["id"], item["reason"]) for item in page["data"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def dismiss(member: Member, one: str, other: str) -> int:
    answer = await member.http.post(f"{URL}/dismiss", json={"contact_id": one, "other_id": other})
    return answer.status_code


async def test_variants_of_a_number_are_suggested_once_and_the_older_contact_first(
    api: Api, member: Member, stranger: Member
) -> None:
    ids = await stored(
        api,
        person(member, 1, name="Ana", phone_number="5511987654321"),
        person(member, 2, name="Zoe", phone_number="551187654321"),
        person(member, 3, name="Bea", phone_number="4915112345678"),
    )
    await stored(api, person(stranger, name="Ana", phone_number="551187654321"))
    assert await suggested(member) == [(ids[1], ids[0], "number_variant")]
    assert await suggested(stranger) == []


async def test_contacts_of_the_same_name_are_suggested_when_the_name_says_something(api: Api, member: Member) -> None:
    ids = await stored(
        api,
        person(member, 4, name="María Silva", phone_number="4915111111111"),
        person(member, 3, name="maria  silva", lid="301"),
        person(member, 2, name="Ana", phone_number="4915122222222"),
        person(member, 1, name="Ana", phone_number="4915133333333"),
        person(member, 6, name="José", phone_number="4915144444444"),
        person(member, 5, name="jose", lid="305"),
        person(member, 8, name=None, lid="306"),
        person(member, 7, name=None, lid="307"),
    )
    assert sorted(await suggested(member)) == sorted([(ids[0], ids[1], "same_name"), (ids[4], ids[5], "same_name")])


async def test_a_pair_that_a_user_has_split_or_dismissed_is_not_suggested(
    api: Api, member: Member, stranger: Member
) -> None:
    first, second, third = ids = sorted(new_id() for _ in range(3))
    people = [person(member, 9 - place, _id=each, name="Ana Lima", lid=f"2{place}") for place, each in enumerate(ids)]
    await stored(api, *people)
    assert await suggested(member) == [(first, second, "same_name"), (first, third, "same_name")]
    assert await dismiss(stranger, first, second) == 404
    assert len(await suggested(member)) == 2
    assert [await dismiss(member, first, second), await dismiss(member, second, first)] == [200, 200]
    assert await suggested(member) == [(first, third, "same_name")]
    assert await dismiss(member, third, first) == 200
    assert await suggested(member) == [(second, third, "same_name")]
    await api.database.contacts.update_one({"_id": third}, {"$set": {"apart_from": [second]}})
    assert await suggested(member) == []


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize("scanned", [1, 2, 3, 1_000])
async def test_pages_that_read_few_contacts_find_all_pairs_once(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch, limit: int, scanned: int
) -> None:
    monkeypatch.setattr(merge_suggestions, "MAX_SCANNED_CONTACTS", scanned)
    names = ["Ana Lima", "Ana Lima", "Bea Sol", "Caio Paz", "Caio Paz", "Caio Paz", "Duda Reis"]
    await stored(api, *(person(member, age, name=name, lid=f"4{age}") for age, name in enumerate(names)))
    await stored(
        api,
        person(member, 20, name="Eva", phone_number="5511987654321"),
        person(member, 21, name="Fay", phone_number="551187654321"),
    )
    found = await suggested(member, limit)
    assert sorted(reason for _, _, reason in found) == ["number_variant", *["same_name"] * 3]
    assert len({frozenset(each[:2]) for each in found}) == 4


async def test_a_page_reads_a_bounded_number_of_contacts(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge_suggestions, "MAX_SCANNED_CONTACTS", 20)
    people = [person(member, age, name=f"Ana {age:03}", phone_number=f"55119{80_000_000 + age}") for age in range(300)]
    await stored(api, *people)
    async with examined(api.database) as counts:
        page = await member.get(URL)
    assert (page["data"], page["next_cursor"] is None) == ([], False)
    assert counts
    assert max(counts) <= 21


async def test_suggestions_over_nats_are_those_of_rest(api: Api, member: Member) -> None:
    ids = await stored(api, *(person(member, age, name="Ana Lima", lid=f"5{age}") for age in range(2)))
    organization_id = member.organization_id
    question = MESSAGES.ListMergeSuggestions(organization_id=organization_id)
    assert await rpc_request(api.nats, question) == await member.get(URL)
    message = MESSAGES.DismissMergeRequest(organization_id=organization_id, contact_id=ids[0], other_id=ids[1])
    assert (await rpc_request(api.nats, message))["success"]
    assert (await rpc_request(api.nats, question))["data"] == []


async def test_what_is_no_pair_of_contacts_is_refused(api: Api, member: Member) -> None:
    [only] = await stored(api, person(member, name="Ana"))
    for other, status, code in ((only, 422, "same_contact"), ("nobody", 404, "contact_not_found")):
        answer = await member.http.post(f"{URL}/dismiss", json={"contact_id": only, "other_id": other})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    answer = await member.http.get(URL, params={"cursor": "%%%"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_agents_read_suggestions_and_only_managers_dismiss_them(api: Api, member: Member) -> None:
    ids = await stored(api, *(person(member, age, name="Ana Lima", lid=f"6{age}") for age in range(2)))
    async with api.member("agent", member.organization_id) as agent:
        assert len(await suggested(agent)) == 1
        assert await dismiss(agent, *ids) == 403
    key = (await created(member, "read", "manage", instance_ids=[await member.instance()]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        assert (await http.get(URL)).json()["code"] == "key_limited"


async def test_a_wrong_method_is_told_the_methods_of_this_path_and_not_those_of_a_contact(member: Member) -> None:
    answer = await member.http.request("PUT", URL)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    answer = await member.http.request("PUT", "/api/contacts/nobody")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PATCH")
