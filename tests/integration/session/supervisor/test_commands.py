"""Connect, disconnect, log out: what is published, and what is refused."""

from datetime import timedelta

import pytest

from services.session.ipc.messages import LinkingCode, Start, Stop, ToWorker
from shared.contracts.errors import Retry
from shared.contracts.events import CommandRefused, ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, INTRUDER, NodeTestBed


def pairing(worker: FakeWorker, frame: ToWorker) -> None:
    """Shows a code and waits for a scan."""
    if isinstance(frame, Start):
        worker.send_qr(frame.instance_id, "2@first")
    else:
        obedient(worker, frame)


def ignores_stop(worker: FakeWorker, frame: ToWorker) -> None:
    """Does not reply to Stop."""
    if not isinstance(frame, Stop):
        obedient(worker, frame)


async def test_a_code_is_published_and_scanned_and_the_instance_connects(testbed: NodeTestBed) -> None:
    testbed.workers.script = pairing
    command = await testbed.connect()
    qr = await testbed.event(QrIssued, cause=command.id)
    assert (qr.qr, qr.attempt) == ("2@first", 1)
    assert (await testbed.status(S.QR_PENDING))["qr"]["qr"] == "2@first"
    worker = testbed.workers.last
    worker.report(INSTANCE, "paired", phone_number="4915112345678", jid="4915112345678:1@s.whatsapp.net", lid="77")
    worker.report(INSTANCE, "disconnected")
    worker.report(INSTANCE, "connected")
    await testbed.event(ConnectionChanged, status=S.CONNECTED, phone_number="4915112345678")
    document = await testbed.document()
    assert (document["should_run"], document["qr"], document["lid"]) == (True, None, "77")
    seen = [event.status for event in testbed.events if isinstance(event, ConnectionChanged)]
    assert S.RECONNECTING not in seen


async def test_connecting_while_a_code_is_shown_publishes_that_code_again(testbed: NodeTestBed) -> None:
    testbed.workers.script = pairing
    await testbed.connect()
    await testbed.status(S.QR_PENDING)
    again = await testbed.connect()
    assert (await testbed.event(QrIssued, cause=again.id)).qr == "2@first"
    assert len(testbed.workers.starts()) == 1


async def test_a_pairing_code_is_stored_until_the_instance_is_connected(testbed: NodeTestBed) -> None:
    def types(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start):
            expires_at = utc_now() + timedelta(seconds=160)
            worker.send(LinkingCode(instance_id=INSTANCE, kind="code", code="ABCD-EFGH", expires_at=expires_at))
        else:
            obedient(worker, frame)

    testbed.workers.script = types
    await testbed.connect(method="code", phone_number="+49 1511 2345678")
    pairing_code = (await testbed.status(S.PAIRING))["pairing_code"]
    assert (pairing_code["code"], pairing_code["phone_number"]) == ("ABCD-EFGH", "4915112345678")
    testbed.workers.last.report(INSTANCE, "disconnected")  # the library reconnects between the steps of a pairing
    testbed.workers.last.report(INSTANCE, "paired", phone_number="4915112345678", jid="4915112345678:1@s.whatsapp.net")
    testbed.workers.last.report(INSTANCE, "connected")
    assert (await testbed.status(S.CONNECTED))["pairing_code"] is None


async def test_another_pairing_method_ends_the_first(testbed: NodeTestBed) -> None:
    testbed.workers.script = pairing
    await testbed.connect()
    await testbed.status(S.QR_PENDING)
    with pytest.raises(Retry):
        await testbed.connect(method="code", phone_number="+49 1511 2345678")
    await testbed.status(S.DISCONNECTED)
    await testbed.connect(method="code", phone_number="+49 1511 2345678")
    await testbed.status(S.QR_PENDING)
    assert (testbed.workers.starts()[-1].method, testbed.workers.starts()[-1].phone_number) == ("code", "4915112345678")
    assert not any(isinstance(event, PairingCodeIssued) for event in testbed.events)


async def test_connecting_a_connected_instance_publishes_its_status(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = await testbed.connect()
    answer = await testbed.event(ConnectionChanged, cause=command.id)
    assert (answer.status, len(testbed.workers.starts())) == (S.CONNECTED, 1)


async def test_disconnecting_keeps_the_keys(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = await testbed.disconnect()
    ended = await testbed.event(ConnectionChanged, cause=command.id)
    assert (ended.status, ended.reason) == (S.DISCONNECTED, "as_asked")
    document = await testbed.document()
    assert (document["should_run"], document["jid"] is not None) == (False, True)


async def test_connecting_while_the_connection_closes_is_retried(testbed: NodeTestBed) -> None:
    testbed.workers.script = ignores_stop
    await testbed.connected()
    await testbed.disconnect()
    with pytest.raises(Retry):
        await testbed.connect()
    testbed.workers.last.report(INSTANCE, "stopped")
    await testbed.status(S.DISCONNECTED)
    await testbed.connected()


async def test_logging_out_unlinks_the_device(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = await testbed.logout()
    ended = await testbed.event(ConnectionChanged, cause=command.id, status=S.LOGGED_OUT)
    assert ended.reason == "logout_asked"
    (stop,) = [frame for frame in testbed.workers.last.frames if isinstance(frame, Stop)]
    assert stop.logout
    assert (await testbed.document())["jid"] is None


async def test_a_disconnected_instance_is_connected_to_be_unlinked(testbed: NodeTestBed) -> None:
    await testbed.connected()
    await testbed.disconnect()
    await testbed.status(S.DISCONNECTED)
    await testbed.logout()
    await testbed.status(S.LOGGED_OUT)
    assert [frame.logout for frame in testbed.workers.last.frames if isinstance(frame, Stop)] == [False, True]


async def test_deleting_an_instance_that_was_never_connected_leaves_nothing(
    testbed: NodeTestBed, database: Database
) -> None:
    command = await testbed.logout(delete=True)
    await testbed.event(ConnectionChanged, cause=command.id, status=S.LOGGED_OUT)
    assert await database["connections"].count_documents({}) == 0


async def test_the_simulated_network_is_refused_where_it_is_not_enabled(testbed: NodeTestBed) -> None:
    command = await testbed.connect(network=Network.SIMULATOR)
    refused = await testbed.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (422, "simulator_disabled")


@pytest.mark.parametrize(("phone", "code"), [(None, "missing_phone_number"), ("12", "invalid_phone")])
async def test_a_pairing_code_needs_a_real_number(testbed: NodeTestBed, phone: str | None, code: str) -> None:
    command = await testbed.connect(method="code", phone_number=phone)
    assert (await testbed.event(CommandRefused, cause=command.id)).code == code


async def test_a_restricted_instance_is_not_connected_until_the_restriction_ends(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.last.report(INSTANCE, "restricted", until=utc_now() + timedelta(hours=1))
    await testbed.status(S.RESTRICTED)
    command = await testbed.connect()
    refused = await testbed.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (409, "instance_restricted")


async def test_an_instance_of_another_organization_is_not_touched(testbed: NodeTestBed, database: Database) -> None:
    await testbed.connected()
    mine = await testbed.document()
    testbed.organization = INTRUDER
    assert testbed.node
    await testbed.node.stop()
    await testbed.start_node()
    command = await testbed.connect()
    refused = await testbed.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (404, "instance_not_found")
    document = await testbed.document()
    assert (document["organization_id"], document["should_run"]) == (mine["organization_id"], True)
