"""Users give contacts names; the test plays the router."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from shared.contracts.commands import ExpectedName, RenameContact
from shared.contracts.errors import Problem
from shared.contracts.events import ContactUpdated
from shared.contracts.message import Event
from shared.contracts.records import Contact
from shared.messaging.command_client import refusal
from shared.messaging.rpc_client import rpc_request
from shared.platform.documents import from_document
from tests.component.api.conftest import Api, Member
from tests.component.api.test_keys import created
from tests.component.api.test_reads import contact
from tests.nats_messages import MESSAGES

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL} Familie Müller"


@pytest.fixture
async def person(api: Api, member: Member) -> str:
    """The id of a contact."""
    document = contact(member, name="Anna")
    await api.database.contacts.insert_one(document)
    return str(document["_id"])


@pytest.fixture
async def commands(api: Api) -> AsyncIterator[list[RenameContact]]:
    """What the router got; it answers at once, and stores nothing."""

    def renamed(command: RenameContact) -> Iterable[Event]:
        at = command.at
        known = Contact(id=command.contact_id, organization_id=command.organization_id, created_at=at, updated_at=at)
        return [ContactUpdated(organization_id=command.organization_id, cause=command.id, contact=known)]

    async with api.playing(RenameContact, renamed) as received:
        yield received


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("Anna Schmidt", "Anna Schmidt"),
        ("  Anna  ", "Anna"),
        ("أحمد محمد", "أحمد محمد"),
        ("\u200fأحمد", "\u200fأحمد"),
        (FAMILY, FAMILY),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("x" * 256, "x" * 256),
        (None, None),
    ],
)
async def test_a_name_is_given_in_any_script_and_taken_back(
    member: Member, person: str, commands: list[RenameContact], given: str | None, sent: str | None
) -> None:
    answer = await member.http.patch(f"/api/contacts/{person}", json={"name": given})
    assert (answer.status_code, answer.json()["data"]["id"]) == (200, person), answer.text
    [command] = commands
    assert (command.contact_id, command.name, command.expected, command.by) == (person, sent, None, member.user_id)


@pytest.mark.parametrize(
    "given", ["", "   ", "\u200d\u200b", "a\nb", "a\x00", "a\u2028b", "exe.\u202egpj", "x" * 257, 1, [], "\ufe0f"]
)
async def test_a_name_that_is_empty_too_long_or_no_line_is_refused(
    member: Member, person: str, commands: list[RenameContact], given: Any
) -> None:
    answer = await member.http.patch(f"/api/contacts/{person}", json={"name": given})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "name"), answer.text
    assert commands == []


@pytest.mark.parametrize("body", [{}, {"name": "x", "lid": "1"}, {"name": "x", "expected_name": "y" * 257}])
async def test_a_body_without_a_name_or_with_more_is_refused(member: Member, person: str, body: Any) -> None:
    answer = await member.http.patch(f"/api/contacts/{person}", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("expected", ["Anna", None])
async def test_the_expected_name_goes_to_the_router_over_rest_and_nats(
    api: Api, member: Member, person: str, commands: list[RenameContact], expected: str | None
) -> None:
    body = {"name": "Ann", "expected_name": expected}
    assert (await member.http.patch(f"/api/contacts/{person}", json=body)).status_code == 200
    question = MESSAGES.ChangeContactRequest(organization_id=member.organization_id, contact_id=person, **body)
    assert (await rpc_request(api.nats, question))["data"]["id"] == person
    assert [command.expected for command in commands] == [ExpectedName(name=expected)] * 2


async def test_the_contact_that_somebody_else_renamed_is_in_the_answer(api: Api, member: Member, person: str) -> None:
    stored = await api.database.contacts.find_one({"_id": person})
    assert stored
    shown = from_document(Contact, stored).model_dump(mode="json")

    def refuse(command: RenameContact) -> Iterable[Event]:
        return [refusal(command, Problem(409, "contact_changed", "it has another name", contact=shown))]

    async with api.playing(RenameContact, refuse):
        answer = await member.http.patch(f"/api/contacts/{person}", json={"name": "A", "expected_name": "B"})
    told = answer.json()
    assert (answer.status_code, told["code"], told["contact"]) == (409, "contact_changed", shown)


async def test_agents_name_contacts_viewers_and_limited_keys_do_not_and_the_audit_log_has_it(
    api: Api, member: Member, person: str, commands: list[RenameContact]
) -> None:
    url, body = f"/api/contacts/{person}", {"name": "Ann"}
    async with api.member("viewer", member.organization_id) as viewer:
        answer = await viewer.http.patch(url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
    key = (await created(member, "read", "send", instance_ids=[await member.instance()]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.patch(url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "key_limited")
    async with api.member("agent", member.organization_id) as agent:
        assert (await agent.http.patch(url, json=body)).status_code == 200
    [entry] = (await member.get("/api/audit", action="change_contact"))["data"]
    assert (entry["actor"], entry["target"]) == (agent.user_id, {"contact_id": person})


async def test_a_contact_of_another_organization_is_not_found(
    member: Member, stranger: Member, person: str, commands: list[RenameContact]
) -> None:
    answer = await stranger.http.patch(f"/api/contacts/{person}", json={"name": "mine now"})
    assert (answer.status_code, answer.json()["code"], commands) == (404, "contact_not_found", [])
