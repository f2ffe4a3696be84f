"""Every REST read over NATS: the same replies and refusals."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.contracts.queries import ListContacts, ReadInstance, ReadMessage
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES


async def raw(api: Api, address: str, body: bytes) -> Any:
    return json.loads((await api.nats.request(address, body, timeout=5)).data)


async def test_an_answer_over_nats_is_that_of_rest(api: Api, member: Member) -> None:
    instance = await member.instance()
    organization_id = member.organization_id
    for query, path in (
        (MESSAGES.ReadOrganization(organization_id=organization_id), "/api/organization"),
        (MESSAGES.ListInstances(organization_id=organization_id), "/api/whatsapp/instances"),
        (ReadInstance(organization_id=organization_id, instance_id=instance), f"/api/whatsapp/instances/{instance}"),
        (
            MESSAGES.ReadInstanceStatus(organization_id=organization_id, instance_id=instance),
            f"/api/whatsapp/instances/{instance}/status",
        ),
        (MESSAGES.ListConversations(organization_id=organization_id), "/api/conversations"),
    ):
        assert await rpc_request(api.nats, query) == await member.get(path)


async def test_a_list_continues_with_its_cursor(api: Api, member: Member, records: Callable[..., Document]) -> None:
    ids = {new_id() for _ in range(3)}
    await api.database.messages.insert_many([records(_id=found) for found in ids])
    first = await rpc_request(api.nats, MESSAGES.ListMessages(organization_id=member.organization_id, limit=2))
    rest = await rpc_request(
        api.nats, MESSAGES.ListMessages(organization_id=member.organization_id, limit=2, cursor=first["next_cursor"])
    )
    assert {found["id"] for found in first["data"] + rest["data"]} == ids
    assert rest["next_cursor"] is None


async def test_a_refusal_is_the_problem_rest_answers(api: Api, member: Member) -> None:
    for query, code in (
        (MESSAGES.ReadContact(organization_id=member.organization_id, contact_id="nobody"), "contact_not_found"),
        (ReadInstance(organization_id=member.organization_id), "instance_not_found"),
        (ListContacts(organization_id=member.organization_id, cursor="%%%"), "invalid_cursor"),
    ):
        with pytest.raises(Problem) as refused:
            await rpc_request(api.nats, query)
        assert refused.value.code == code


async def test_nobody_reads_another_organizations_records(
    api: Api, member: Member, stranger: Member, records: Callable[..., Document]
) -> None:
    message = records()
    await api.database.messages.insert_one(message)
    instance = await member.instance()
    questions: tuple[Query, ...] = (
        ReadMessage(organization_id=stranger.organization_id, message_id=message["_id"]),
        ReadInstance(organization_id=stranger.organization_id, instance_id=instance),
    )
    for query in questions:
        with pytest.raises(Problem) as refused:
            await rpc_request(api.nats, query)
        assert refused.value.status == 404


async def test_the_subject_decides_whose_records_are_read(api: Api, member: Member, stranger: Member) -> None:
    address = MESSAGES.ReadOrganization(organization_id=member.organization_id).full_subject
    assert (await raw(api, address, b""))["data"]["id"] == member.organization_id
    lie = json.dumps({"organization_id": stranger.organization_id}).encode()
    refused = await raw(api, address, lie)
    assert (refused["status"], refused["code"]) == (403, "organization_mismatch")


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"{", "invalid_json"), (b"\xff", "invalid_json"), (b"[]", "invalid_json"), (b"{}", "validation_failed")],
)
async def test_an_unreadable_query_is_answered_with_its_error(api: Api, member: Member, body: bytes, code: str) -> None:
    address = MESSAGES.ReadContact.subject_filter(member.organization_id, "-")
    answer = await raw(api, address, body)
    assert (answer["success"], answer["status"], answer["code"]) == (False, 422, code)


async def test_an_answer_too_large_for_nats_is_refused_and_fits_with_a_smaller_limit(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    await api.database.messages.insert_many([records(_id=new_id(), text="x" * 60_000) for _ in range(20)])
    with pytest.raises(Problem) as refused:
        await rpc_request(api.nats, MESSAGES.ListMessages(organization_id=member.organization_id, limit=20))
    assert refused.value.code == "answer_too_large"
    answer = await rpc_request(api.nats, MESSAGES.ListMessages(organization_id=member.organization_id, limit=5))
    assert len(answer["data"]) == 5


async def test_many_concurrent_queries_are_all_answered(api: Api, member: Member) -> None:
    query = MESSAGES.ListInstances(organization_id=member.organization_id)
    answers = await asyncio.gather(*(rpc_request(api.nats, query, timeout=20) for _ in range(300)))
    assert len(answers) == 300


async def test_an_unknown_query_has_no_responders(api: Api) -> None:
    class Unheard(Query):
        subject = "wa.query.nothing.read"

    with pytest.raises(Problem) as refused:
        await rpc_request(api.nats, Unheard(organization_id="acme"))
    assert refused.value.code == "nobody_answers"
