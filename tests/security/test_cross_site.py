"""A web page of another site cannot make a browser change anything here."""

import asyncio
import json

import httpx
import pytest
from pydantic import ValidationError

from services.api.settings import ApiSettings
from tests.component.api import conftest
from tests.component.api.conftest import Api
from tests.integration.realtime.conftest import service
from tests.security.auth_fixtures import PASSWORD, api_with, client_at, new_email
from tests.token_keys import PRIVATE_KEY

own_bus, settings, api = conftest.own_bus, conftest.settings, conftest.api
EVIL = "https://evil.example"


async def register(http: httpx.AsyncClient, **headers: str) -> httpx.Response:
    """As a form sends it, with `enctype="text/plain"` or the default: browsers send these without a preflight."""
    body = json.dumps({"email": new_email(), "password": PASSWORD})
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await http.post("/api/auth/register", content=body, headers=kind | headers)


CROSS_SITE = [
    {"Origin": EVIL},
    {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://blog.example.com"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "https://front.example.evil.example"},
    {"Origin": "https://xfront.example"},
    {"Origin": f"{EVIL}/http://127.0.0.1"},
    {"Origin": EVIL, "Content-Type": "text/plain"},
    {"Origin": EVIL, "Content-Type": "application/json"},
    {"Origin": EVIL, "X-Forwarded-Host": "evil.example"},
    {"Origin": EVIL, "X-Http-Method-Override": "GET"},
]


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
async def test_a_form_of_another_site_registers_nobody(api: Api, headers: dict[str, str]) -> None:
    before = await api.database.users.count_documents({})
    async with api.client() as http:
        answer = await register(http, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "cross_site")
    assert await api.database.users.count_documents({}) == before


async def test_every_way_to_change_something_is_closed_to_other_sites(api: Api) -> None:
    """Simulated phones need no token in local mode, so a page could have driven them."""
    async with api.client(Origin=EVIL) as http:
        document = (await http.get("/openapi.json")).json()
        for path, methods in document["paths"].items():
            for method in methods.keys() - {"get", "head"}:
                answer = await http.request(method, path.replace("{", "").replace("}", ""))
                assert answer.json()["code"] == "cross_site", (method, path)


async def test_programs_and_own_pages_and_known_front_ends_are_not_concerned(api: Api) -> None:
    host = api.url.removeprefix("http://")
    honest = [
        {},  # curl -d '{...}'
        {"Origin": api.url},
        {"Origin": api.url.upper().replace("HTTP", "http")},
        {"Origin": f"https://{host}"},  # a front server ends TLS
        {"Origin": api.url, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://front.example", "Sec-Fetch-Site": "cross-site"},  # in WA_CORS_ORIGINS
    ]
    async with api.client() as http:
        answers = [await register(http, **headers) for headers in honest]
    assert [answer.status_code for answer in answers] == [201] * len(honest)


async def test_reading_stays_possible_from_everywhere_it_was(api: Api) -> None:
    async with api.client(Origin=EVIL) as http:
        assert (await http.get("/api/organization")).json()["code"] == "authentication_required"


REBOUND = [
    "evil.example",
    "evil.example:3000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "[::1",
    "x@127.0.0.1.evil",
]
PATHS = [
    "/",
    "/docs",
    "/openapi.json",
    "/livez",
    "/readyz",
    "/metrics",
    "/api/health",
    "/api/organization",
    "/api/simulator",
]


@pytest.mark.parametrize("host", REBOUND)
async def test_a_name_that_was_rebound_to_this_machine_gets_nothing(api: Api, host: str) -> None:
    async with api.client(Host=host) as http:
        for path in PATHS:
            answer = await http.get(path)
            # an empty or broken name is refused by the HTTP server already
            assert answer.status_code in (421, 400), path
            assert answer.status_code == 400 or answer.json()["code"] == "host_not_allowed"
        assert (await register(http)).status_code in (421, 400)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "[::1]:3000", "app.localhost", "localhost."]
)
async def test_loopback_names_work_locally(api: Api, host: str) -> None:
    async with api.client(Host=host) as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/openapi.json")).status_code == 200


async def test_in_production_the_names_are_set_and_probes_work_by_address(settings: ApiSettings) -> None:
    changes = {"environment": "production", "allowed_hosts": "https://chat.example.com:8443, *.example.org"}
    async with api_with(settings, **changes) as url, client_at(url) as http:
        seen = {
            (host, path): (await http.get(path, headers={"Host": host})).status_code
            for host in ("chat.example.com", "Chat.Example.com.:443", "a.b.example.org", "10.1.2.3:8000", "127.0.0.1")
            for path in ("/livez", "/openapi.json")
        }
        refused = [
            (await http.get("/livez", headers={"Host": host})).status_code
            for host in ("example.org", "evil.example", "chat.example.com.evil", "xexample.org", "api")
        ]
    assert [place for place, status in seen.items() if status != 200] == [("10.1.2.3:8000", "/openapi.json")]
    assert refused == [421] * 5


@pytest.mark.parametrize("site", ["", ":3000", "http://"])
async def test_a_site_without_a_name_allows_any(settings: ApiSettings, site: str) -> None:
    changes = {"environment": "production", "allowed_hosts": site}
    async with api_with(settings, **changes) as url, client_at(url, Host="anything.example") as http:
        assert (await http.get("/livez")).status_code == 200


async def test_the_host_is_what_a_trusted_proxy_says_and_no_other(settings: ApiSettings) -> None:
    for trusted, expected in (("127.0.0.0/8", 200), ("", 421)):
        changes = {"trusted_proxies": trusted, "allowed_hosts": "chat.example.com"}
        said = {"Host": "evil.example", "X-Forwarded-Host": "chat.example.com"}
        async with api_with(settings, **changes) as url, client_at(url, **said) as http:
            assert (await http.get("/openapi.json")).status_code == expected


async def test_a_rebound_name_opens_no_socket(nats_url: str) -> None:
    async with service(nats_url, environment="local") as url, client_at(url) as http:
        path = "/socket.io/?EIO=4&transport=polling"
        assert (await http.get(path)).status_code == 200
        assert (await http.get(path, headers={"Host": "evil.example"})).status_code == 421
        upgrade = {
            "Host": "evil.example",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        answer = await http.get("/socket.io/?EIO=4&transport=websocket", headers=upgrade)
        assert answer.status_code == 403


@pytest.mark.parametrize("text", ["*", "*.", "a*.example", "a.*.example"])
def test_a_setting_that_names_no_host_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValidationError, match=r"WA_ALLOWED_HOSTS: .* no host name"):
        ApiSettings(token_private_key=PRIVATE_KEY, allowed_hosts=text)


async def test_a_probe_without_a_host_is_answered_and_nothing_else_is(api: Api) -> None:
    """HTTP/1.0 as some load balancers speak it."""
    port = int(api.url.rpartition(":")[2])
    seen = {}
    for path in ("/livez", "/openapi.json"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        async with asyncio.timeout(20):
            seen[path] = (await reader.readline()).split()[1]
        writer.close()
    assert seen == {"/livez": b"200", "/openapi.json": b"421"}
