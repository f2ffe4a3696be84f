"""The client address: that of the peer, or the forwarded one if the peer is a trusted proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from deploy.local.front_proxy import Backends, make_app
from services.api.app import create_app
from services.api.settings import ApiSettings
from shared import service
from shared.web.client_addresses import network_of
from shared.web.trusted_proxies import TrustedProxies, parse_networks
from tests.component.api import conftest
from tests.integration.realtime.conftest import service as realtime
from tests.security import auth_fixtures
from tests.security.auth_fixtures import api_with, client_at, log_in, new_address, new_email, registered
from tests.servers import free_port
from tests.token_keys import PRIVATE_KEY

own_bus, settings, api = conftest.own_bus, conftest.settings, conftest.api
long_delays = auth_fixtures.long_delays
PROXY = "127.0.0.1"


async def seen_by(networks: str, peer: str | None, kind: str = "http", **headers: str) -> dict[str, Any]:
    """The scope an app gets."""
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.update(scope)

    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": kind,
        "client": (peer, 1234) if peer else None,
        "scheme": "ws" if kind == "websocket" else "http",
        "headers": [(b"host", b"own.example"), *pairs],
    }
    await TrustedProxies(app, parse_networks(networks))(scope, None, None)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("networks", "peer", "forwarded", "client"),
    [
        ("", "10.0.0.1", "1.2.3.4", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.1.1", "1.2.3.4", "10.0.1.1"),
        ("10.0.0.0/24", "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/24", "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),  # the left one is what the client made up
        ("10.0.0.0/24", "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.7", "1.2.3.4"),
        ("10.0.0.0/24", "10.0.0.1", "10.0.0.9, 10.0.0.7", "10.0.0.9"),
        ("10.0.0.0/24", "10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.1", "1.2.3.4, <script>", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.0/24", "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"),
        ("10.0.0.0/24", "10.0.0.1", "[2001:db8::1]:5678", "2001:db8::1"),
        ("10.0.0.0/24", "10.0.0.1", "2001:DB8:0::1", "2001:db8::1"),
        ("10.0.0.0/24", "::ffff:10.0.0.1", "::ffff:1.2.3.4", "1.2.3.4"),
        ("fd00::/8", "fd00::1", "1.2.3.4", "1.2.3.4"),
        ("10.0.0.0/24", "10.0.0.1", ", ".join(["1.2.3.4"] + ["10.0.0.2"] * 10_000), "10.0.0.2"),
        ("10.0.0.0/24", None, "1.2.3.4", None),
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_the_address_is_the_last_one_no_trusted_proxy_has(
    networks: str, peer: str | None, forwarded: str, client: str | None, kind: str
) -> None:
    found = await seen_by(networks, peer, kind, x_forwarded_for=forwarded)
    assert (found["client"] and found["client"][0]) == client


async def test_several_headers_are_one_list() -> None:
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.update(scope)

    headers = [(b"x-forwarded-for", b"6.6.6.6"), (b"X-Forwarded-For", b"1.2.3.4")]
    scope = {"type": "http", "client": ("10.0.0.1", 1), "scheme": "http", "headers": headers}
    await TrustedProxies(app, parse_networks("10.0.0.1"))(scope, None, None)  # type: ignore[arg-type]
    assert found["client"][0] == "1.2.3.4"


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_scheme_and_host_count_from_trusted_proxies_only(kind: str) -> None:
    said = {"x_forwarded_proto": "https", "x_forwarded_host": "chat.example.com", "x_real_ip": "1.1.1.1"}
    believed = await seen_by("10.0.0.1", "10.0.0.1", kind, **said)
    assert believed["scheme"] == ("wss" if kind == "websocket" else "https")
    assert dict(believed["headers"])[b"host"] == b"chat.example.com"
    ignored = await seen_by("10.0.0.1", "10.0.0.2", kind, forwarded="for=1.2.3.4", **said)
    assert ignored["scheme"] == ("ws" if kind == "websocket" else "http")
    assert ignored["headers"] == [(b"host", b"own.example")]


async def test_a_front_server_that_is_not_named_is_noticed_and_strangers_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        """Answers nothing."""

    guarded = TrustedProxies(app, parse_networks("10.0.0.0/24"))
    for number in range(1_000):
        scope = {
            "type": "http",
            "client": (f"192.0.2.{number % 200}", 1),
            "headers": [(b"x-forwarded-for", b"1.2.3.4")],
        }
        await guarded(scope, None, None)  # type: ignore[arg-type]
    assert "192.0.2.0 sends X-Forwarded headers" in caplog.messages[0]
    assert "WA_TRUSTED_PROXIES" in caplog.messages[0]
    assert len(caplog.messages) == 10


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "*", "web", "10.0.0.1/24", "10.0.0", "10.0.0.0/33"])
def test_a_setting_that_trusts_everybody_or_nobody_it_names_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValidationError, match="WA_TRUSTED_PROXIES: "):
        ApiSettings(token_private_key=PRIVATE_KEY, trusted_proxies=text)


def test_addresses_are_counted_as_their_holders_have_them() -> None:
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1")


@asynccontextmanager
async def front(api_url: str) -> AsyncIterator[str]:
    """The launcher's own front server, connecting from PROXY."""
    runner = web.AppRunner(await make_app(Backends(api_url, api_url)))
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def audited(url: str, login: dict[str, Any]) -> list[str]:
    async with client_at(url, Authorization=f"Bearer {login['token']}") as http:
        return [entry["address"] for entry in (await http.get("/api/audit")).json()["data"]]


