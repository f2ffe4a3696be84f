"""Routes for the broadcaster, as in its quick reference."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from services.api.compat import qr_linking
from shared.contracts.commands import ConnectInstance, LogoutInstance, SendMessage
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from tests.component.api.compat.script import PNG, becomes, sends, shown_qr, shows_qr
from tests.component.api.conftest import Api, Member

START, SESSIONS, SEND = (f"/api/v1/whatsapp/{path}" for path in ("start-session", "sessions", "send-message"))
NUMBER = "+12125551234"


@pytest.fixture
async def account(api: Api, member: Member) -> str:
    """One that waits for its scan."""
    async with api.playing(ConnectInstance, shows_qr):
        answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["accountId"])


@pytest.fixture
async def colleague(api: Api, member: Member) -> AsyncIterator[httpx.AsyncClient]:
    """Another user of the member's organization."""
    async with api.member("owner", member.organization_id) as found:
        yield found.http


async def test_start_session_answers_with_the_account_and_its_first_code(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr) as commands:
        answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    found = answer.json()
    assert answer.status_code == 200
    assert isinstance(found["accountId"], str)
    assert found["qrCode"] == PNG
    assert (commands[0].instance_id, commands[0].method) == (found["accountId"], "qr")


@pytest.mark.parametrize("number", ["+12125551234", "+442071838750", "+919876543210", "+61412345678", "+79999999999"])
async def test_the_numbers_of_the_document_are_understood(api: Api, member: Member, number: str) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        assert (await member.http.post(START, json={"phoneNumber": number})).status_code == 200
    assert [account["phoneNumber"] for account in (await member.http.get(SESSIONS)).json()] == [number]


@pytest.mark.parametrize("number", ["+1234567890", "2125551234", "my phone"])
async def test_an_invalid_number_and_the_documents_placeholder_are_refused(member: Member, number: str) -> None:
    answer = await member.http.post(START, json={"phoneNumber": number})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_phone")
    assert [error["field"] for error in answer.json()["errors"]] == ["phoneNumber"]
    assert (await member.http.get(SESSIONS)).json() == []


async def test_the_same_number_again_is_the_same_account(api: Api, member: Member, account: str) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        answers = await asyncio.gather(
            *(member.http.post(START, json={"phoneNumber": spelt}) for spelt in (NUMBER, "1 (212) 555-1234") * 3)
        )
    assert {answer.json()["accountId"] for answer in answers} == {account}


async def test_a_current_code_is_returned_at_once(api: Api, member: Member, account: str) -> None:
    await api.connection(member, account, status="qr_pending", qr=shown_qr())
    async with api.playing(ConnectInstance, lambda command: []) as commands:
        answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    assert (answer.json()["qrCode"], commands) == (PNG, [])


async def test_an_account_that_is_connected_needs_no_code(api: Api, member: Member, account: str) -> None:
    await api.connection(member, account, status="connected")
    answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    assert (answer.status_code, answer.json()["qrCode"], answer.json()["status"]) == (200, None, "connected")


async def test_a_linked_account_that_connects_meanwhile_needs_none_either(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, becomes(S.CONNECTED)):
        answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    assert (answer.status_code, answer.json()["qrCode"]) == (200, None)


async def test_no_code_in_time_is_a_timeout(api: Api, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qr_linking, "QR_TIMEOUT_S", 0.1)
    answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    assert (answer.status_code, answer.json()["code"]) == (504, "qr_timeout")


async def test_a_failed_connection_has_its_reason(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, becomes(S.FAILED, reason="whatsapp_unreachable", detail="No way out.")):
        answer = await member.http.post(START, json={"phoneNumber": NUMBER})
    found = answer.json()
    assert (answer.status_code, found["code"], found["error"]) == (502, "whatsapp_unreachable", "No way out.")


async def test_sessions_have_the_columns_of_the_documents_table(api: Api, member: Member, account: str) -> None:
    await api.connection(member, account, last_connected_at=utc_now(), phone_number="12125551234")
    (found,) = (await member.http.get(SESSIONS)).json()
    assert set(found) >= {"id", "userId", "phoneNumber", "isActive", "lastLogin", "createdAt", "updatedAt"}
    assert found["id"] == found["accountId"] == account
    assert (found["phoneNumber"], found["isActive"]) == (NUMBER, True)
    assert all(isinstance(found[time], str) for time in ("lastLogin", "createdAt", "updatedAt"))
    assert (await member.http.get(f"{SESSIONS}/{account}")).json() == found


async def test_an_account_that_waits_for_its_scan_is_not_active(member: Member, account: str) -> None:
    found = (await member.http.get(f"{SESSIONS}/{account}")).json()
    assert (found["isActive"], found["lastLogin"]) == (False, None)


async def test_users_see_only_their_own_accounts(
    api: Api, member: Member, account: str, colleague: httpx.AsyncClient
) -> None:
    await api.connection(member, account)
    assert (await colleague.get(SESSIONS)).json() == []
    sent = {"accountId": account, "phoneNumber": "+442071838750", "message": "hello"}
    async with (
        api.playing(SendMessage, sends) as messages,
        api.playing(LogoutInstance, lambda _: []) as logouts,
    ):
        answers = [
            await colleague.get(f"{SESSIONS}/{account}"),
            await colleague.delete(f"{SESSIONS}/{account}"),
            await colleague.post(SEND, json=sent),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "account_not_found")] * 3
    assert (messages, logouts) == ([], [])


async def test_delete_unlinks_the_account_and_keeps_it_inactive(api: Api, member: Member, account: str) -> None:
    async with api.playing(LogoutInstance, becomes(S.LOGGED_OUT)) as commands:
        answer = await member.http.delete(f"{SESSIONS}/{account}")
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert [(command.instance_id, command.delete) for command in commands] == [(account, False)]
    assert (await member.http.get(f"{SESSIONS}/{account}")).json()["isActive"] is False


async def test_send_message_goes_out_from_the_account(api: Api, member: Member, account: str) -> None:
    await api.connection(member, account)
    async with api.playing(SendMessage, sends) as commands:
        answer = await member.http.post(
            SEND, json={"accountId": account, "phoneNumber": "+919876543210", "message": "Hello"}
        )
    found = answer.json()
    assert (answer.status_code, found["success"], found["status"]) == (200, True, "sent")
    assert found["messageId"] == commands[0].message_id
    assert (commands[0].instance_id, commands[0].to, commands[0].text) == (account, "919876543210", "Hello")


async def test_an_account_that_is_not_connected_says_the_documents_words(member: Member, account: str) -> None:
    body = {"accountId": account, "phoneNumber": "+919876543210", "message": "Hello"}
    answer = await member.http.post(SEND, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "instance_not_connected")
    assert answer.json()["error"].startswith("Account not connected")


async def test_all_of_it_needs_a_token(api: Api) -> None:
    async with api.client() as http:
        answers = [await http.post(START, json={"phoneNumber": NUMBER}), await http.get(SESSIONS)]
    assert [answer.status_code for answer in answers] == [401, 401]
