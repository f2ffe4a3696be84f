"""Only one session node runs: another with another data folder refuses to start, and one process uses a folder."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client

from services.session.store.data_folder import FolderInUse, folder_id, lock_data_folder
from services.session.supervisor.node_lease import LeaseHolder, NodeLease, SecondNode
from shared.contracts.ids import new_id
from shared.contracts.registry import LEASES_BUCKET
from shared.messaging.client import jetstream

TTL_S = 5.0


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
def database() -> str:
    return new_id()


def lease(client: Client, name: str, folder: str, database: str, since: float = 1.0) -> NodeLease:
    return NodeLease(jetstream(client), name, TTL_S, LeaseHolder(folder, database, since))


async def test_a_node_with_another_folder_refuses_to_start_while_the_first_one_lives(
    client: Client, database: str
) -> None:
    first = lease(client, "first", "a", database)
    await first.acquire()
    keeping = asyncio.create_task(first.renew_forever())
    try:
        for name in ("second", "first"):  # also when both are called the same
            with pytest.raises(SecondNode, match="'first' runs with another data folder"):
                await lease(client, name, "b", database).acquire()
        assert await first.live_nodes() >= {"first"}
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def test_a_node_with_another_folder_starts_when_the_first_one_has_ended(client: Client, database: str) -> None:
    killed = lease(client, "killed", "a", database)
    await killed.acquire()
    next_one = lease(client, "next", "b", database)
    await next_one.acquire()  # once the lease has run out
    assert next_one.is_held
    assert "killed" not in await next_one.live_nodes()


async def test_a_node_with_the_same_folder_starts_at_once_under_any_name(client: Client, database: str) -> None:
    await lease(client, "container-1", "a", database).acquire()
    renamed = lease(client, "container-2", "a", database)
    await renamed.acquire()
    assert "container-1" in await renamed.live_nodes()  # it did not wait for it


async def test_another_installation_on_the_same_server_is_no_second_node(client: Client, database: str) -> None:
    await lease(client, "theirs", "a", new_id()).acquire()
    ours = lease(client, "ours", "b", database)
    await ours.acquire()
    assert "theirs" in await ours.live_nodes()


@pytest.mark.parametrize("value", [b"held", b"", b"\xff\x00", b'{"folder": 1}', b"[]", b"null"])
async def test_a_lease_of_an_earlier_version_or_an_unreadable_one_counts_as_another_node(
    client: Client, database: str, value: bytes
) -> None:
    one = lease(client, "one", "a", database)
    one._bucket = await one._open_bucket()
    await one._bucket.put("old", value)
    assert set(await one._conflicting()) == {"old"}
    await one._bucket.delete("old")


async def test_a_restart_after_an_update_does_not_wait_for_its_own_lease(client: Client, database: str) -> None:
    bucket = await (one := lease(client, "same-name", "a", database))._open_bucket()
    await bucket.put("same-name", b"held")
    await one.acquire()
    assert (await bucket.get("same-name")).value == LeaseHolder("a", database, 1.0).to_json()
    await (await jetstream(client).key_value(LEASES_BUCKET)).delete("same-name")


async def test_of_two_nodes_that_start_together_one_runs(client: Client, database: str) -> None:
    leases = [lease(client, f"n{number}", f"folder-{number}", database, since=number) for number in range(3)]
    results = await asyncio.gather(*(one.acquire() for one in leases), return_exceptions=True)
    assert [one.is_held for one in leases].count(True) == 1
    assert [type(result) for result in results].count(SecondNode) == 2


async def test_a_data_folder_is_used_by_one_process(tmp_path: Path) -> None:
    async with lock_data_folder(tmp_path):
        with pytest.raises(FolderInUse, match="only one may run"):
            async with lock_data_folder(tmp_path, max_wait_s=0.2):
                pass
    async with lock_data_folder(tmp_path, max_wait_s=0.2):
        pass


def test_a_folder_keeps_its_id(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "folder-id").write_text("")  # a crash came in between
    ids = {folder_id(tmp_path / name) for name in ("a", "a", "b", "b")}
    assert len(ids) == 2
    assert all(ids)
