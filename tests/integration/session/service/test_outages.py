"""NATS or MongoDB killed and started again while messages arrive: nothing is lost, nothing is published twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest

from services.session.settings import SessionSettings
from shared.contracts.events import ConnectionChanged, MessageReceived
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.client import jetstream
from shared.platform.mongo import open_mongo
from simulator.app import Simulator
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from tests.integration.session.service.service import WAIT_TIMEOUT_S, SessionService
from tests.servers import Server, mongod, nats_server, start_replica_set
from tests.waiting import until


@pytest.fixture
async def own_nats(tmp_path: Path) -> AsyncIterator[Server]:
    server = nats_server(tmp_path)
    await server.start()
    yield server
    await server.kill()


@pytest.fixture
async def own_mongo(tmp_path: Path) -> AsyncIterator[Server]:
    server = mongod(tmp_path)
    await server.start()
    await start_replica_set(f"127.0.0.1:{server.port}")
    yield server
    await server.kill()


@pytest.fixture
async def killable(
    own_nats: Server, own_mongo: Server, simulator: Simulator, tmp_path: Path
) -> AsyncIterator[SessionService]:
    """A service whose NATS and MongoDB the test may kill."""
    settings = SessionSettings(
        environment="local",
        nats_url=f"nats://127.0.0.1:{own_nats.port}",
        data_dir=tmp_path / "session",
        mongo_url=f"mongodb://127.0.0.1:{own_mongo.port}/?replicaSet=rs0",
        simulator_url=simulator.control_url,
    )
    async with open_mongo(settings) as database:
        service = SessionService(settings, database, tmp_path / "session.log")
        await service.start()
        yield service
        await service.close()


async def until_ready(service: SessionService) -> None:
    await until(service.ready)


async def wa_ids_in_stream(server: Server, organization: str, last: str) -> list[str]:
    """WhatsApp ids of the organization's messages in the stream, up to the last one; the test's own subscription may
    have missed messages during the outage."""
    client = await nats.connect(f"nats://127.0.0.1:{server.port}")
    subscription = await jetstream(client).subscribe(
        MessageReceived.subject_filter(organization), ordered_consumer=True
    )
    wa_ids: list[str] = []
    while last not in wa_ids:
        wa_ids.append(MessageReceived.model_validate_json((await subscription.next_msg(WAIT_TIMEOUT_S)).data).wa_id)
    await client.close()
    return wa_ids


async def test_messages_that_arrive_while_nats_is_unreachable_are_published_later(
    killable: SessionService, own_nats: Server, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await killable.link(phone)
    bob = simulator.world.add_contact()
    wa_ids = [bob.write(phone.account, content.text(f"before {number}"))[0] for number in range(5)]
    await own_nats.kill()
    wa_ids += [bob.write(phone.account, content.text(f"meanwhile {number}"))[0] for number in range(20)]
    await own_nats.start()
    await until_ready(killable)
    wa_ids.append(bob.write(phone.account, content.text("afterwards"))[0])
    published = await wa_ids_in_stream(own_nats, killable.organization, wa_ids[-1])
    assert sorted(published) == sorted(wa_ids)


async def test_messages_and_statuses_survive_an_outage_of_mongodb(
    killable: SessionService, own_mongo: Server, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await killable.link(phone)
    bob = simulator.world.add_contact()
    await own_mongo.kill()
    wa_id, _ = bob.write(phone.account, content.text("who needs a database?"))
    await killable.event(MessageReceived, wa_id=wa_id)
    before = len(killable.events)
    await phone.account.companions[1].connection.close()
    await own_mongo.start()
    await killable.event(ConnectionChanged, since=before, status=S.RECONNECTING)
    await killable.event(ConnectionChanged, since=before, status=S.CONNECTED)
    await until_ready(killable)
