"""Background tasks survive an unexpected error: a KeyError, raised on purpose."""

from typing import Any

import pytest
from nats.js import JetStreamContext

from services.realtime import catch_up, event_decoding
from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging import ordered_consumer
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.messaging.publisher import Publisher
from shared.messaging.stream_replay import StreamReplay
from shared.platform import background
from tests.integration.realtime.conftest import Browser, browser, token
from tests.waiting import until


def changed(organization_id: str, detail: str) -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


def details(socket: Browser) -> list[str]:
    return [payload["detail"] for payload in socket.payloads_of("whatsapp:status")]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_DELAYS_S", (0.01,))
    monkeypatch.setattr(catch_up, "FAULT_RETRY_DELAY_S", 0.01)


class Fault:
    """Raises KeyError `times` times instead of calling what it replaces."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int) -> None:
        real, self.left = getattr(owner, name), times

        def broken(*args: Any, **more: Any) -> Any:
            if self.left:
                self.left -= 1
                raise KeyError("raised on purpose")
            return real(*args, **more)

        monkeypatch.setattr(owner, name, broken)


async def test_an_ordered_consumer_is_recreated_after_errors(
    realtime: str, publish: Publisher, js: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered_consumer, "HEARTBEAT_INTERVAL_S", 0.1)
    monkeypatch.setattr(ordered_consumer, "HEARTBEAT_TIMEOUT_S", 0.3)
    organization_id = new_id()
    async with browser(realtime, token(organization_id)) as socket:
        await socket.call("join-organization", {"organizationId": organization_id})
        fault = Fault(monkeypatch, OrderedConsumer, "_recreate", 2)
        for consumer in await js.consumers_info(EVENTS_STREAM):
            if (consumer.config.filter_subject or "").endswith(f".{organization_id}.*"):
                await js.delete_consumer(EVENTS_STREAM, consumer.name)
        await publish(changed(organization_id, "after"))
        await until(lambda: details(socket) == ["after"])
    assert fault.left == 0


async def test_a_failed_catch_up_is_repeated(
    realtime: str, publish: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization_id = new_id()
    await publish(changed(organization_id, "missed"))
    async with browser(realtime, token(organization_id)) as socket:
        fault = Fault(monkeypatch, StreamReplay, "pages_after", 2)
        answer = await socket.call("join-organization", {"organizationId": organization_id, "since": 0})
        assert answer["success"]
        await publish(changed(organization_id, "live"))
        await until(lambda: details(socket) == ["missed", "live"])
    assert fault.left == 0


async def test_an_event_without_a_payload_blocks_no_other(
    realtime: str, publish: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization_id = new_id()
    async with browser(realtime, token(organization_id)) as socket:
        await socket.call("join-organization", {"organizationId": organization_id})
        Fault(monkeypatch, event_decoding, "socket_events_of", 1)
        for detail in ("broken", "fine"):
            await publish(changed(organization_id, detail))
        await until(lambda: details(socket) == ["fine"])
