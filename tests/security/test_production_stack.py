"""The shipped deployment at work: the real Caddy, nats-server with the shipped users, mongod with authentication set up
by the shipped step, the four services with only their own secrets. The main job works; what is not allowed is refused.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
from nats.aio.client import Client
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from shared.messaging.permissions import INTEGRATION, inbox_prefix
from shared.platform.mongo_roles import ACCESS
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import FrontEnd, front_end
from tests.integration.deploy.nats_users import Connection
from tests.security.compose_file import OURS
from tests.security.production_fixtures import Production, production
from tests.security.test_front_server import raw, status

OWNER, CUSTOMER, PASSWORD = "4915112345678", "4917612345678", "seven-Kettles-4-dinner"
OPERATIONS = ("metrics", "readyz", "livez", "workers")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Production]:
    async with production(tmp_path_factory.mktemp("production")) as running:
        yield running


@pytest.fixture(scope="module")
async def api(stack: Production) -> AsyncIterator[httpx.AsyncClient]:
    """As the first user, who registers over the front server and claims to come from elsewhere."""
    body = {"email": "owner@trattoria.example", "password": PASSWORD, "name": "Rosa", "organization_name": "Trattoria"}
    async with httpx.AsyncClient(base_url=stack.url, trust_env=False, timeout=60) as client:
        forged = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
        answer = await client.post("/api/auth/register", json=body, headers=forged)
        assert answer.is_success, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield client


async def link(stack: Production, api: httpx.AsyncClient, page: FrontEnd, simulator: SimulatorClient) -> str:
    """A new instance, its QR code scanned; its id. Production makes no simulated instances: the test changes it."""
    body = {"instance_name": "Reception"}
    refused = await api.post("/api/whatsapp/instances", json={**body, "network": "simulator"})
    assert refused.status_code == 422
    created = (await api.post("/api/whatsapp/instances", json=body)).json()
    instance_id: str = created["instance"]["id"]
    async with AsyncMongoClient[dict[str, Any]](stack.mongo.url("api")) as client:
        await client["switchboard"]["instances"].update_one({"_id": instance_id}, {"$set": {"network": "simulator"}})
    answer = await api.post(f"/api/whatsapp/instances/{instance_id}/connect", json={"method": "qr"})
    assert answer.is_success, answer.text
    qr = await page.wait("whatsapp:qr", instanceId=instance_id)
    await simulator.call(simulated.scan(OWNER, qr["qr"]))
    await page.wait("whatsapp:connected", instanceId=instance_id)
    return instance_id


async def test_the_main_job(stack: Production, api: httpx.AsyncClient) -> None:
    """Register, link, receive, assign, answer: no service needs more than it may."""
    token = api.headers["Authorization"].removeprefix("Bearer ")
    me = (await api.get("/api/users")).json()["data"][0]
    async with SimulatorClient(stack.simulator.control_url) as simulator, front_end(stack.url, token) as page:
        await simulator.post("/phones", number=OWNER, name="Trattoria")
        await simulator.post("/contacts", number=CUSTOMER, name="Nina")
        instance_id = await link(stack, api, page, simulator)
        await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "A table for two tonight?"))
        heard = await page.wait("whatsapp:message", text="A table for two tonight?")
        async with AsyncMongoClient[dict[str, Any]](stack.mongo.url("router")) as client:
            kept = await client["switchboard"]["messages"].find_one({"_id": heard["id"]})
        assert kept is not None
        assert kept["text"] == "A table for two tonight?"
        (conversation,) = (await api.get("/api/conversations")).json()["data"]
        assigned = await api.post(f"/api/conversations/{conversation['id']}/assign", json={"user_id": me["id"]})
        assert assigned.is_success, assigned.text  # the router looks the user up among the members
        sent = (
            await api.post(
                f"/api/whatsapp/instances/{instance_id}/send", json={"to": f"+{CUSTOMER}", "message": "With pleasure."}
            )
        ).json()
        assert sent["status"] in ("sent", "delivered", "read")
        (got,) = (await simulator.call(simulated.inbox(CUSTOMER)))["messages"]
        assert (got["text"], got["from"]) == ("With pleasure.", OWNER)
        assert (await stack.mongo.set_up())[0] == 0  # again, as after an update, while everything runs
        await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "At eight, please"))
        await page.wait("whatsapp:message", text="At eight, please")
        key = (await api.post("/api/api-keys", json={"name": "till"})).json()["data"]
        async with front_end(stack.url, key["key"]) as till:
            assert (await api.delete(f"/api/api-keys/{key['id']}")).status_code == 200
            await till.wait("session:ended", code="api_key_revoked")
    assert (await api.get("/api/admin/queue-stats")).json()["data"]["dead_letters"] == 0
    assert [line for line in stack.nats.log.read_text().splitlines() if "Violation" in line] == []
    for service in OURS:
        assert "not authorized" not in stack.log(service), service
        assert "Traceback" not in stack.log(service), stack.log(service)[-3000:]


async def test_registration_closes_and_the_audit_names_the_real_address(
    stack: Production, api: httpx.AsyncClient
) -> None:
    body = {"email": "other@example.com", "password": PASSWORD, "name": "X", "organization_name": "Y"}
    refused = await httpx.AsyncClient(trust_env=False).post(f"{stack.url}/api/auth/register", json=body)
    assert refused.status_code == 403
    entries = (await api.get("/api/audit")).json()["data"]
    assert "203.0.113.9" not in json.dumps(entries)


async def test_operational_endpoints_are_not_reachable_from_outside(stack: Production, api: httpx.AsyncClient) -> None:
    """Whatever a front server or a service might read into an address, with the real services behind it."""
    assert api
    forms = (
        "/{}",
        "/{}/",
        "//{}",
        "/{}?x",
        "/{}#x",
        "/{}%00",
        "/{};x",
        "/%2e/{}",
        "/%252e/{}",
        "/api/../{}",
        "/{}%20",
        "/api/%2e%2e/{}",
        "/socket.io/../{}",
        "/socket.io/%2e%2e/{}",
        "/api/..;/{}",
        "/.//{}",
        "\\{}",
        "/{}%2f",
        "/{}%3f",
        "http://127.0.0.1/{}",
        "http://api:8000/{}",
        "/{}.",
        "/./%2e/{}",
        "/console/../{}",
    )
    assert stack.front is not None
    for name in OPERATIONS:
        for target in {
            form.format(spelled) for form in forms for spelled in (name, name.upper(), f"%{ord(name[0]):x}{name[1:]}")
        }:
            for version in ("1.0", "1.1"):
                request = f"GET {target} HTTP/{version}\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
                answer = await raw(stack.front.port, request.encode())
                assert status(answer) in (400, 404, 307, 308), (target, answer[:200])
                assert b"# HELP" not in answer
                assert b'"status":"ok"' not in answer


async def test_no_process_knows_the_secret_of_another(stack: Production) -> None:
    for service in OURS:
        known = json.dumps(stack.service_environment(service))
        own = {f"NATS_{service.upper()}_PASSWORD", f"MONGO_{service.upper()}_PASSWORD"}
        own |= {"api": {"WA_TOKEN_PRIVATE_KEY"}, "realtime": {"WA_TOKEN_PUBLIC_KEY"}}.get(service, set())
        secrets = {name for name in stack.env if name.endswith(("_PASSWORD", "_KEY")) and stack.env[name] in known}
        assert secrets == own & set(stack.env)


NATS_FORBIDDEN: dict[str, tuple[str, ...]] = {
    "session": ("wa.command.session.send.acme.one", "wa.event.booking.created.acme.one", "wa.query.user.list.acme.-"),
    "router": ("wa.command.session.logout.acme.one", "wa.event.message.received.acme.one", "wa.query.user.list.acme.-"),
    "api": ("$JS.API.STREAM.PURGE.WA_EVENTS", "$JS.API.STREAM.DELETE.WA_COMMANDS", "$KV.WA_LEASES.node"),
    "realtime": (
        "wa.event.message.received.acme.one",
        "wa.command.session.send.acme.one",
        "$JS.API.STREAM.UPDATE.WA_EVENTS",
        "$JS.API.STREAM.MSG.GET.WA_COMMANDS",
        "$JS.API.CONSUMER.CREATE.WA_EVENTS",
        "$JS.ACK.WA_EVENTS.x.1.1.1.1.1",
        "$JS.API.CONSUMER.CREATE.WA_COMMANDS.x.wa.command.>",
    ),
    INTEGRATION: (
        "wa.event.message.received.acme.one",
        "wa.command.session.send.acme.one",
        "wa.command.user.invite.acme.-",
        "$JS.API.STREAM.UPDATE.WA_COMMANDS",
        "$JS.API.CONSUMER.CREATE.WA_EVENTS.router-message-received",
    ),
}


@pytest.mark.parametrize("user", list(NATS_FORBIDDEN))
async def test_what_a_nats_user_may_not_say(stack: Production, user: str) -> None:
    client = Client()
    connection = Connection(client)

    async def refused(error: Exception) -> None:
        connection.refused.append(str(error))

    await client.connect(stack.nats_url(user), error_cb=refused, inbox_prefix=inbox_prefix(user).encode())
    for subject in NATS_FORBIDDEN[user]:
        assert not await connection.may_publish(subject), subject
    for subject in (">", "wa.command.>", "_INBOX.>", "$JS.>"):
        assert not await connection.may_hear(subject), subject
    await client.close()


MONGO_FORBIDDEN: dict[str, tuple[tuple[str, str], ...]] = {
    "session": (("users", "find"), ("api_keys", "find"), ("messages", "find"), ("instances", "insert")),
    "router": (("users", "find"), ("logins", "find"), ("invitations", "find"), ("instances", "insert")),
    "api": (("messages", "insert"), ("contacts", "delete"), ("connections", "insert"), ("sends", "find")),
}


@pytest.mark.parametrize("user", list(ACCESS))
async def test_what_a_mongodb_user_may_not_do(stack: Production, user: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](stack.mongo.url(user)) as client:
        for name, verb in MONGO_FORBIDDEN[user]:
            collection = client["switchboard"][name]
            actions: dict[str, Callable[[], Awaitable[Any]]] = {
                "find": collection.find_one,
                "insert": lambda c=collection: c.insert_one({}),  # type: ignore[misc]
                "delete": lambda c=collection: c.delete_many({}),  # type: ignore[misc]
            }
            with pytest.raises(OperationFailure, match="not authorized"):
                await actions[verb]()


async def test_a_stranger_reaches_neither_server(stack: Production) -> None:
    with pytest.raises(Exception, match="Authorization Violation"):
        await Client().connect(f"nats://127.0.0.1:{stack.nats.port}", allow_reconnect=False)
    url = f"mongodb://127.0.0.1:{stack.mongo.port}"
    async with AsyncMongoClient[dict[str, Any]](url, directConnection=True) as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await client["switchboard"]["users"].find_one()
