"""NATS users for single organizations, printed by the command of docs/other-services.md, hear nothing of others."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local.binaries import find_nats_server
from shared.contracts.commands import SendMessage
from shared.contracts.ephemeral import ContactTyping
from shared.contracts.events import MessageReceived, PairingCodeIssued, QrIssued
from shared.contracts.queries import (
    CountFailedCredential,
    ListContacts,
    ListShownCodes,
    ReadCurrentQr,
    RequestQr,
    TakeRateLimit,
    VerifyApiKey,
)
from shared.contracts.registry import EVENTS_STREAM, organization_events_filter
from shared.messaging.permissions import inbox_prefix
from tests.integration.deploy.nats_users import ROOT, Connection
from tests.memory import in_memory
from tests.servers import Server, free_port
from tests.subscriptions import subscribed
from tests.waiting import until

ORGANIZATIONS = ("acme", "globex")
PASSWORD = "a-password-of-the-test-4711"


def printed(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared.messaging.nats_users", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """The shipped configuration with the blocks of two organizations added, as the page says."""
    folder = tmp_path_factory.mktemp("organizations")
    shipped = (ROOT / "deploy" / "nats.production.conf").read_text()
    blocks = "".join(printed(organization).stdout for organization in ORGANIZATIONS)
    (folder / "nats.conf").write_text((ROOT / "deploy" / "nats.conf").read_text())
    config, port = folder / "users.conf", free_port()
    config.write_text(shipped.replace("  users: [\n", f"  users: [\n{blocks}"))
    names = [*(f"ORGANIZATION_{name.upper()}" for name in ORGANIZATIONS), "SESSION", "ROUTER", "API", "REALTIME"]
    variables = [f'NATS_{name}_PASSWORD="{PASSWORD}"' for name in (*names, "INTEGRATION")]
    options = ["-c", str(config), "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "js")]
    server = Server(["env", *variables, str(find_nats_server(os.environ)), *options], port, folder / "nats.log")
    with in_memory(folder / "js"):
        await server.start()
        yield server
        await server.kill()


@asynccontextmanager
async def user(server: Server, name: str) -> AsyncIterator[Connection]:
    connection = Connection(client := Client())

    async def refused(error: Exception) -> None:
        connection.refused.append(str(error))

    url = f"nats://{name}:{PASSWORD}@127.0.0.1:{server.port}"
    await client.connect(url, error_cb=refused, inbox_prefix=inbox_prefix(name).encode())
    yield connection
    await client.close()


async def test_its_own_messages_are_allowed(server: Server) -> None:
    async with user(server, "organization-acme") as acme:
        for subject in (
            organization_events_filter("acme"),
            MessageReceived.subject_filter("acme"),
            ContactTyping.subject_filter("acme"),
        ):
            assert await acme.may_hear(subject)
        for message in (ListContacts, SendMessage):
            assert await acme.may_publish(message.subject_filter("acme", "-"))


async def test_those_of_others_are_not(server: Server) -> None:
    async with user(server, "organization-acme") as acme:
        for subject in (
            organization_events_filter("globex"),
            MessageReceived.subject_filter(),
            "wa.event.>",
            "wa.query.>",
            "wa.command.>",
            ContactTyping.subject_filter(),
            ">",
            "_INBOX.>",
            "_INBOX_integration.>",
            "_INBOX_organization-globex.>",
        ):
            assert not await acme.may_hear(subject), subject
        for message in (ListContacts, SendMessage):
            assert not await acme.may_publish(message.subject_filter("globex", "-"))
        for subject in (
            RequestQr.subject_filter("acme", "one"),
            VerifyApiKey.subject_filter("acme", "-"),
            TakeRateLimit.subject_filter("acme", "-"),
            ReadCurrentQr.subject_filter("acme", "one"),
            ListShownCodes.subject_filter("acme", "-"),
            CountFailedCredential.subject_filter("acme", "-"),
            "wa.command.user.invite.acme.-",
            "wa.command.session.send.acme.one",
            f"$JS.API.CONSUMER.CREATE.{EVENTS_STREAM}.mine",
            f"$JS.API.STREAM.MSG.GET.{EVENTS_STREAM}",
            f"$JS.API.STREAM.INFO.{EVENTS_STREAM}",
            MessageReceived.subject_filter("acme", "one"),
        ):
            assert not await acme.may_publish(subject), subject


async def test_codes_that_link_an_account_are_not_heard(server: Server) -> None:
    """Over REST and sockets they need the scope `manage`, and this user administers nothing."""
    heard = list[str]()

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    async with user(server, "session") as session, user(server, "organization-acme") as acme:
        await acme.client.subscribe(organization_events_filter("acme"), cb=hear)
        await subscribed(acme.client)
        for event in (QrIssued, PairingCodeIssued, MessageReceived):
            await session.client.publish(event.subject_filter("acme", "one"), b"{}")
        await subscribed(session.client)
        await until(lambda: MessageReceived.subject_filter("acme", "one") in heard)
        assert heard == [MessageReceived.subject_filter("acme", "one")]


async def test_two_organizations_do_not_hear_each_others_answers(server: Server) -> None:
    overheard = list[str]()

    async def answer(message: Msg) -> None:
        await message.respond(b"the contacts of acme")

    async def overhear(message: Msg) -> None:
        overheard.append(message.subject)

    async with (
        user(server, "api") as api,
        user(server, "organization-acme") as acme,
        user(server, "organization-globex") as globex,
    ):
        await api.client.subscribe(ListContacts.subject_filter(), cb=answer)
        for subject in (
            "_INBOX_organization-globex.>",
            "_INBOX_organization-acme.>",
            "_INBOX_integration.>",
            "_INBOX.>",
        ):
            await globex.client.subscribe(subject, cb=overhear)
        await asyncio.gather(subscribed(api.client), subscribed(globex.client))
        reply = await acme.client.request(ListContacts.subject_filter("acme", "-"), b"{}", timeout=20)
        assert reply.data == b"the contacts of acme"
        await subscribed(globex.client)
    assert overheard == []


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("",), ("UPPER",), ("a.b",), ("*",), (">",), ('x" } }',)])
def test_what_is_no_organization_gets_no_block(arguments: tuple[str, ...]) -> None:
    done = printed(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_names_the_command() -> None:
    page = (Path(ROOT) / "docs" / "other-services.md").read_text()
    assert "python -m shared.messaging.nats_users" in page
