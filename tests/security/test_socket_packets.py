"""An unreadable packet closes its own connection, with one line in the log; an invalid request is answered."""

import json
import logging
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from shared.contracts.ids import new_id
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import PATH, logged_in, raw_client
from tests.waiting import until

UNREADABLE: list[str | bytes] = [
    "",
    "x",
    "9",
    "0",
    "0{}",
    "2",
    "6",
    "4",
    "4x",
    "45",
    "46",
    "47",
    "44{}",
    "421",
    "43{}",
    "40[]",
    '40"x"',
    "41{}",
    "42",
    "42{}",
    "42[]",
    "42[1]",
    "42[null]",
    '42[["connect"]]',
    "42[{}]",
    '42["x"',
    '42"x"',
    "42[NaN]",
    '42["x",NaN]',
    "4[1]",
    '4{"a":1}',
    "42[" + "[" * 5_000,
    "4{" + '"a":{' * 5_000,
    '4242424242424242424242["x"]',
    "b4",
    "bAAAA",
    '42["' + "x" * 100 + '"]',
    '\u09682["x"]',
    '4\u0968["x"]',
    b"",
    b"2",
    b"\xff\x00",
    '451-["x"]',
    '452-[{"_placeholder":true,"num":9}]',
]


def noise(caplog: pytest.LogCaptureFixture) -> tuple[int, int]:
    """The number of tracebacks, and of lines at WARNING or above."""
    written = [record for record in caplog.records if record.levelno >= logging.WARNING]
    return sum(bool(record.exc_info) for record in written), len(written)


@pytest.mark.parametrize("packet", UNREADABLE, ids=lambda packet: repr(packet)[:30])
@pytest.mark.parametrize("when", ["before the login", "after it"])
async def test_an_unreadable_packet_closes_its_connection_and_no_other(
    one_service: str, packet: str | bytes, when: str
) -> None:
    """12fd981: most caused a traceback in the log, and the connection stayed open."""
    async with raw_client(one_service) as client:
        if when == "after it":
            assert (await client.log_in(token(new_id()))).startswith("40")
        await client.send(packet)
        await until(lambda: client.closed)
        assert not client.payloads_of("whatsapp:status")


async def test_a_flood_of_unreadable_packets_is_one_line_without_traceback(
    nats_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """12fd981: 5 to 7 MB of tracebacks a second."""
    organization_id = new_id()
    async with service(nats_url) as url, logged_in(url, token(organization_id)) as other:
        for _ in range(20):
            async with raw_client(url) as client:
                with suppress(aiohttp.ClientError, ConnectionError):
                    for _ in range(20):
                        await client.send("42{")
                await until(lambda: client.closed)
        tracebacks, lines = noise(caplog)
        assert (tracebacks, lines) == (0, 1)
        assert (await other.call("join-organization", organization_id))["success"]


@pytest.mark.parametrize(
    "body", [b"42{", b"\xff\xfe", b'42["x"]\x1ex', b"", b"d=4", b"\x1e".join([b"3"] * 17), b"b4AA", b"4" + b"[" * 5_000]
)
async def test_an_unreadable_polling_post_is_refused_and_closes_the_connection(
    nats_url: str, caplog: pytest.LogCaptureFixture, body: bytes
) -> None:
    """12fd981: a traceback for each, answered with `ok`."""
    async with service(nats_url) as url, aiohttp.ClientSession() as http:
        handshake = await (await http.get(f"{url}{PATH}polling")).text()
        address = f"{url}{PATH}polling&sid={json.loads(handshake[1:])['sid']}"
        first = await http.post(address, data=body)
        second = await http.post(address, data=body)
        assert (first.status in {200, 400}, second.status) == (True, 400)
        tracebacks, lines = noise(caplog)
        assert tracebacks == 0
        assert lines <= 2


@pytest.mark.parametrize(
    "request_line",
    [
        "?EIO=3&transport=polling",
        "?EIO=4&transport=x",
        "?EIO=4&transport=polling&sid=%0a%00",
        "?transport=%ff&EIO=4",
        "?EIO=4&transport=websocket",
        "?EIO=4&transport=polling&j=x",
    ],
)
async def test_a_strange_handshake_is_refused_without_traceback(
    nats_url: str, caplog: pytest.LogCaptureFixture, request_line: str
) -> None:
    async with service(nats_url) as url, aiohttp.ClientSession() as http:
        for _ in range(3):
            assert (await http.get(f"{url}/socket.io/{request_line}")).status == 400
        tracebacks, lines = noise(caplog)
        assert tracebacks == 0
        assert lines <= 1


DEEPLY_NESTED: Any = "x"
for _ in range(30):
    DEEPLY_NESTED = [DEEPLY_NESTED]

WRONG_REQUESTS: list[tuple[str, list[Any]]] = [
    ("send_message", [{"to": "4915112345678", "message": "half \ud800 a pair"}]),
    ("send_message", [{"to": "\udfff", "message": "hello"}]),
    ("get_contacts", [{"search": "\ud800"}]),
    ("get_contacts", [{"cursor": "\ud800"}]),
    ("get_contacts", [{"search": "x" * 101}]),
    ("get_contacts", [{"limit": 10**30}]),
    ("mark_read", [{"messageIds": ["x"] * 51}]),
    ("mark_read", [{"messageIds": ["x" * 129]}]),
    ("join_conversation", [{"conversationId": "x" * 129}]),
    ("typing", [{"conversationId": ["x"]}]),
    ("typing", [{"conversationId": "x", "state": DEEPLY_NESTED}]),
    ("join-organization", [DEEPLY_NESTED]),
    ("join-organization", [{"\ud800": 1}]),
    ("join-session", ["\ud800"]),
    ("join-organization", [{"since": -1}]),
    ("send_message", [{"to": "4915112345678", "message": "x"}, "more", "than one"]),
    ("get_messages_between", [{"fromNumber": "x" * 300, "toNumber": "1"}]),
    ("join-organization", [list(range(20_000))]),
]


@pytest.mark.parametrize(("event", "data"), WRONG_REQUESTS, ids=lambda value: repr(value)[:40])
async def test_an_invalid_request_is_answered_and_the_socket_stays_open(
    one_service: str, caplog: pytest.LogCaptureFixture, event: str, data: list[Any]
) -> None:
    """12fd981: a request with two arguments was not answered; all other cases pass there."""
    organization_id = new_id()
    async with logged_in(one_service, token(organization_id)) as client:
        answer = await client.call(event, *data)
        assert answer["success"] is False
        assert answer["code"] in {"invalid_payload", "invalid_session_name", "organization_mismatch"}
        assert len(answer["error"]) > 10
        assert (await client.call("join-organization", organization_id, number=2))["success"]
        assert noise(caplog)[0] == 0


async def test_a_long_client_id_is_not_repeated(one_service: str) -> None:
    """12fd981: it was repeated twice, whatever its length."""
    async with logged_in(one_service, token(new_id())) as client:
        answer = await client.call("send_message", {"message": "x", "clientId": "x" * 100_000})
        assert answer["success"] is False
        assert sum(len(packet) for packet in client.packets) < 10_000


@pytest.fixture(scope="module")
async def one_service(nats_url: str) -> Any:
    async with service(nats_url) as url:
        yield url
