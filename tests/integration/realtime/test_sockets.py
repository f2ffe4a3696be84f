"""Logins, the events of an organization, sends, and what happens when NATS is killed."""

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
from tests.integration.realtime.conftest import browser, service, token
from tests.servers import nats_server
from tests.subscriptions import subscribed
from tests.waiting import until


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


async def refusal(url: str, **options: Any) -> Any:
    """The data of `connect_error`."""
    client, refusals = socketio.AsyncClient(reconnection=False), list[Any]()

    async def on_error(data: Any) -> None:
        refusals.append(data)

    client.on("connect_error", on_error)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(url, transports=["websocket"], **options)
    return refusals[0]


async def test_an_organization_receives_its_own_events_and_no_others(realtime: str, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme, browser(realtime, token("globex")) as globex:
        await publish(changed("globex"))
        await publish(changed("acme"))
        await until(lambda: acme.payloads_of("whatsapp:ready") and globex.payloads_of("whatsapp:ready"))
        assert {payload["organizationId"] for _, payload in acme.received} == {"acme"}
        assert {payload["organizationId"] for _, payload in globex.received} == {"globex"}
        assert [name for name, _ in acme.received] == ["whatsapp:status", "whatsapp:connected", "whatsapp:ready"]


async def test_joining_answers_for_the_own_organization_only(realtime: str, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme:
        await publish(changed("acme"))
        await until(lambda: acme.payloads_of("whatsapp:ready"))
        sequence = acme.payloads_of("whatsapp:ready")[0]["sequence"]
        assert await acme.call("join-organization", "acme") == {"success": True, "sequence": sequence}
        assert (await acme.call("join-organization", {"organizationId": "acme"}))["success"] is True
        refused = await acme.call("join-organization", "globex")
        assert (refused["success"], refused["code"]) == (False, "organization_mismatch")
        await publish(changed("globex"))
        await publish(changed("acme", "later"))
        await until(lambda: len(acme.payloads_of("whatsapp:ready")) == 2)
        assert {payload["organizationId"] for _, payload in acme.received} == {"acme"}


async def test_only_a_valid_token_can_log_in(realtime: str) -> None:
    assert (await refusal(realtime))["data"]["code"] == "token_missing"
    assert (await refusal(realtime, auth={"token": "nonsense"}))["data"]["code"] == "token_invalid"
    old = token("acme", timedelta(seconds=-5))
    assert (await refusal(realtime, auth={"token": old}))["data"]["code"] == "token_expired"


async def test_an_api_key_can_log_in_when_the_api_confirms_it(realtime: str, nats: Client, publish: Publisher) -> None:
    async def answer(message: Msg) -> None:
        is_good = VerifyApiKey.model_validate_json(message.data).key == "sbk_good"
        owner = ApiKeyOwner(organization_id="acme", key_id="k", scopes=["read"]) if is_good else ApiKeyOwner()
        await message.respond(owner.model_dump_json().encode())

    await nats.subscribe(VerifyApiKey.subject_filter(), cb=answer)
    await subscribed(nats)
    assert (await refusal(realtime, auth={"token": "sbk_bad"}))["data"]["code"] == "token_invalid"
    async with browser(realtime, "sbk_good") as program:
        await publish(changed("acme"))
        await until(lambda: program.payloads_of("whatsapp:ready"))
        answered = await program.call("send_message", {"to": "4915112345678", "message": "hello"})
        assert (answered["success"], answered["code"]) == (False, "scope_missing")


async def test_a_socket_is_closed_when_its_token_expires(realtime: str) -> None:
    async with browser(realtime, token("acme", timedelta(seconds=2))) as acme:
        await until(lambda: acme.payloads_of("session:ended"))
        assert acme.payloads_of("session:ended")[0]["code"] == "token_expired"
        await until(lambda: not acme.client.connected)


async def consumers(nats: Client) -> set[str]:
    """The filters of the ephemeral consumers on the events."""
    infos = await jetstream(nats).consumers_info("WA_EVENTS")
    return {str(info.config.filter_subject) for info in infos if not info.config.durable_name}


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


async def test_no_event_is_lost_or_repeated_when_nats_is_killed(tmp_path: Path) -> None:
    server = nats_server(tmp_path)
    await server.start()
    url = f"nats://127.0.0.1:{server.port}"
    async with service(url) as realtime, browser(realtime, token("acme")) as acme:
        published: list[str] = []
        for life in range(3):
            client = Client()
            await client.connect(url)
            for number in range(20):
                published.append(f"{life}-{number}")
                await Publisher(jetstream(client))(changed("acme", published[-1]))
            await client.close()
            await server.kill()
            await server.start()
        await until(lambda: len(acme.payloads_of("whatsapp:status")) >= len(published), 40)
        assert [payload["detail"] for payload in acme.payloads_of("whatsapp:status")] == published
    await server.kill()


async def test_an_unreadable_event_does_not_stop_the_room(realtime: str, nats: Client, publish: Publisher) -> None:
    async with browser(realtime, token("acme")) as acme:
        await jetstream(nats).publish(ConnectionChanged.subject_filter("acme", "one"), b"{not json")
        await publish(changed("acme"))
        await until(lambda: acme.payloads_of("whatsapp:ready"))


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
async def test_invalid_input_is_answered_with_the_wrong_field(realtime: str, data: Any, code: str, field: str) -> None:
    async with browser(realtime, token("acme")) as acme:
        answer = await acme.call("send_message", data)
        assert (answer["success"], answer["code"]) == (False, code)
        assert field in answer["error"]
        await until(lambda: acme.payloads_of("message_send_error"))


async def test_a_send_is_answered_with_the_status_of_the_message(
    realtime: str, nats: Client, publish: Publisher
) -> None:
    """The test is the router; it answers as the text of the message says."""
    commands: list[SendMessage] = []
    message_ids: dict[tuple[str | None, str | None], str] = {}

    async def route(message: Msg) -> None:
        command = SendMessage.model_validate_json(message.data)
        commands.append(command)
        message_id = message_ids.setdefault((command.by, command.client_id), command.message_id)
        common: dict[str, Any] = {"organization_id": command.organization_id, "cause": command.id}
        if command.text == "refuse":
            await publish(CommandRefused(status=409, code="instance_not_connected", detail="connect it", **common))
        elif command.text != "ignore":
            for status in (MessageStatus.QUEUED, MessageStatus(command.text)):
                changed = MessageStatusChanged(
                    message_id=message_id, status=status, error="why: x", conversation_id="c1", **common
                )
                await publish(changed)

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:

        async def send(text: str, client_id: str) -> dict[str, Any]:
            return await acme.call("send_message", {"to": "4915112345678", "message": text, "clientId": client_id})

        first = new_id()
        sent = await send("sent", first)
        assert (sent["success"], sent["status"], sent["clientId"]) == (True, "sent", first)
        assert (await send("sent", first))["messageId"] == sent["messageId"]
        assert len({command.id for command in commands}) == len({command.message_id for command in commands}) == 2
        failed = await send("failed", new_id())
        assert (failed["success"], failed["code"], failed["retryable"]) == (False, "message_failed", True)
        assert (failed["reason"], failed["conversationId"], sent["conversationId"]) == ("why", "c1", "c1")
        refused = await send("refuse", new_id())
        assert (refused["code"], refused["retryable"]) == ("instance_not_connected", True)
        assert (await send("ignore", new_id()))["status"] == "queued"
        assert len(acme.payloads_of("message_sent_success")) == 3
        assert len(acme.payloads_of("message_send_error")) == 2
    await subscription.unsubscribe()


async def test_a_repeated_client_id_is_answered_with_the_status_of_the_first_message(
    realtime: str, nats: Client, publish: Publisher
) -> None:
    """The first message is still queued at the second request, whose answer waits for it."""

    async def route(message: Msg) -> None:
        command = SendMessage.model_validate_json(message.data)
        common: dict[str, Any] = {"organization_id": command.organization_id, "message_id": "the-first"}
        await publish(MessageStatusChanged(status=MessageStatus.QUEUED, cause=command.id, **common))
        await publish(MessageStatusChanged(status=MessageStatus.SENT, cause=new_id(), **common))

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:
        answer = await acme.call("send_message", {"to": "4915112345678", "message": "hello", "clientId": "mine"})
        assert (answer["success"], answer["status"], answer["messageId"]) == (True, "sent", "the-first")
    await subscription.unsubscribe()


async def test_a_send_command_has_its_expiry_and_its_sender(realtime: str, nats: Client, publish: Publisher) -> None:
    commands: list[SendMessage] = []

    async def route(message: Msg) -> None:
        commands.append(SendMessage.model_validate_json(message.data))
        common: dict[str, Any] = {"organization_id": "acme", "message_id": commands[-1].message_id}
        await publish(MessageStatusChanged(status=MessageStatus.SENT, cause=new_id(), **common))

    subscription = await nats.subscribe(SendMessage.subject_filter("acme"), cb=route)
    await subscribed(nats)
    async with browser(realtime, token("acme")) as acme:
        for more in ({}, {"expiresIn": 90}):
            assert (await acme.call("send_message", {"to": "4915112345678", "message": "hello", **more}))["success"]
    assert [command.expires_at for command in commands] == [
        commands[0].at + timedelta(hours=1),
        commands[1].at + timedelta(seconds=90),
    ]
    assert all(command.by for command in commands)
    await subscription.unsubscribe()


async def test_the_own_origin_is_allowed_beside_configured_ones(nats_url: str) -> None:
    """The console lost its own socket as soon as WA_CORS_ORIGINS named another front end."""
    async with service(nats_url, cors_origins=["https://shop.example.com"]) as url, aiohttp.ClientSession() as http:
        for origin in (url, "https://shop.example.com"):
            async with http.ws_connect(f"{url}/socket.io/?EIO=4&transport=websocket", headers={"Origin": origin}):
                pass
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(
                f"{url}/socket.io/?EIO=4&transport=websocket", headers={"Origin": "https://evil.example"}
            )
