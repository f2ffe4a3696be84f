"""The device keys are in the data folder of one node: no other claims the instance; missing keys are no logout."""

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
    settings: SessionSettings, database: Database, tmp_path: Path, testbed: NodeTestBed
) -> AsyncIterator[NodeTestBed]:
    """Another node of the installation, with a data folder of its own; not started."""
    theirs = {"node_name": f"{settings.node_name}-c", "data_dir": tmp_path / "other"}
    other_testbed = NodeTestBed(settings.model_copy(update=theirs), database, FakeWorkers())
    other_testbed.organization = testbed.organization
    yield other_testbed
    await other_testbed.stop()


@pytest.fixture
def keys(settings: SessionSettings, testbed: NodeTestBed) -> Path:
    return settings.data_dir / testbed.organization / INSTANCE


async def test_a_node_without_the_keys_does_not_claim_and_shows_no_logout(
    testbed: NodeTestBed, foreign: NodeTestBed
) -> None:
    await testbed.connected()
    await testbed.stop_node()
    before = await testbed.document()
    await foreign.start()
    await foreign.connected("mine")  # it has looked at everything by then
    await foreign.restart_node()
    await foreign.status(S.CONNECTED, "mine")
    assert await testbed.document() == before
    assert {start.instance_id for start in foreign.workers.starts()} == {"mine"}
    await foreign.stop_node()
    await testbed.start_node()
    assert (await testbed.status(S.CONNECTED))["node"] == before["node"]


async def test_a_command_for_keys_in_another_folder_is_refused_with_the_remedy(
    testbed: NodeTestBed, foreign: NodeTestBed
) -> None:
    await testbed.connected()
    await testbed.stop_node()
    before = await testbed.document()
    await foreign.start()
    for rpc_request in (foreign.connect, foreign.disconnect):
        command = await rpc_request()
        refused = await foreign.event(CommandRefused, cause=command.id)
        assert (refused.status, refused.code) == (409, "keys_missing")
        assert before["node"] in refused.detail
    assert await testbed.document() == before


async def test_a_logout_is_possible_without_the_keys(testbed: NodeTestBed, foreign: NodeTestBed) -> None:
    await testbed.connected()
    await testbed.stop_node()
    await foreign.start()
    await foreign.logout()
    gone = await foreign.status(S.LOGGED_OUT)
    assert (gone["jid"], gone["reason"]) == (None, "logout_asked")
    await foreign.connect()
    assert (await foreign.status(S.CONNECTED))["node"].endswith("-c")
    assert [start.linked for start in foreign.workers.starts()] == [False]


async def test_an_instance_without_its_folder_starts_when_the_folder_is_back(testbed: NodeTestBed, keys: Path) -> None:
    await testbed.connected()
    await testbed.stop_node()
    away = keys.with_name("away")
    shutil.move(keys, away)
    await testbed.start_node()
    failed = await testbed.event(ConnectionChanged, status=S.FAILED, reason="keys_missing")
    assert failed.detail
    assert "data folder" in failed.detail
    document = await testbed.document()
    assert (document["should_run"], bool(document["jid"]), len(testbed.workers.starts())) == (True, True, 1)
    shutil.move(away, keys)
    await testbed.restart_node()
    await testbed.status(S.CONNECTED)


async def test_missing_keys_are_published_once(testbed: NodeTestBed, keys: Path) -> None:
    await testbed.connected()
    await testbed.stop_node()
    shutil.rmtree(keys)
    node = await testbed.start_node()
    await testbed.status(S.FAILED)
    for _ in range(3):
        await node._reconciler._reconcile()
    failures = [event for event in testbed.events if isinstance(event, ConnectionChanged) and event.status is S.FAILED]
    assert len(failures) == 1


async def test_a_store_without_a_device_is_no_logout(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.last.report(INSTANCE, "keys_missing")
    document = await testbed.status(S.FAILED)
    assert (document["reason"], bool(document["jid"])) == ("keys_missing", True)
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        await testbed.logout()
        await testbed.status(S.LOGGED_OUT)
