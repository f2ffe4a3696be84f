"""Connect, disconnect, log out: what is answered, and what is refused."""

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
        worker.show_qr(frame.instance_id, "2@first")
    else:
        obedient(worker, frame)


def deaf(worker: FakeWorker, frame: ToWorker) -> None:
    """Does not answer when it is told to stop."""
    if not isinstance(frame, Stop):
        obedient(worker, frame)


async def test_a_code_is_shown_scanned_and_the_account_connected(bench: NodeTestBed) -> None:
    bench.workers.script = pairing
    command = await bench.connect()
    qr = await bench.event(QrIssued, cause=command.id)
    assert (qr.qr, qr.attempt) == ("2@first", 1)
    assert (await bench.status(S.QR_PENDING))["qr"]["qr"] == "2@first"
    worker = bench.workers.last
    worker.change(INSTANCE, "paired", phone_number="4915112345678", jid="4915112345678:1@s.whatsapp.net", lid="77")
    worker.change(INSTANCE, "disconnected")
    worker.change(INSTANCE, "connected")
    await bench.event(ConnectionChanged, status=S.CONNECTED, phone_number="4915112345678")
    found = await bench.document()
    assert (found["should_run"], found["qr"], found["lid"]) == (True, None, "77")
    seen = [event.status for event in bench.events if isinstance(event, ConnectionChanged)]
    assert S.RECONNECTING not in seen


async def test_connecting_while_a_code_is_shown_answers_with_that_code(bench: NodeTestBed) -> None:
    bench.workers.script = pairing
    await bench.connect()
    await bench.status(S.QR_PENDING)
    again = await bench.connect()
    assert (await bench.event(QrIssued, cause=again.id)).qr == "2@first"
    assert len(bench.workers.starts()) == 1


async def test_a_pairing_code_is_kept_until_the_account_is_connected(bench: NodeTestBed) -> None:
    def types(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start):
            expires_at = utc_now() + timedelta(seconds=160)
            worker.say(LinkingCode(instance_id=INSTANCE, kind="code", code="ABCD-EFGH", expires_at=expires_at))
        else:
            obedient(worker, frame)

    bench.workers.script = types
    await bench.connect(method="code", phone_number="+49 1511 2345678")
    shown = (await bench.status(S.PAIRING))["pairing_code"]
    assert (shown["code"], shown["phone_number"]) == ("ABCD-EFGH", "4915112345678")
    bench.workers.last.change(INSTANCE, "disconnected")  # the library reconnects between the steps of a pairing
    bench.workers.last.change(INSTANCE, "paired", phone_number="4915112345678", jid="4915112345678:1@s.whatsapp.net")
    bench.workers.last.change(INSTANCE, "connected")
    assert (await bench.status(S.CONNECTED))["pairing_code"] is None


async def test_another_way_to_pair_ends_the_first(bench: NodeTestBed) -> None:
    bench.workers.script = pairing
    await bench.connect()
    await bench.status(S.QR_PENDING)
    with pytest.raises(Retry):
        await bench.connect(method="code", phone_number="+49 1511 2345678")
    await bench.status(S.DISCONNECTED)
    await bench.connect(method="code", phone_number="+49 1511 2345678")
    await bench.status(S.QR_PENDING)
    assert (bench.workers.starts()[-1].method, bench.workers.starts()[-1].phone_number) == ("code", "4915112345678")
    assert not any(isinstance(event, PairingCodeIssued) for event in bench.events)


async def test_connecting_a_connected_account_says_so(bench: NodeTestBed) -> None:
    await bench.connected()
    command = await bench.connect()
    answer = await bench.event(ConnectionChanged, cause=command.id)
    assert (answer.status, len(bench.workers.starts())) == (S.CONNECTED, 1)


async def test_disconnecting_keeps_the_keys(bench: NodeTestBed) -> None:
    await bench.connected()
    command = await bench.disconnect()
    ended = await bench.event(ConnectionChanged, cause=command.id)
    assert (ended.status, ended.reason) == (S.DISCONNECTED, "as_asked")
    found = await bench.document()
    assert (found["should_run"], found["jid"] is not None) == (False, True)


async def test_connecting_while_the_connection_closes_is_tried_again(bench: NodeTestBed) -> None:
    bench.workers.script = deaf
    await bench.connected()
    await bench.disconnect()
    with pytest.raises(Retry):
        await bench.connect()
    bench.workers.last.change(INSTANCE, "stopped")
    await bench.status(S.DISCONNECTED)
    await bench.connected()


async def test_logging_out_unlinks_the_device(bench: NodeTestBed) -> None:
    await bench.connected()
    command = await bench.logout()
    ended = await bench.event(ConnectionChanged, cause=command.id, status=S.LOGGED_OUT)
    assert ended.reason == "logout_asked"
    (stop,) = [frame for frame in bench.workers.last.told if isinstance(frame, Stop)]
    assert stop.logout
    assert (await bench.document())["jid"] is None


async def test_a_disconnected_account_is_connected_to_be_unlinked(bench: NodeTestBed) -> None:
    await bench.connected()
    await bench.disconnect()
    await bench.status(S.DISCONNECTED)
    await bench.logout()
    await bench.status(S.LOGGED_OUT)
    assert [frame.logout for frame in bench.workers.last.told if isinstance(frame, Stop)] == [False, True]


async def test_deleting_an_instance_that_was_never_connected_leaves_nothing(
    bench: NodeTestBed, database: Database
) -> None:
    command = await bench.logout(delete=True)
    await bench.event(ConnectionChanged, cause=command.id, status=S.LOGGED_OUT)
    assert await database["connections"].count_documents({}) == 0


async def test_the_simulated_network_is_refused_where_it_is_not_enabled(bench: NodeTestBed) -> None:
    command = await bench.connect(network=Network.SIMULATOR)
    refused = await bench.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (422, "simulator_disabled")


@pytest.mark.parametrize(("phone", "code"), [(None, "missing_phone_number"), ("12", "invalid_phone")])
async def test_a_pairing_code_needs_a_real_number(bench: NodeTestBed, phone: str | None, code: str) -> None:
    command = await bench.connect(method="code", phone_number=phone)
    assert (await bench.event(CommandRefused, cause=command.id)).code == code


async def test_a_restricted_account_is_refused_until_the_restriction_ends(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.last.change(INSTANCE, "restricted", until=utc_now() + timedelta(hours=1))
    await bench.status(S.RESTRICTED)
    command = await bench.connect()
    refused = await bench.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (409, "instance_restricted")


async def test_an_instance_of_another_organization_is_not_touched(bench: NodeTestBed, database: Database) -> None:
    await bench.connected()
    mine = await bench.document()
    bench.organization = INTRUDER
    assert bench.node
    await bench.node.stop()
    await bench.start_node()
    command = await bench.connect()
    refused = await bench.event(CommandRefused, cause=command.id)
    assert (refused.status, refused.code) == (404, "instance_not_found")
    found = await bench.document()
    assert (found["organization_id"], found["should_run"]) == (mine["organization_id"], True)
