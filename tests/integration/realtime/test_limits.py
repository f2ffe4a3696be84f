"""A socket that sends too many requests, and one that does not read."""

import asyncio
import json
import socket
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import REGISTRY
from websockets.asyncio.client import connect

from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import browser, service, token
from tests.waiting import until

BACKLOG_PACKETS = 50
EVENT_COUNT, EVENT_BYTES = 3_000, 4_000
"""More than the buffers between server and client hold."""


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.FAILED, detail=detail
    )


def dropped() -> float:
    return REGISTRY.get_sample_value("switchboard_realtime_dropped_total", {"reason": "slow_consumer"}) or 0.0


async def test_too_many_requests_are_answered_with_retry_after(nats_url: str) -> None:
    async with service(nats_url, socket_rate=1, socket_burst=2) as realtime, browser(realtime, token("acme")) as acme:
        answers = [await acme.call("join-organization", "acme") for _ in range(2)]
        assert all(answer["success"] for answer in answers)
        refused = await acme.call("send_message", {"to": "4915112345678", "message": "hello", "clientId": "c"})
        assert (refused["success"], refused["code"], refused["retryable"]) == (False, "rate_limited", True)
        assert 0 < refused["retryAfter"] <= 1
        await until(lambda: acme.payloads_of("message_send_error"))
        assert acme.payloads_of("message_send_error")[0]["clientId"] == "c"
        async with browser(realtime, token("acme")) as other:
            assert (await other.call("join-organization", "acme"))["success"]
        await asyncio.sleep(refused["retryAfter"])
        assert (await acme.call("join-organization", "acme"))["success"]


def narrow(url: str) -> socket.socket:
    """A TCP connection with a small receive buffer."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.connect((parts.hostname, parts.port))
    return connection


async def test_a_socket_that_does_not_read_is_dropped_with_a_reason_and_resumes(
    nats_url: str, publish: Publisher
) -> None:
    organization_id, before = new_id(), dropped()
    async with service(nats_url, socket_backlog=BACKLOG_PACKETS, socket_patience=0.5, join_grace=0) as url:
        address = url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        async with (
            browser(url, token(organization_id)) as quick,
            connect(address, sock=narrow(url), max_queue=1, close_timeout=1, compression=None) as slow,
        ):
            await slow.recv()
            await slow.send("40" + json.dumps({"token": token(organization_id)}))
            await slow.recv()
            for begin in range(0, EVENT_COUNT, 20):
                details = [f"{number} ".ljust(EVENT_BYTES, "x") for number in range(begin, begin + 20)]
                await asyncio.gather(*(publish(changed(organization_id, detail)) for detail in details))
                if dropped() > before:
                    break
            await until(lambda: dropped() > before)
            packets = [text async for text in slow]
            last = events(packets)[-1]
            assert (last[0], last[1]["code"]) == ("session:ended", "slow_consumer")
            newest = max(payload["sequence"] for _, payload in events(packets) if "sequence" in payload)
            count = len(quick.payloads_of("whatsapp:status"))
        async with browser(url, token(organization_id)) as again:
            answer = await again.call("join-organization", {"organizationId": organization_id, "since": newest})
            assert "resync" not in answer
            first_part = {payload["sequence"] for _, payload in events(packets) if "sequence" in payload}
            second_part = {payload["sequence"] for payload in again.payloads_of("whatsapp:status")}
            assert not first_part & second_part
            assert len(first_part | second_part) >= count


def events(packets: list[Any]) -> list[tuple[str, dict[str, Any]]]:
    return [tuple(json.loads(text[2:])) for text in packets if text.startswith("42")]
