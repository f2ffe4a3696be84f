"""The guide of the session rooms, its examples replayed by the Socket.IO client it uses; the api is played here."""

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
SHOWN = {"base64": PNG, "ascii": "█▄", "attempts": 1, "urlCode": "2@a1b2c3d4e5f6", "sessionName": "my-session"}


class Account:
    """The instance `one` of an organization of its own, and what the api and the session service say of it."""

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
        asked = json.loads(message.data)
        instance = {"id": "one", "instance_name": self.names.get(asked["instance_id"]), "status": self.status}
        answer: dict[str, Any] = {"success": True, "instance": instance, "data": CODE}
        if "name" in asked and (self.status is None or asked["name"] != "my-session"):
            answer = {"success": False, "status": 404, "code": "session_not_found", "detail": "there is none"}
        await message.respond(json.dumps(answer).encode())

    async def shows_code(self, instance_id: str = "one", **changes: str) -> None:
        expires, code = utc_now() + timedelta(minutes=1), CODE | changes
        await self._publish(
            QrIssued(organization_id=self.organization_id, instance_id=instance_id, expires_at=expires, **code)
        )

    async def becomes(self, status: S, reason: str | None = None, instance_id: str = "one") -> None:
        detail = f"because of {reason}" if reason else None
        organization_id = self.organization_id
        await self._publish(
            ConnectionChanged(
                organization_id=organization_id, instance_id=instance_id, status=status, reason=reason, detail=detail
            )
        )


@pytest.fixture
async def account(nats: Client, publish: Publisher) -> Account:
    played = Account(nats, publish)
    await played.serve()
    return played


def statuses(front: Page) -> list[str]:
    return [update["status"] for update in front.named("status-update")]


async def test_the_guide_from_joining_to_the_end_of_the_connection(realtime: str, account: Account) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        assert await front.ask("join-session", "my-session") == {"success": True}
        await account.becomes(S.CONNECTING)
        await account.becomes(S.QR_PENDING)
        await account.shows_code()
        await account.shows_code("two")
        assert (await front.wait("qr-code"))[1] == SHOWN
        await account.becomes(S.CONNECTING, "paired")
        await account.becomes(S.CONNECTED)
        await front.wait("session-complete")
        assert (await front.wait("disconnect"))[1] == "io server disconnect"
    assert statuses(front) == ["notLogged", "qrReadSuccess", "authenticated", "ready", "inChat"]
    assert [set(update) for update in front.named("status-update")] == [
        {"status", "sessionName", "timestamp", "message"}
    ] * 5
    assert [set(done) for done in front.named("session-complete")] == [{"message", "sessionName"}]
    assert front.named("qr-code") == [SHOWN]


async def test_who_comes_after_the_code_is_shown_it_at_once(realtime: str, account: Account) -> None:
    account.status = S.QR_PENDING
    async with page(realtime, token(account.organization_id)) as front:
        await front.ask("join-session", "my-session")
        assert (statuses(front), front.named("qr-code")) == (["notLogged"], [SHOWN])


async def test_who_comes_when_all_is_done_is_told_so(realtime: str, account: Account) -> None:
    account.status = S.CONNECTED
    async with page(realtime, token(account.organization_id)) as front:
        await front.ask("join-session", "my-session")
        await front.wait("session-complete")
        await front.wait("disconnect")


async def test_who_also_joined_the_organization_or_another_session_stays(realtime: str, account: Account) -> None:
    own = token(account.organization_id)
    async with page(realtime, own) as member, page(realtime, own) as both, page(realtime, own) as waiting:
        await member.ask("join-organization", account.organization_id)
        await both.ask("join-session", "other")
        for front in (member, both, waiting):
            await front.ask("join-session", "my-session")
        await account.becomes(S.CONNECTED)
        await waiting.wait("disconnect")
        await asyncio.sleep(0.2)
        for front in (member, both):
            assert len(front.named("session-complete")) == 1
            assert (await front.ask("leave-session", "my-session"))["success"] is True


async def test_what_went_wrong_is_a_status_with_its_reason(realtime: str, account: Account) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        await front.ask("join-session", {"sessionName": "my-session"})
        await account.becomes(S.DISCONNECTED, "pairing_timeout")
        await account.becomes(S.FAILED, "client_outdated")
        await account.becomes(S.QR_PENDING)
        while len(front.named("status-update")) < 3:
            await asyncio.sleep(0.01)
    assert statuses(front) == ["qrReadError", "error", "notLogged"]
    assert [update.get("error") for update in front.named("status-update")] == [
        "because of pairing_timeout",
        "because of client_outdated",
        None,
    ]


async def test_who_left_hears_no_more_and_another_organization_never_does(
    realtime: str, account: Account, nats: Client, publish: Publisher
) -> None:
    other = Account(nats, publish)
    await other.serve()
    own, theirs = token(account.organization_id), token(other.organization_id)
    async with page(realtime, own) as stays, page(realtime, own) as left, page(realtime, theirs) as foreign:
        for front in (stays, left, foreign):
            assert (await front.ask("join-session", "my-session"))["success"] is True
        await left.ask("leave-session", "my-session")
        await account.shows_code()
        await stays.wait("qr-code")
        assert left.named("qr-code") + foreign.named("qr-code") == []


async def test_bad_names_and_lesser_rights_are_refused(realtime: str, account: Account) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        for name in ("a/b", "..", 5, "x" * 101, "a\u202eb"):
            assert (await front.ask("join-session", name))["code"] == "invalid_session_name"
        assert (await front.ask("leave-session", ""))["code"] == "invalid_session_name"
    async with page(realtime, token(account.organization_id, scopes=frozenset({"read", "send"}))) as agent:
        assert (await agent.ask("join-session", "my-session"))["code"] == "scope_missing"


@pytest.mark.parametrize("name", ["Loja 1", "MySession", "cliente.sp", "ação", "東京店"])
async def test_a_session_has_the_name_that_people_type(realtime: str, account: Account, name: str) -> None:
    account.names["one"] = name
    async with page(realtime, token(account.organization_id)) as front:
        assert await front.ask("join-session", f" {name} ") == {"success": True}
        await account.shows_code()
        assert (await front.wait("qr-code"))[1]["sessionName"] == name


async def test_the_code_of_an_address_is_shown_bare(realtime: str, account: Account) -> None:
    async with page(realtime, token(account.organization_id)) as front:
        await front.ask("join-session", "my-session")
        await account.shows_code(qr="https://wa.me/settings/linked_devices#2@a1b2c3d4e5f6")
        assert (await front.wait("qr-code"))[1]["urlCode"] == "2@a1b2c3d4e5f6"


async def test_a_client_whose_connection_broke_hears_its_sessions_again(realtime: str, account: Account) -> None:
    """A client of Socket.IO shows the `pid` of the connection that broke by itself."""
    own = token(account.organization_id)
    async with aiohttp.ClientSession() as http:
        first, again = RawSocket(http), RawSocket(http)
        await first.connect(realtime, {"token": own})
        assert await first.ask("join-session", "my-session") == {"success": True}
        await first.cut()
        async with asyncio.timeout(30):
            while not again.heard:
                await again.connect(realtime, {"token": own, "pid": first.pid})
                assert again.pid != first.pid
                for _ in range(20):
                    await account.shows_code()
                    await asyncio.sleep(0.02)
        assert ("qr-code", SHOWN) in again.heard
        await again.cut()
