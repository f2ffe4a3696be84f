"""Device keys lie in the data folder of one node: nobody else claims the account, and missing keys are no logout."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.session.settings import SessionSettings
from shared.contracts.events import CommandRefused, ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorkers
from tests.integration.session.supervisor.testbed import INSTANCE, WAIT_TIMEOUT_S, NodeTestBed


@pytest.fixture
async def foreign(
    settings: SessionSettings, database: Database, tmp_path: Path, bench: NodeTestBed
) -> AsyncIterator[NodeTestBed]:
    """Another node of the installation, with a data folder of its own; not started."""
    theirs = {"node_name": f"{settings.node_name}-c", "data_dir": tmp_path / "other"}
    bench_of_theirs = NodeTestBed(settings.model_copy(update=theirs), database, FakeWorkers())
    bench_of_theirs.organization = bench.organization
    yield bench_of_theirs
    await bench_of_theirs.stop()


@pytest.fixture
def keys(settings: SessionSettings, bench: NodeTestBed) -> Path:
    return settings.data_dir / bench.organization / INSTANCE


async def test_a_node_without_the_keys_does_not_claim_and_shows_no_logout(
    bench: NodeTestBed, foreign: NodeTestBed
) -> None:
    await bench.connected()
    await bench.stop_node()
    before = await bench.document()
    await foreign.start()
    await foreign.connected("mine")  # it has looked at everything by then
    await foreign.restart_node()
    await foreign.status(S.CONNECTED, "mine")
    assert await bench.document() == before
    assert {start.instance_id for start in foreign.workers.starts()} == {"mine"}
    await foreign.stop_node()
    await bench.start_node()
    assert (await bench.status(S.CONNECTED))["node"] == before["node"]


async def test_a_command_for_keys_of_another_folder_is_refused_with_the_remedy(
    bench: NodeTestBed, foreign: NodeTestBed
) -> None:
    await bench.connected()
    await bench.stop_node()
    before = await bench.document()
    await foreign.start()
    for rpc_request in (foreign.connect, foreign.disconnect):
        command = await rpc_request()
        refused = await foreign.event(CommandRefused, cause=command.id)
        assert (refused.status, refused.code) == (409, "keys_missing")
        assert before["node"] in refused.detail
    assert await bench.document() == before


async def test_a_logout_is_possible_without_the_keys(bench: NodeTestBed, foreign: NodeTestBed) -> None:
    await bench.connected()
    await bench.stop_node()
    await foreign.start()
    await foreign.logout()
    gone = await foreign.status(S.LOGGED_OUT)
    assert (gone["jid"], gone["reason"]) == (None, "logout_asked")
    await foreign.connect()
    assert (await foreign.status(S.CONNECTED))["node"].endswith("-c")
    assert [start.linked for start in foreign.workers.starts()] == [False]


async def test_an_account_whose_folder_is_gone_waits_for_it(bench: NodeTestBed, keys: Path) -> None:
    await bench.connected()
    await bench.stop_node()
    away = keys.with_name("away")
    shutil.move(keys, away)
    await bench.start_node()
    failed = await bench.event(ConnectionChanged, status=S.FAILED, reason="keys_missing")
    assert failed.detail
    assert "data folder" in failed.detail
    found = await bench.document()
    assert (found["should_run"], bool(found["jid"]), len(bench.workers.starts())) == (True, True, 1)
    shutil.move(away, keys)
    await bench.restart_node()
    await bench.status(S.CONNECTED)


async def test_missing_keys_are_announced_once(bench: NodeTestBed, keys: Path) -> None:
    await bench.connected()
    await bench.stop_node()
    shutil.rmtree(keys)
    node = await bench.start_node()
    await bench.status(S.FAILED)
    for _ in range(3):
        await node._reconciler._reconcile()
    said = [event for event in bench.events if isinstance(event, ConnectionChanged) and event.status is S.FAILED]
    assert len(said) == 1


async def test_a_store_without_a_device_is_no_logout(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.last.change(INSTANCE, "keys_missing")
    found = await bench.status(S.FAILED)
    assert (found["reason"], bool(found["jid"])) == ("keys_missing", True)
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        await bench.logout()
        await bench.status(S.LOGGED_OUT)
