"""The process in which the native library runs knows nothing it does not need, and leaves no file others can read."""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest

from services.session.private_files import restrict_permissions
from services.session.settings import SessionSettings
from shared.contracts.events import MessageReceived, MessageSent
from shared.contracts.ids import new_id
from shared.platform.mongo import open_mongo
from simulator.app import Simulator
from simulator.people import content
from tests.integration.session.service.service import INSTANCE, SessionService

SECRETS = {
    "WA_TOKEN_SECRET": "the-token-secret-of-this-deployment-00",
    "WA_TOKEN_PRIVATE_KEY": "the-private-key-of-this-deployment",
    "WA_MADE_UP_SECRET": "another-secret-of-this-deployment",
    "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-host",
    "DATABASE_PASSWORD": "a-password-of-the-host",
}
ALLOWED = {"WA_LOG_LEVEL", "WA_LOG_FORMAT", "WA_SIMULATED_NOISE_ROOT"}


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """As on a server: files are made readable by everybody unless a program says otherwise."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path / "simulator", seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def service(nats_url: str, mongo_url: str, simulator: Simulator, tmp_path: Path) -> AsyncIterator[SessionService]:
    """In a data folder that an earlier version left open to everybody."""
    old = tmp_path / "session" / "acme" / "earlier"
    old.mkdir(parents=True)
    for name in ("device.sqlite", "device.sqlite-wal", "device.sqlite-shm", "journal.sqlite", "lock"):
        (old / name).write_bytes(b"device keys")
    settings = SessionSettings(
        environment="local",
        nats_url=nats_url,
        mongo_url=mongo_url,
        mongo_database=f"t{new_id()[:12]}",
        data_dir=tmp_path / "session",
        node_name=f"node-{new_id()[:8]}",
        simulator_url=simulator.control_url,
    )
    async with open_mongo(settings) as database:
        service = SessionService(settings, database, tmp_path / "session.log")
        await service.start()
        yield service
        await service.close()
        await database.client.drop_database(database.name)


def open_to_others(folder: Path) -> list[str]:
    every = [folder, *folder.rglob("*")]
    return sorted(f"{path.name} {stat.S_IMODE(path.stat().st_mode):o}" for path in every if path.stat().st_mode & 0o077)


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    return dict(entry.partition("=")[::2] for entry in entries if entry)


@pytest.mark.usefixtures("usual_umask", "secrets")
async def test_a_real_worker_keeps_its_files_private_and_has_no_secret(
    service: SessionService, simulator: Simulator, tmp_path: Path
) -> None:
    phone = simulator.world.add_phone("4915112345678", "Anna")
    await service.link(phone)
    bob = simulator.world.add_contact(name="Bob")
    wa_id, _ = bob.write(phone.account, content.text("hello"))
    await service.event(MessageReceived, wa_id=wa_id)
    await service.send("m1", bob.account.number, "hi")
    await service.event(MessageSent, message_id="m1")

    made = {path.name for path in (tmp_path / "session" / service.organization / INSTANCE).iterdir()}
    assert {"device.sqlite", "device.sqlite-wal", "device.sqlite-shm", "journal.sqlite", "lock"} <= made
    assert open_to_others(tmp_path / "session") == []

    (worker,) = await service.workers()
    zygote = psutil.Process(worker["pid"]).ppid()
    assert zygote != service.process.pid
    for pid in (worker["pid"], zygote):
        environment = environment_of(pid)
        assert environment["NEONIZE_BOT_TAG"] == "off"  # it is the right process
        assert not {"NATS_URL", "MONGO_URL", *SECRETS} & environment.keys()
        assert {name for name in environment if name.startswith("WA_")} <= ALLOWED
        assert not any(secret in value for secret in SECRETS.values() for value in environment.values())


@pytest.mark.usefixtures("usual_umask")
def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("not ours")
    inside = tmp_path / "data"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "file link").symlink_to(outside / "file")
    (inside / "own").write_text("ours")
    assert restrict_permissions(inside) == 2
    assert stat.S_IMODE((outside / "file").stat().st_mode) == 0o644
    assert stat.S_IMODE(outside.stat().st_mode) == 0o755
    assert stat.S_IMODE((inside / "own").stat().st_mode) == 0o600
    assert restrict_permissions(inside) == 0