async def test_behind_the_front_server_every_client_has_its_own_address(settings: ApiSettings) -> None:
    """Not from 127.0.0.1, which uvicorn trusts by itself: as in compose, the front server is another machine."""
    changes = {"trusted_proxies": "127.99.0.0/24", "login_failures_address": 3}
    async with api_with(settings, **changes) as api_url:
        homes, stranger = [new_address(), new_address()], new_address()
        async with client_at(api_url, "127.99.0.7") as proxy:

            async def behind(address: str, email: str, password: str) -> int:
                return (await log_in(proxy, email, password, **{"X-Forwarded-For": address})).status_code

            proxy.headers["X-Forwarded-For"] = homes[0]
            login = await registered(proxy)
            proxy.cookies.clear()
            assert await audited(api_url, login) == [homes[0]]
            tries = [await behind(stranger, new_email(), "guess") for _ in range(5)]
            assert tries == [401] * 3 + [429] * 2
            assert await behind(homes[1], new_email(), "guess") == 401, "one client's failures are not another's"


async def test_the_launchers_front_server_says_who_the_client_is(settings: ApiSettings) -> None:
    async with api_with(settings, trusted_proxies=PROXY) as api_url, front(api_url) as url:
        address = new_address()
        async with client_at(url, address, **{"X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6"}) as http:
            login = await registered(http)
        assert await audited(url, login) == [address]


async def test_a_client_that_makes_up_addresses_is_still_one_client(settings: ApiSettings) -> None:
    """Also from this machine, which uvicorn would trust by default."""
    async with api_with(settings, login_failures_address=3) as api_url, client_at(api_url, "127.0.0.1") as stranger:
        tries = [
            (await log_in(stranger, new_email(), "guess", **{"X-Forwarded-For": f"198.51.100.{number}"})).status_code
            for number in range(5)
        ]
    assert 429 in tries


async def test_the_environment_of_uvicorn_trusts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """serve() does not leave it to FORWARDED_ALLOW_IPS."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    settings = ApiSettings(token_private_key=PRIVATE_KEY)
    assert service.server_config(create_app(settings), settings).proxy_headers is False


async def test_behind_tls_a_page_opens_its_socket_and_another_page_does_not(nats_url: str) -> None:
    """Socket.IO compares the page's origin with scheme and host, which only the front server knows."""
    path, said = "/socket.io/?EIO=4&transport=polling", {"Host": "chat.example.com", "X-Forwarded-Proto": "https"}
    for trusted, own in ((PROXY, 200), ("", 400)):
        async with realtime(nats_url, trusted_proxies=trusted) as url, client_at(url, PROXY) as front_server:
            for origin, expected in (("https://chat.example.com", own), ("https://evil.example", 400)):
                answer = await front_server.get(path, headers=said | {"Origin": origin})
                assert answer.status_code == expected
            lie = said | {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
            async with client_at(url) as stranger:
                assert (await stranger.get(path, headers=lie)).status_code == 400
