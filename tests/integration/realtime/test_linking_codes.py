"""A code to link an account with that was shown before a socket came."""

import asyncio
import json
from typing import Any

from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.ids import new_id
from shared.contracts.queries import ListShownCodes
from tests.integration.realtime.conftest import browser, token, until
from tests.subscriptions import subscribed

UNTIL = "2030-01-01T00:00:00Z"
QR: dict[str, Any] = {
    "qr": "2@a",
    "data_url": "data:image/png;base64,AA==",
    "ascii": "##",
    "attempt": 2,
    "expires_at": UNTIL,
}
PAIRING: dict[str, Any] = {"code": "ABCD1234", "phone_number": "4915112345678", "expires_at": UNTIL}


class Api:
    """Answers what is shown in one organization."""

    def __init__(self, nats: Client) -> None:
        self._nats, self.organization_id = nats, new_id()
        self.answer: dict[str, Any] = {"success": True, "qr": {"one": QR}, "pairing": {"two": PAIRING}}
        self.asked = 0

    async def serve(self) -> "Api":
        await self._nats.subscribe(ListShownCodes.subject_filter(self.organization_id), cb=self._respond)
        await subscribed(self._nats)
        return self

    async def _respond(self, message: Msg) -> None:
        self.asked += 1
        await message.respond(json.dumps(self.answer).encode())


async def test_a_socket_that_connects_or_joins_gets_the_shown_codes_at_once(realtime: str, nats: Client) -> None:
    api = await Api(nats).serve()
    async with browser(realtime, token(api.organization_id)) as owner:
        await until(lambda: owner.named("whatsapp:qr") and owner.named("whatsapp:pairing-code"))
        shown, code = owner.named("whatsapp:qr")[0], owner.named("whatsapp:pairing-code")[0]
        assert (shown["instanceId"], shown["qr"], shown["attempt"]) == ("one", "2@a", 2)
        assert (code["instanceId"], code["pairingCode"], code["phoneNumber"]) == ("two", "ABCD1234", "4915112345678")
        assert "sequence" not in shown
        await owner.ask("join-organization", api.organization_id)
        await until(lambda: len(owner.named("whatsapp:qr")) == 2)


async def test_who_may_not_link_accounts_gets_none(realtime: str, nats: Client) -> None:
    api = await Api(nats).serve()
    scopes = frozenset({"read", "send"})
    async with browser(realtime, token(api.organization_id, scopes=scopes)) as agent:
        await agent.ask("join-organization", api.organization_id)
    assert (agent.heard, api.asked) == ([], 0)


async def test_many_sockets_of_one_organization_ask_once(realtime: str, nats: Client) -> None:
    api = await Api(nats).serve()

    async def opened() -> None:
        async with browser(realtime, token(api.organization_id)) as owner:
            await until(lambda: owner.named("whatsapp:qr"))

    await asyncio.gather(*(opened() for _ in range(10)))
    assert api.asked < 10


async def test_an_api_that_cannot_answer_disturbs_nothing(realtime: str, nats: Client) -> None:
    api = await Api(nats).serve()
    api.answer = {"success": False, "status": 503, "code": "database_unavailable", "detail": "try again"}
    async with browser(realtime, token(api.organization_id)) as owner:
        assert (await owner.ask("join-organization", api.organization_id))["success"] is True
    assert owner.heard == []
