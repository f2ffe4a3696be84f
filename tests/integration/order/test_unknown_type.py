"""A type of message that this version does not know passes every service unchanged: the library may name it, or a later
version may write it."""

import random
from pathlib import Path

import pytest

from services.session.worker.mapping import business_texts, message_content
from shared.contracts.message import utc_now
from shared.contracts.message_type import MessageType
from tests.integration.order.account import linked_account
from tests.integration.order.conftest import Servers, add_organization, running
from tests.integration.order.history import PEOPLE, wire
from tests.integration.order.readers import SocketListener, pages
from tests.waiting import until

UNKNOWN = "hologram"


async def test_an_unknown_type_passes_every_service_unchanged(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert UNKNOWN not in set(MessageType)
    monkeypatch.setitem(
        message_content._TEXT_KINDS, "musicMessage", (MessageType(UNKNOWN), business_texts.from_fields())
    )
    organization_id, instance_id, token = await add_organization(servers.database)
    headers = {"Authorization": f"Bearer {token}", "X-Organization": organization_id}
    listener = SocketListener(organization_id)
    async with (
        linked_account(tmp_path, organization_id, instance_id, servers.nats, random.Random(1)) as (account, _),
        running(servers, headers) as (origin, http),
    ):
        await listener.open(origin, token)
        message = wire("", PEOPLE[0], int(utc_now().timestamp()))
        message.Message.Clear()
        message.Message.musicMessage.SetInParent()
        account.deliver(message)
        event = await until(lambda: next(iter(listener.messages.values()), None))
        document = await servers.database.messages.find_one({"_id": event["id"]})
        (conversation,) = await pages(http, "/api/conversations")
        (shown,) = await pages(http, f"/api/conversations/{conversation['id']}/messages")
        await listener.close()
    assert document is not None
    assert [event["type"], document["type"], shown["type"], conversation["last_message"]["type"]] == [UNKNOWN] * 4
