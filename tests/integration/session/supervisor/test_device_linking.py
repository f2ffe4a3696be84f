"""Another phone than expected scans the code: the instance follows and says so, or refuses it; never silently."""

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
                worker.change(instance_id, "paired", **device)
                worker.change(instance_id, "disconnected")  # between the steps of a pairing
                worker.change(instance_id, "connected", **device, lid="77")
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
    for bench in made.values():
        if bench.node:
            await bench.stop()


async def begin(bench: NodeTestBed, database: Database, configured: str | None = None) -> None:
    await bench.start()
    await database["instances"].update_one({"_id": INSTANCE}, {"$set": {"phone_number": configured}})


async def scan(bench: NodeTestBed, number: str) -> None:
    bench.workers.script = scanned_by(number)
    await bench.connect()


async def unlink(bench: NodeTestBed) -> None:
    bench.workers.last.change(INSTANCE, "logged_out", reason="logged_out")
    await bench.event(ConnectionChanged, status=S.LOGGED_OUT, reason="logged_out")


def connections(bench: NodeTestBed) -> list[S]:
    return [event.status for event in bench.events if isinstance(event, ConnectionChanged)]


async def scan_old_then_new(bench: NodeTestBed, database: Database) -> int:
    """The account is linked to OLD and unlinked, then NEW scans; how many events there were before that scan."""
    await begin(bench, database)
    await scan(bench, OLD)
    await bench.status(S.CONNECTED)
    await unlink(bench)
    before = len(bench.events)
    await scan(bench, NEW)
    return before


async def test_a_number_that_was_only_configured_follows_the_scan_and_says_so(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["refuse_relinked"]
    await begin(bench, database, configured=OLD)
    await scan(bench, NEW)
    told = await bench.event(ConnectionChanged, status=S.CONNECTED)
    assert (told.phone_number, told.previous_phone_number, told.reason) == (NEW, OLD, "number_changed")
    found = await bench.document()
    assert (found["phone_number"], found["previous_phone_number"], found["lid"]) == (NEW, OLD, "77")


async def test_another_phone_than_the_one_linked_before_is_unlinked_again(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["refuse_relinked"]
    before = await scan_old_then_new(bench, database)
    told = await bench.event(ConnectionChanged, since=before, status=S.LOGGED_OUT)
    assert (told.reason, told.phone_number, told.will_retry) == ("other_number_refused", OLD, False)
    assert told.cause
    assert S.CONNECTED not in [e.status for e in bench.events[before:] if isinstance(e, ConnectionChanged)]
    assert [frame.logout for frame in bench.workers.last.told if isinstance(frame, Stop)] == [True]
    found = await bench.document(jid=None)
    assert (found["phone_number"], found["should_run"], found["ending"]) == (OLD, False, None)
    before = len(bench.events)
    await scan(bench, OLD)  # the right phone
    told = await bench.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert (told.phone_number, told.previous_phone_number, told.reason) == (OLD, None, None)


async def test_who_wants_the_change_configures_the_new_number_first(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["refuse"]
    await begin(bench, database, configured=OLD)
    await scan(bench, NEW)
    await bench.status(S.LOGGED_OUT)
    assert S.CONNECTED not in connections(bench)
    await database["instances"].update_one({"_id": INSTANCE}, {"$set": {"phone_number": NEW}})
    await scan(bench, NEW)
    assert (await bench.status(S.CONNECTED))["phone_number"] == NEW


async def test_a_setting_lets_every_scan_change_the_number(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["follow"]
    before = await scan_old_then_new(bench, database)
    told = await bench.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert (told.phone_number, told.previous_phone_number, told.reason) == (NEW, OLD, "number_changed")


async def test_a_refusal_survives_a_restart_before_the_phone_was_told(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["refuse"]
    await begin(bench, database, configured=OLD)

    def only_paired(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start):
            worker.change(frame.instance_id, "paired", phone_number=NEW, jid=f"{NEW}:1@s.whatsapp.net")

    bench.workers.script = only_paired
    await bench.connect()
    await bench.document(ending="keep")
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        bench.workers.script = obedient
        await bench.restart_node()
    gone = await bench.document(status=S.LOGGED_OUT.value)
    assert (gone["jid"], gone["phone_number"]) == (None, None)


async def test_the_same_phone_in_the_other_spelling_is_no_other_phone(
    policies: dict[OtherNumber, NodeTestBed], database: Database
) -> None:
    bench = policies["refuse"]
    await begin(bench, database, configured="5511987654321")
    await scan(bench, "551187654321")
    told = await bench.event(ConnectionChanged, status=S.CONNECTED)
    assert (told.phone_number, told.previous_phone_number, told.reason) == ("551187654321", None, None)
