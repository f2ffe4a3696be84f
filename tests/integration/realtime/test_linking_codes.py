"""Linking codes that were issued before a socket connected."""

import asyncio
import json
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.ids import new_id
from shared.contracts.queries import ListShownCodes
from tests.integration.realtime.conftest import browser, token
from tests.subscriptions import subscribed
from tests.waiting import until

UNTIL = "2030-01-01T00:00:00Z"
QR: dict[str, Any] = {
    "qr": "2@a",
    "data_url": "data:image/png;base64,AA==",
    "ascii": "##",
    "attempt": 2,
    "expires_at": UNTIL,
}
PAIRING: dict[str, Any] = {"code": "ABCD1234", "phone_number": "4915112345678", "expires_at": UNTIL}


class FakeApi:
    """Answers the query for the current codes of one organization."""

    def __init__(self, nats: Client) -> None:
        self._nats, self.organization_id = nats, new_id()
        self.answer: dict[str, Any] = {"success": True, "qr": {"one": QR}, "pairing": {"two": PAIRING}}
        self.query_count = 0

    async def serve(self) -> "FakeApi":
        await self._nats.subscribe(ListShownCodes.subject_filter(self.organization_id), cb=self._respond)
        await subscribed(self._nats)
        return self

    async def _respond(self, message: Msg) -> None:
        self.query_count += 1
        await message.respond(json.dumps(self.answer).encode())


async def test_a_socket_receives_the_current_codes_when_it_connects_and_when_it_joins(
    realtime: str, nats: Client
) -> None:
    api = await FakeApi(nats).serve()
    async with browser(realtime, token(api.organization_id)) as owner:
        await until(lambda: owner.payloads_of("whatsapp:qr") and owner.payloads_of("whatsapp:pairing-code"))
        qr, pairing_code = owner.payloads_of("whatsapp:qr")[0], owner.payloads_of("whatsapp:pairing-code")[0]
        assert (qr["instanceId"], qr["qr"], qr["attempt"]) == ("one", "2@a", 2)
        assert (pairing_code["instanceId"], pairing_code["pairingCode"], pairing_code["phoneNumber"]) == (
            "two",
            "ABCD1234",
            "4915112345678",
        )
        assert "sequence" not in qr
        await owner.call("join-organization", api.organization_id)
        await until(lambda: len(owner.payloads_of("whatsapp:qr")) == 2)


async def test_without_the_scope_manage_no_codes_are_sent(realtime: str, nats: Client) -> None:
    api = await FakeApi(nats).serve()
    scopes = frozenset({"read", "send"})
    async with browser(realtime, token(api.organization_id, scopes=scopes)) as agent:
        await agent.call("join-organization", api.organization_id)
    assert (agent.received, api.query_count) == ([], 0)


async def test_sockets_of_one_organization_share_a_query(realtime: str, nats: Client) -> None:
    api = await FakeApi(nats).serve()

    async def connect_and_wait() -> None:
        async with browser(realtime, token(api.organization_id)) as owner:
            await until(lambda: owner.payloads_of("whatsapp:qr"))

    await asyncio.gather(*(connect_and_wait() for _ in range(10)))
    assert api.query_count < 10


async def test_an_api_that_cannot_answer_causes_no_failure(realtime: str, nats: Client) -> None:
    api = await FakeApi(nats).serve()
    api.answer = {"success": False, "status": 503, "code": "database_unavailable", "detail": "try again"}
    async with browser(realtime, token(api.organization_id)) as owner:
        assert (await owner.call("join-organization", api.organization_id))["success"] is True
    assert owner.received == []
