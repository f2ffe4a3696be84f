"""A phone with another number scans the code: the instance gets the number and says so, or unlinks the phone."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from services.session.ipc.messages import Start, Stop, ToWorker
from services.session.settings import SessionSettings
from services.session.supervisor.relinking import OtherNumber
from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorker, FakeWorkers, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, WAIT_TIMEOUT_S, NodeTestBed

OLD, NEW = "4915112345678", "4915198765432"


def scanned_by(number: str) -> Callable[[FakeWorker, ToWorker], None]:
    """Every start is scanned by this phone."""

    def script(worker: FakeWorker, frame: ToWorker) -> None:
        match frame:
            case Start(instance_id=instance_id, linked=False):
                device = {"phone_number": number, "jid": f"{number}:1@s.whatsapp.net"}
                worker.report(instance_id, "paired", **device)
                worker.report(instance_id, "disconnected")  # between the steps of a pairing
                worker.report(instance_id, "connected", **device, lid="77")
            case _:
                obedient(worker, frame)

    return script


@pytest.fixture
async def policies(settings: SessionSettings, database: Database) -> AsyncIterator[dict[OtherNumber, NodeTestBed]]:
    made: dict[OtherNumber, NodeTestBed] = {}
    policies: tuple[OtherNumber, ...] = ("follow", "refuse_relinked", "refuse")
    for policy in policies:
        changed = settings.model_copy(update={"other_number": policy, "node_name": f"{settings.node_name}-{policy}"})
        made[policy] = NodeTestBed(changed, database, FakeWorkers())
    yield made
    for testbed in made.values():
        if testbed.node:
            await testbed.stop()


async def begin(testbed: NodeTestBed, database: Database, configured: str | None = None) -> None:
    await testbed.start()
    await database["instances"].update_one({"_id": INSTANCE}, {"$set": {"phone_number": configured}})


async def scan(testbed: NodeTestBed, number: str) -> None:
    testbed.workers.script = scanned_by(number)
    await testbed.connect()


async def unlink(testbed: NodeTestBed) -> None:
    testbed.workers.last.report(INSTANCE, "logged_out", reason="logged_out")
    await testbed.event(ConnectionChanged, status=S.LOGGED_OUT, reason="logged_out")


def connections(testbed: NodeTestBed) -> list[S]:
    return [event.status for event in testbed.events if isinstance(event, ConnectionChanged)]


async def scan_old_then_new(testbed: NodeTestBed, database: Database) -> int:
    """The instance is linked to OLD and unlinked, then NEW scans; how many events there were before that scan."""
    await begin(testbed, database)
    await scan(testbed, OLD)
    await testbed.status(S.CONNECTED)
    await unlink(testbed)
    before = len(testbed.events)
    await scan(testbed, NEW)
    return before


async def test_a_number_that_was_only_configured_is_replaced_by_the_scanned_one(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["refuse_relinked"]
    await begin(testbed, database, configured=OLD)
    await scan(testbed, NEW)
    changed = await testbed.event(ConnectionChanged, status=S.CONNECTED)
    assert (changed.phone_number, changed.previous_phone_number, changed.reason) == (NEW, OLD, "number_changed")
    document = await testbed.document()
    assert (document["phone_number"], document["previous_phone_number"], document["lid"]) == (NEW, OLD, "77")


async def test_a_phone_with_another_number_than_the_linked_one_is_unlinked_again(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["refuse_relinked"]
    before = await scan_old_then_new(testbed, database)
    changed = await testbed.event(ConnectionChanged, since=before, status=S.LOGGED_OUT)
    assert (changed.reason, changed.phone_number, changed.will_retry) == ("other_number_refused", OLD, False)
    assert changed.cause
    assert S.CONNECTED not in [e.status for e in testbed.events[before:] if isinstance(e, ConnectionChanged)]
    assert [frame.logout for frame in testbed.workers.last.frames if isinstance(frame, Stop)] == [True]
    document = await testbed.document(jid=None)
    assert (document["phone_number"], document["should_run"], document["ending"]) == (OLD, False, None)
    before = len(testbed.events)
    await scan(testbed, OLD)  # the right phone
    changed = await testbed.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert (changed.phone_number, changed.previous_phone_number, changed.reason) == (OLD, None, None)


async def test_a_new_number_that_was_configured_first_is_accepted(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["refuse"]
    await begin(testbed, database, configured=OLD)
    await scan(testbed, NEW)
    await testbed.status(S.LOGGED_OUT)
    assert S.CONNECTED not in connections(testbed)
    await database["instances"].update_one({"_id": INSTANCE}, {"$set": {"phone_number": NEW}})
    await scan(testbed, NEW)
    assert (await testbed.status(S.CONNECTED))["phone_number"] == NEW


async def test_the_policy_follow_lets_every_scan_change_the_number(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["follow"]
    before = await scan_old_then_new(testbed, database)
    changed = await testbed.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert (changed.phone_number, changed.previous_phone_number, changed.reason) == (NEW, OLD, "number_changed")


async def test_a_refused_phone_is_unlinked_after_a_restart_in_between(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["refuse"]
    await begin(testbed, database, configured=OLD)

    def only_paired(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start):
            worker.report(frame.instance_id, "paired", phone_number=NEW, jid=f"{NEW}:1@s.whatsapp.net")

    testbed.workers.script = only_paired
    await testbed.connect()
    await testbed.document(ending="keep")
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        testbed.workers.script = obedient
        await testbed.restart_node()
    gone = await testbed.document(status=S.LOGGED_OUT.value)
    assert (gone["jid"], gone["phone_number"]) == (None, None)


async def test_a_variant_of_the_linked_number_is_the_same_phone(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    testbed = policies["refuse"]
    await begin(testbed, database, configured="5511987654321")
    await scan(testbed, "551187654321")
    changed = await testbed.event(ConnectionChanged, status=S.CONNECTED)
    assert (changed.phone_number, changed.previous_phone_number, changed.reason) == ("551187654321", None, None)
