"""What a front end meets: who gets in, whose events it hears, what happens when NATS dies."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.commands import SendMessage
from shared.contracts.events import CommandRefused, ConnectionChanged, MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.queries import ApiKeyOwner, VerifyApiKey
from shared.contracts.records import ConnectionStatus, MessageStatus
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import browser, service, token, until
from tests.servers import nats_server
from tests.subscriptions import subscribed


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


async def refusal(url: str, **options: Any) -> Any:
    """What `connect_error` says."""
    client, said = socketio.AsyncClient(reconnection=False), []

    async def hear(data: Any) -> None:
        said.append(data)

    client.on("connect_error", hear)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, transports=["websocket"], **options)
    return said[0]


async def test_an_organization_hears_its_own_events_and_no_others(realtime: str, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme, browser(realtime, token("globex")) as globex:
        await publish(changed("globex"))
        await publish(changed("acme"))
        await until(lambda: acme.named("whatsapp:ready") and globex.named("whatsapp:ready"))
        assert {payload["organizationId"] for _, payload in acme.heard} == {"acme"}
        assert {payload["organizationId"] for _, payload in globex.heard} == {"globex"}
        assert [name for name, _ in acme.heard] == ["whatsapp:status", "whatsapp:connected", "whatsapp:ready"]


async def test_joining_answers_for_the_own_organization_only(realtime: str, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme:
        await publish(changed("acme"))
        await until(lambda: acme.named("whatsapp:ready"))
        sequence = acme.named("whatsapp:ready")[0]["sequence"]
        assert await acme.ask("join-organization", "acme") == {"success": True, "sequence": sequence}
        assert (await acme.ask("join-organization", {"organizationId": "acme"}))["success"] is True
        refused = await acme.ask("join-organization", "globex")
        assert (refused["success"], refused["code"]) == (False, "organization_mismatch")
        await publish(changed("globex"))
        await publish(changed("acme", "later"))
        await until(lambda: len(acme.named("whatsapp:ready")) == 2)
        assert {payload["organizationId"] for _, payload in acme.heard} == {"acme"}


async def test_only_a_valid_token_gets_in(realtime: str) -> None:
    assert (await refusal(realtime))["data"]["code"] == "token_missing"
    assert (await refusal(realtime, auth={"token": "nonsense"}))["data"]["code"] == "token_invalid"
    old = token("acme", timedelta(seconds=-5))
    assert (await refusal(realtime, auth={"token": old}))["data"]["code"] == "token_expired"


async def test_an_api_key_gets_in_when_the_api_knows_it(realtime: str, nats: Client, publish: Publisher) -> None:
    async def answer(message: Msg) -> None:
        known = VerifyApiKey.model_validate_json(message.data).key == "sbk_good"
        owner = ApiKeyOwner(organization_id="acme", key_id="k", scopes=["read"]) if known else ApiKeyOwner()
        await message.respond(owner.model_dump_json().encode())

    await nats.subscribe(VerifyApiKey.subject_filter(), cb=answer)
    await subscribed(nats)
    assert (await refusal(realtime, auth={"token": "sbk_bad"}))["data"]["code"] == "token_invalid"
    async with browser(realtime, "sbk_good") as program:
        await publish(changed("acme"))
        await until(lambda: program.named("whatsapp:ready"))
        answered = await program.ask("send_message", {"to": "4915112345678", "message": "hello"})
        assert (answered["success"], answered["code"]) == (False, "scope_missing")


async def test_a_socket_ends_with_its_token(realtime: str) -> None:
    async with browser(realtime, token("acme", timedelta(seconds=2))) as acme:
        await until(lambda: acme.named("session:ended"))
        assert acme.named("session:ended")[0]["code"] == "token_expired"
        await until(lambda: not acme.client.connected)


async def consumers(nats: Client) -> set[str]:
    """The filters of the ephemeral consumers on the events."""
    found = await jetstream(nats).consumers_info("WA_EVENTS")
    return {str(info.config.filter_subject) for info in found if not info.config.durable_name}


async def test_the_first_socket_subscribes_and_the_last_one_unsubscribes(realtime: str, nats: Client) -> None:
    mine = "wa.event.*.*.initech.*"
    assert mine not in await consumers(nats)
    async with browser(realtime, token("initech")):
        async with browser(realtime, token("initech")):
            assert mine in await consumers(nats)
        await asyncio.sleep(0.3)
        assert mine in await consumers(nats)
    async with asyncio.timeout(10):
        while mine in await consumers(nats):
            await asyncio.sleep(0.05)


async def test_nothing_is_missed_and_nothing_comes_twice_when_nats_is_killed(tmp_path: Path) -> None:
    server = nats_server(tmp_path)
    await server.start()
    url = f"nats://127.0.0.1:{server.port}"
    async with service(url) as realtime, browser(realtime, token("acme")) as acme:
        told: list[str] = []
        for life in range(3):
            client = Client()
            await client.connect(url)
            for number in range(20):
                told.append(f"{life}-{number}")
                await Publisher(jetstream(client))(changed("acme", told[-1]))
            await client.close()
            await server.kill()
            await server.start()
        await until(lambda: len(acme.named("whatsapp:status")) >= len(told), 40)
        assert [payload["detail"] for payload in acme.named("whatsapp:status")] == told
    await server.kill()


async def test_a_poison_event_does_not_stop_the_room(realtime: str, nats: Client, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme:
        await jetstream(nats).publish(ConnectionChanged.subject_filter("acme", "one"), b"{not json")
        await publish(changed("acme"))
        await until(lambda: acme.named("whatsapp:ready"))


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (None, "invalid_payload", "object"),
        ({"to": "4915112345678"}, "invalid_payload", "message"),
        ({"to": "4915112345678", "message": "  "}, "invalid_payload", "message"),
        ({"to": "4915112345678", "message": "\u200b\u3164"}, "invalid_payload", "message"),
        ({"to": "4915112345678", "message": "x" * 70_000}, "invalid_payload", "message"),
        ({"message": "hello"}, "missing_recipient", "to"),
        ({"to": "4915112345678", "message": "hello", "instanceId": "a.b"}, "invalid_payload", "instanceId"),
    ],
)
async def test_bad_input_is_answered_with_what_was_wrong(realtime: str, data: Any, code: str, field: str) -> None:
    async with browser(realtime, token("acme")) as acme:
        answer = await acme.ask("send_message", data)
        assert (answer["success"], answer["code"]) == (False, code)
        assert field in answer["error"]
        await until(lambda: acme.named("message_send_error"))


async def test_sending_is_answered_by_what_became_of_the_message(
    realtime: str, nats: Client, publish: Publisher
) -> None:
    """A router of our own answers by the text."""
    seen: list[SendMessage] = []
    known: dict[tuple[str | None, str | None], str] = {}

    async def route(message: Msg) -> None:
        command = SendMessage.model_validate_json(message.data)
        seen.append(command)
        message_id = known.setdefault((command.by, command.client_id), command.message_id)
        common: dict[str, Any] = {"organization_id": command.organization_id, "cause": command.id}
        if command.text == "refuse":
            await publish(CommandRefused(status=409, code="instance_not_connected", detail="connect it", **common))
        elif command.text != "ignore":
            for status in (MessageStatus.QUEUED, MessageStatus(command.text)):
                await publish(MessageStatusChanged(message_id=message_id, status=status, error="why", **common))

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:

        async def send(text: str, client_id: str) -> dict[str, Any]:
            return await acme.ask("send_message", {"to": "4915112345678", "message": text, "clientId": client_id})

        first = new_id()
        sent = await send("sent", first)
        assert (sent["success"], sent["status"], sent["clientId"]) == (True, "sent", first)
        assert (await send("sent", first))["messageId"] == sent["messageId"]
        assert len({command.id for command in seen}) == len({command.message_id for command in seen}) == 2
        failed = await send("failed", new_id())
        assert (failed["success"], failed["code"], failed["retryable"]) == (False, "message_failed", True)
        refused = await send("refuse", new_id())
        assert (refused["code"], refused["retryable"]) == ("instance_not_connected", True)
        assert (await send("ignore", new_id()))["status"] == "queued"
        assert len(acme.named("message_sent_success")) == 3
        assert len(acme.named("message_send_error")) == 2
    await subscription.unsubscribe()


async def test_a_repeated_client_id_is_answered_with_what_becomes_of_the_first_message(
    realtime: str, nats: Client, publish: Publisher
) -> None:
    """The message is still queued when it is asked for again: the answer waits for it."""

    async def route(message: Msg) -> None:
        command = SendMessage.model_validate_json(message.data)
        common: dict[str, Any] = {"organization_id": command.organization_id, "message_id": "the-first"}
        await publish(MessageStatusChanged(status=MessageStatus.QUEUED, cause=command.id, **common))
        await publish(MessageStatusChanged(status=MessageStatus.SENT, cause=new_id(), **common))

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:
        answer = await acme.ask("send_message", {"to": "4915112345678", "message": "hello", "clientId": "mine"})
        assert (answer["success"], answer["status"], answer["messageId"]) == (True, "sent", "the-first")
    await subscription.unsubscribe()


async def test_a_text_carries_how_long_it_may_wait_and_who_sends_it(
    realtime: str, nats: Client, publish: Publisher
) -> None:
    seen: list[SendMessage] = []

    async def route(message: Msg) -> None:
        seen.append(SendMessage.model_validate_json(message.data))
        common: dict[str, Any] = {"organization_id": "acme", "message_id": seen[-1].message_id}
        await publish(MessageStatusChanged(status=MessageStatus.SENT, cause=new_id(), **common))

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:
        for more in ({}, {"expiresIn": 90}):
            assert (await acme.ask("send_message", {"to": "4915112345678", "message": "hello", **more}))["success"]
    assert [command.expires_at for command in seen] == [
        seen[0].at + timedelta(hours=1),
        seen[1].at + timedelta(seconds=90),
    ]
    assert all(command.by for command in seen)
    await subscription.unsubscribe()


async def test_pages_of_this_server_open_sockets_also_when_others_are_named(nats_url: str) -> None:
    """The console lost its own socket as soon as WA_CORS_ORIGINS named another front end."""
    async with service(nats_url, cors_origins=["https://shop.example.com"]) as url, aiohttp.ClientSession() as http:
        for origin in (url, "https://shop.example.com"):
            async with http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", headers={"Origin": origin}):
                pass
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(
                f"{url}/socket.io/?EIO=4&transport=websocket", headers={"Origin": "https://evil.example"}
            )
