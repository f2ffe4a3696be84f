"""A NATS user for one organization, made as docs/other-services.md says, hears and says nothing of others."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from deploy.local.binaries import find_nats_server
from shared.commands import SendMessage
from shared.events import MessageReceived
from shared.queries import ListContacts
from shared.topology import events_of
from tests.integration.deploy.nats_users import Connection
from tests.servers import Server, free_port

USER = """
authorization { users: [ { user: acme, password: secret, permissions: {
  publish: { allow: ["wa.query.*.*.acme.*", "wa.command.message.send.acme.*"] }
  subscribe: { allow: ["_INBOX_acme.>", "wa.event.*.*.acme.*"] }
} } ] }
"""


@pytest.fixture
async def acme(tmp_path: Path) -> AsyncIterator[Connection]:
    config, port = tmp_path / "nats.conf", free_port()
    config.write_text(USER)
    program = str(find_nats_server(os.environ))
    server = Server([program, "-c", str(config), "-a", "127.0.0.1", "-p", str(port)], port, tmp_path / "nats.log")
    await server.start()
    connection = Connection(client := Client())

    async def refused(error: Exception) -> None:
        connection.refused.append(str(error))

    await client.connect(f"nats://acme:secret@127.0.0.1:{port}", error_cb=refused, inbox_prefix=b"_INBOX_acme")
    yield connection
    await client.close()
    await server.kill()


async def test_its_own_messages_are_allowed(acme: Connection) -> None:
    assert await acme.may_hear(events_of("acme"))
    assert await acme.may_hear(MessageReceived.pattern("acme"))
    for message in (ListContacts, SendMessage):
        assert await acme.may_publish(message.pattern("acme", "-"))


async def test_those_of_others_are_not(acme: Connection) -> None:
    for subject in (events_of("globex"), MessageReceived.pattern(), "wa.event.>", "wa.query.>"):
        assert not await acme.may_hear(subject)
    for message in (ListContacts, SendMessage):
        assert not await acme.may_publish(message.pattern("globex", "-"))
