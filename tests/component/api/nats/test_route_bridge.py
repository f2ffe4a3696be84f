"""Every REST write over NATS: the same replies and refusals, carried out once, in the audit log."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from shared.contracts.commands import SendMessage
from shared.contracts.errors import Problem
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import derived_id
from shared.contracts.message import Event, Request
from shared.contracts.records import MessageStatus
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES


async def raw(api: Api, address: str, **fields: Any) -> Any:
    return json.loads((await api.nats.request(address, json.dumps(fields).encode(), timeout=5)).data)


async def refused(api: Api, request: Request) -> Problem:
    with pytest.raises(Problem) as raised:
        await rpc_request(api.nats, request)
    return raised.value


async def test_an_account_is_made_renamed_and_deleted_over_nats(api: Api, member: Member) -> None:
    organization_id = member.organization_id
    made = await rpc_request(
        api.nats, MESSAGES.CreateInstanceRequest(organization_id=organization_id, instance_name="Desk")
    )
    found = made["instance"]["id"]
    assert made == await member.get(f"/api/whatsapp/instances/{found}")
    own: dict[str, Any] = {"organization_id": organization_id, "instance_id": found}
    renamed = await rpc_request(api.nats, MESSAGES.ChangeInstanceRequest(**own, instance_name="Front"))
    assert renamed["instance"]["instance_name"] == "Front"
    await rpc_request(api.nats, MESSAGES.DeleteInstanceRequest(**own))
    assert (await member.http.get(f"/api/whatsapp/instances/{found}")).status_code == 404
    await rpc_request(api.nats, MESSAGES.RemoveInstanceRequest(**own))
    assert (await refused(api, MESSAGES.RemoveInstanceRequest(**own))).status == 404


async def test_omitted_fields_stay_and_null_removes(api: Api, member: Member) -> None:
    found = await member.instance(phone_number="+49 151 12345678")
    own: dict[str, Any] = {"organization_id": member.organization_id, "instance_id": found}
    kept = await rpc_request(api.nats, MESSAGES.ChangeInstanceRequest(**own, instance_name="Front"))
    assert (kept["instance"]["instance_name"], kept["instance"]["phone_number"]) == ("Front", "4915112345678")
    forgotten = await rpc_request(api.nats, MESSAGES.ChangeInstanceRequest(**own, phone_number=None))
    assert (forgotten["instance"]["instance_name"], forgotten["instance"]["phone_number"]) == ("Front", None)


async def test_keys_and_invitations_are_created_and_revoked_over_nats(api: Api, member: Member) -> None:
    own: dict[str, Any] = {"organization_id": member.organization_id}
    key = (await rpc_request(api.nats, MESSAGES.CreateApiKeyRequest(**own, name="till", scopes=("read",))))["data"]
    async with api.client(Authorization=f"Bearer {key['key']}") as till:
        assert (await till.get("/api/contacts")).status_code == 200
        await rpc_request(api.nats, MESSAGES.RevokeApiKeyRequest(**own, key_id=key["id"]))
        assert (await till.get("/api/contacts")).status_code == 401
    invited = (await rpc_request(api.nats, MESSAGES.CreateInvitationRequest(**own, email="nina@example.org")))["data"]
    await rpc_request(api.nats, MESSAGES.WithdrawInvitationRequest(**own, invitation_id=invited["id"]))
    assert (await member.get("/api/invitations"))["data"] == []


async def test_a_message_is_sent_over_nats_once_per_key(api: Api, member: Member) -> None:
    instance_id = await member.instance()
    await api.connection(member, instance_id)

    def sent(command: SendMessage) -> Iterable[Event]:
        yield MessageStatusChanged(
            id=derived_id(command.id, "sent"),
            organization_id=command.organization_id,
            cause=command.id,
            instance_id=command.instance_id,
            message_id=command.message_id,
            status=MessageStatus.SENT,
        )

    asked: dict[str, Any] = {
        "organization_id": member.organization_id,
        "instance_id": instance_id,
        "to": "+49 151 12345678",
    }
    request = MESSAGES.SendRequest(**asked, message="Your table is ready.", idempotency_key="table 7")
    async with api.playing(SendMessage, sent) as commands:
        first, again = await rpc_request(api.nats, request), await rpc_request(api.nats, request)
    assert (first["status"], first["messageId"]) == ("sent", again["messageId"])
    assert {command.message_id for command in commands} == {first["messageId"]}


async def test_the_same_key_is_the_same_request_and_another_request_is_refused(api: Api, member: Member) -> None:
    own: dict[str, Any] = {"organization_id": member.organization_id, "idempotency_key": "one"}
    request = MESSAGES.CreateInstanceRequest(**own, instance_name="Desk")
    first = await rpc_request(api.nats, request)
    assert await rpc_request(api.nats, request) == first
    other = await refused(api, MESSAGES.CreateInstanceRequest(**own, instance_name="Bar"))
    assert (other.status, other.code) == (422, "idempotency_conflict")
    assert len((await member.get("/api/whatsapp/instances"))["data"]) == 1


async def test_the_audit_log_names_the_requester(api: Api, member: Member) -> None:
    request = MESSAGES.CreateInvitationRequest(organization_id=member.organization_id, email="nina@example.org")
    await rpc_request(api.nats, request)
    entry = (await member.get("/api/audit"))["data"][0]
    assert (entry["actor"], entry["action"], entry["request_id"]) == ("bus", "invite", request.id)


async def test_a_refusal_is_the_problem_rest_answers(api: Api, member: Member) -> None:
    own: dict[str, Any] = {"organization_id": member.organization_id}
    cases: list[tuple[Request, str, str, dict[str, Any]]] = [
        (MESSAGES.RevokeApiKeyRequest(**own, key_id="none"), "DELETE", "/api/api-keys/none", {}),
        (
            MESSAGES.CreateInvitationRequest(**own, email="nina"),
            "POST",
            "/api/invitations",
            {"json": {"email": "nina"}},
        ),
        (MESSAGES.DisconnectInstanceRequest(**own), "POST", "/api/whatsapp/instances/-/disconnect", {}),
        (MESSAGES.DropDeadLetterRequest(**own, sequence=1 << 40), "DELETE", f"/api/admin/dead-letters/{1 << 40}", {}),
    ]
    for request, method, path, body in cases:
        rest = (await member.http.request(method, path, **body)).json()
        told = await refused(api, request)
        assert (told.status, told.code, told.detail) == (rest["status"], rest["code"], rest["detail"])


async def test_nobody_changes_another_organizations_records(api: Api, member: Member, stranger: Member) -> None:
    found = await member.instance()
    foreign: dict[str, Any] = {"organization_id": stranger.organization_id}
    attempts: tuple[Request, ...] = (
        MESSAGES.DeleteInstanceRequest(**foreign, instance_id=found),
        MESSAGES.RemoveInstanceRequest(**foreign, instance_id=found),
        MESSAGES.RemoveUserRequest(**foreign, user_id=member.user_id),
    )
    for request in attempts:
        assert (await refused(api, request)).status == 404
    await member.get(f"/api/whatsapp/instances/{found}")


async def test_invalid_requests_are_refused_with_a_reason(api: Api, member: Member) -> None:
    address = MESSAGES.CreateInvitationRequest.subject_filter(member.organization_id, "-")
    misspelt = await raw(api, address, email="nina@example.org", rolle="admin")
    assert (misspelt["status"], misspelt["code"]) == (422, "validation_failed")
    assert "rolle" in misspelt["detail"]
    of_one = await raw(
        api, MESSAGES.CreateInvitationRequest.subject_filter(member.organization_id, "desk"), email="nina@example.org"
    )
    assert (of_one["code"], of_one["detail"]) == ("validation_failed", f"this concerns no instance; ask on {address}")
    path = await raw(api, MESSAGES.RemoveUserRequest.subject_filter(member.organization_id, "-"), user_id="a/../b")
    assert (path["status"], path["code"]) == (422, "validation_failed")


async def test_an_owner_is_made_by_owners_only(api: Api, member: Member) -> None:
    problem = await refused(
        api,
        MESSAGES.CreateInvitationRequest(organization_id=member.organization_id, email="n@example.org", role="owner"),
    )
    assert (problem.status, problem.code) == (403, "role_missing")


async def test_many_requests_at_once_are_all_done(api: Api, member: Member) -> None:
    own: dict[str, Any] = {"organization_id": member.organization_id}
    requests = [MESSAGES.CreateInstanceRequest(**own, instance_name=f"Desk {number}") for number in range(60)]
    await asyncio.gather(*(rpc_request(api.nats, request, timeout=20) for request in requests))
    assert len((await member.get("/api/whatsapp/instances", limit=200))["data"]) == 60
