"""`Idempotency-Key`: a repeated request gets the stored response; another request with the same key is refused."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from services.api.store.idempotent_responses import idempotency_record
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.component.api.conftest import Api, Member

PATH = "/api/whatsapp/instances"


async def make(member: Member, key: str, name: str = "Desk", path: str = PATH) -> httpx.Response:
    body = {"instance_name" if path == PATH else "name": name}
    return await member.http.post(path, json=body, headers={"Idempotency-Key": key})


async def made(member: Member) -> int:
    return len((await member.get(PATH))["data"])


async def test_a_repeated_request_gets_the_first_response_and_creates_nothing(member: Member) -> None:
    key = new_id()
    first, again = await make(member, key), await make(member, key)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (again.headers["Idempotency-Replayed"], "Idempotency-Replayed" in first.headers) == ("true", False)
    assert await made(member) == 1


async def test_a_used_key_with_another_request_is_refused(member: Member) -> None:
    key = new_id()
    await make(member, key)
    others = [await make(member, key, "Other"), await make(member, key, "x", "/api/api-keys")]
    assert [(answer.status_code, answer.json()["code"]) for answer in others] == [(422, "idempotency_conflict")] * 2
    assert await made(member) == 1


async def test_concurrent_requests_create_one(member: Member) -> None:
    key = new_id()
    answers = await asyncio.gather(*(make(member, key) for _ in range(8)))
    refused = [answer.json()["code"] for answer in answers if answer.status_code != 200]
    assert set(refused) <= {"request_in_progress"}
    assert len({answer.json()["instance"]["id"] for answer in answers if answer.status_code == 200}) == 1
    assert await made(member) == 1


async def test_a_refused_request_may_be_repeated_with_its_key(member: Member) -> None:
    key = new_id()
    assert (await make(member, key, name="")).status_code == 422
    assert (await make(member, key)).status_code == 200


async def test_keys_of_other_callers_are_other_keys(api: Api, member: Member, stranger: Member) -> None:
    key = new_id()
    async with api.member("admin", member.organization_id) as colleague:
        answers = [await make(person, key) for person in (member, colleague, stranger)]
    assert len({answer.json()["instance"]["id"] for answer in answers}) == 3


async def test_a_secret_is_not_stored_for_a_repetition(api: Api, member: Member) -> None:
    key = new_id()
    first = await make(member, key, "Till", "/api/api-keys")
    again = await make(member, key, "Till", "/api/api-keys")
    assert (first.status_code, again.status_code, again.json()["code"]) == (201, 409, "shown_once")
    assert first.json()["data"]["key"] not in str(await api.database.answers.find().to_list(None))
    assert len((await member.get("/api/api-keys"))["data"]) == 1


async def test_a_request_whose_process_died_is_carried_out_by_the_repetition(api: Api, member: Member) -> None:
    key = new_id()
    first = await make(member, key)
    claim = idempotency_record(member.organization_id, member.user_id, key)
    died: dict[str, Any] = {"status": None, "locked_until": utc_now() + timedelta(minutes=1)}
    await api.database.answers.update_one({"_id": claim.id}, {"$set": died})
    waiting = await make(member, key)
    assert (waiting.status_code, waiting.json()["code"]) == (409, "request_in_progress")
    assert waiting.headers["Retry-After"] == "1"
    past = {"$set": {"locked_until": utc_now() - timedelta(seconds=1)}}
    await api.database.answers.update_one({"_id": claim.id}, past)
    assert (await make(member, key)).json()["instance"]["id"] != first.json()["instance"]["id"]


async def test_a_key_that_cannot_be_is_named(member: Member) -> None:
    answer = await make(member, "x" * 256)
    assert (answer.status_code, answer.json()["detail"][:15]) == (422, "Idempotency-Key")


async def test_a_body_that_is_too_large_is_refused_with_a_key_too(member: Member) -> None:
    async def endless() -> Any:
        for _ in range(3):
            yield b" " * (1 << 19)

    headers = {"Idempotency-Key": new_id(), "Content-Type": "application/json"}
    answer = await member.http.post(PATH, content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_responses_expire_after_a_day(api: Api) -> None:
    indexes = await api.database.answers.index_information()
    assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [86_400]
