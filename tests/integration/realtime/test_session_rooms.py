"""Named sessions: the examples of their guide, with the JavaScript client; the test is the api."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.queries import ReadCurrentQr, ReadInstance, ReadSession
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import token
from tests.integration.realtime.javascript import Page, page
from tests.integration.realtime.raw_socket import RawSocket
from tests.subscriptions import subscribed

PNG = "data:image/png;base64,iVBORw0KGgo="
CODE: dict[str, Any] = {"qr": "2@a1b2c3d4e5f6", "data_url": PNG, "ascii": "█▄", "attempt": 1}
SHOWN_CODE = {"base64": PNG, "ascii": "█▄", "attempts": 1, "urlCode": "2@a1b2c3d4e5f6", "sessionName": "my-session"}


class FakeInstance:
    """The instance `one` of an organization of its own: answers of the api and events of the session service."""

    def __init__(self, nats: Client, publish: Publisher) -> None:
        self._nats, self._publish = nats, publish
        self.organization_id = new_id()
        self.names = {"one": "my-session", "two": "other"}
        self.status: S | None = None

    async def serve(self) -> None:
        for question in (ReadInstance, ReadSession, ReadCurrentQr):
            await self._nats.subscribe(question.subject_filter(self.organization_id), cb=self._answer)
        await subscribed(self._nats)

    async def _answer(self, message: Msg) -> None:
        query = json.loads(message.data)
        instance = {"id": "one", "instance_name": self.names.get(query["instance_id"]), "status": self.status}
        answer: dict[str, Any] = {"success": True, "instance": instance, "data": CODE}
        if "name" in query and (self.status is None or query["name"] != "my-session"):
            answer = {"success": False, "status": 404, "code": "session_not_found", "detail": "there is none"}
        await message.respond(json.dumps(answer).encode())

    async def publish_code(self, instance_id: str = "one", **changes: str) -> None:
        expires, code = utc_now() + timedelta(minutes=1), CODE | changes
        await self._publish(
            QrIssued(organization_id=self.organization_id, instance_id=instance_id, expires_at=expires, **code)
        )

    async def publish_status(self, status: S, reason: str | None = None, instance_id: str = "one") -> None:
        detail = f"because of {reason}" if reason else None
        organization_id = self.organization_id
        await self._publish(
            ConnectionChanged(
                organization_id=organization_id, instance_id=instance_id, status=status, reason=reason, detail=detail
            )
        )


@pytest.fixture
async def account(nats: Client, publish: Publisher) -> FakeInstance:
    instance = FakeInstance(nats, publish)
    await instance.serve()
    return instance


def statuses(front: Page) -> list[str]:
    return [update["status"] for update in front.payloads_of("status-update")]


async def test_the_guide_from_joining_to_the_end_of_the_connection(realtime: str, account: FakeInstance) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        assert await front.call("join-session", "my-session") == {"success": True}
        await account.publish_status(S.CONNECTING)
        await account.publish_status(S.QR_PENDING)
        await account.publish_code()
        await account.publish_code("two")
        assert (await front.wait("qr-code"))[1] == SHOWN_CODE
        await account.publish_status(S.CONNECTING, "paired")
        await account.publish_status(S.CONNECTED)
        await front.wait("session-complete")
        assert (await front.wait("disconnect"))[1] == "io server disconnect"
    assert statuses(front) == ["notLogged", "qrReadSuccess", "authenticated", "ready", "inChat"]
    assert [set(update) for update in front.payloads_of("status-update")] == [
        {"status", "sessionName", "timestamp", "message"}
    ] * 5
    assert [set(done) for done in front.payloads_of("session-complete")] == [{"message", "sessionName"}]
    assert front.payloads_of("qr-code") == [SHOWN_CODE]


async def test_a_socket_that_joins_after_the_code_was_issued_receives_it_at_once(
    realtime: str, account: FakeInstance
) -> None:
    account.status = S.QR_PENDING
    async with page(realtime, token(account.organization_id)) as front:
        await front.call("join-session", "my-session")
        assert (statuses(front), front.payloads_of("qr-code")) == (["notLogged"], [SHOWN_CODE])


async def test_a_socket_that_joins_a_linked_session_receives_session_complete(
    realtime: str, account: FakeInstance
) -> None:
    account.status = S.CONNECTED
    async with page(realtime, token(account.organization_id)) as front:
        await front.call("join-session", "my-session")
        await front.wait("session-complete")
        await front.wait("disconnect")


async def test_a_socket_in_another_room_as_well_is_not_disconnected(realtime: str, account: FakeInstance) -> None:
    own = token(account.organization_id)
    async with page(realtime, own) as member, page(realtime, own) as both, page(realtime, own) as waiting:
        await member.call("join-organization", account.organization_id)
        await both.call("join-session", "other")
        for front in (member, both, waiting):
            await front.call("join-session", "my-session")
        await account.publish_status(S.CONNECTED)
        await waiting.wait("disconnect")
        await asyncio.sleep(0.2)
        for front in (member, both):
            assert len(front.payloads_of("session-complete")) == 1
            assert (await front.call("leave-session", "my-session"))["success"] is True


async def test_an_error_is_a_status_with_its_reason(realtime: str, account: FakeInstance) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        await front.call("join-session", {"sessionName": "my-session"})
        await account.publish_status(S.DISCONNECTED, "pairing_timeout")
        await account.publish_status(S.FAILED, "client_outdated")
        await account.publish_status(S.QR_PENDING)
        while len(front.payloads_of("status-update")) < 3:
            await asyncio.sleep(0.01)
    assert statuses(front) == ["qrReadError", "error", "notLogged"]
    assert [update.get("error") for update in front.payloads_of("status-update")] == [
        "because of pairing_timeout",
        "because of client_outdated",
        None,
    ]


async def test_neither_a_socket_that_left_nor_another_organization_receives_the_code(
    realtime: str, account: FakeInstance, nats: Client, publish: Publisher
) -> None:
    other = FakeInstance(nats, publish)
    await other.serve()
    own, theirs = token(account.organization_id), token(other.organization_id)
    async with page(realtime, own) as member, page(realtime, own) as left, page(realtime, theirs) as foreign:
        for front in (member, left, foreign):
            assert (await front.call("join-session", "my-session"))["success"] is True
        await left.call("leave-session", "my-session")
        await account.publish_code()
        await member.wait("qr-code")
        assert left.payloads_of("qr-code") + foreign.payloads_of("qr-code") == []


async def test_invalid_names_and_missing_scopes_are_refused(realtime: str, account: FakeInstance) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        for name in ("a/b", "..", 5, "x" * 101, "a\u202eb"):
            assert (await front.call("join-session", name))["code"] == "invalid_session_name"
        assert (await front.call("leave-session", ""))["code"] == "invalid_session_name"
    async with page(realtime, token(account.organization_id, scopes=frozenset({"read", "send"}))) as agent:
        assert (await agent.call("join-session", "my-session"))["code"] == "scope_missing"


@pytest.mark.parametrize("name", ["Loja 1", "MySession", "cliente.sp", "ação", "東京店"])
async def test_session_names_may_have_spaces_and_any_letters(realtime: str, account: FakeInstance, name: str) -> None:
    account.names["one"] = name
    async with page(realtime, token(account.organization_id)) as front:
        assert await front.call("join-session", f" {name} ") == {"success": True}
        await account.publish_code()
        assert (await front.wait("qr-code"))[1]["sessionName"] == name


async def test_of_a_code_with_an_address_only_the_code_is_sent(realtime: str, account: FakeInstance) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        await front.call("join-session", "my-session")
        await account.publish_code(qr="https://wa.me/settings/linked_devices#2@a1b2c3d4e5f6")
        assert (await front.wait("qr-code"))[1]["urlCode"] == "2@a1b2c3d4e5f6"


async def test_a_client_that_reconnects_receives_its_sessions_again(realtime: str, account: FakeInstance) -> None:
    """The Socket.IO client sends the `pid` of the broken connection by itself."""
    own = token(account.organization_id)
    async with aiohttp.ClientSession() as http:
        first, again = RawSocket(http), RawSocket(http)
        await first.connect(realtime, {"token": own})
        assert await first.call("join-session", "my-session") == {"success": True}
        await first.cut()
        async with asyncio.timeout(30):
            while not again.received:
                await again.connect(realtime, {"token": own, "pid": first.pid})
                assert again.pid != first.pid
                for _ in range(20):
                    await account.publish_code()
                    await asyncio.sleep(0.02)
        assert ("qr-code", SHOWN_CODE) in again.received
        await again.cut()
