"""Frames between a worker and its supervisor: none is too large, none is lost without a word, none costs the memory."""

import asyncio
import base64
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.session.ipc.framing import MAX_FRAME_BYTES, read_frame, receive_frame
from services.session.ipc.messages import (
    FROM_WORKER,
    ConnectionUpdate,
    EphemeralObserved,
    FrameTooLarge,
    JournaledEvent,
    LookUpNumber,
    SendPresence,
)
from services.session.supervisor import node
from services.session.supervisor.worker_handle import MAX_UNREAD_BYTES, WorkerHandle
from services.session.worker.ipc_writer import MAX_QUEUED_EPHEMERAL, IpcWriter, pack_bounded
from services.session.worker.journal.journal import Journal
from services.session.worker.journal.journal_forwarder import MAX_UNCONFIRMED_CHARACTERS, JournalForwarder
from services.session.worker.number_lookup_worker import MAX_PENDING_LOOKUPS, NumberLookupWorker
from services.session.worker.presence_worker import MAX_PENDING_JOBS, PresenceWorker
from shared.contracts.events import MessageReceived
from shared.contracts.message import utc_now
from shared.contracts.records import Network, Party
from shared.contracts.registry import DEAD_PREFIX
from tests.fakes.workers import NO_PROCESS_ID
from tests.security.fairness_fixtures import Session, open_session, own_nats, session_settings
from tests.waiting import until

ADDRESS = "wa.event.message.received.acme.sales"


@pytest.fixture
async def session(mongo_url: str, tmp_path: Path) -> AsyncIterator[Session]:
    async with own_nats(tmp_path) as nats_url, open_session(session_settings(nats_url, mongo_url, tmp_path)) as opened:
        yield opened


def entry(sequence: int, body: str, error: str | None = None) -> JournaledEvent:
    return JournaledEvent(instance_id="sales", sequence=sequence, subject=ADDRESS, body=body, error=error)


@pytest.mark.parametrize("error", [None, "Message: unreadable"])
def test_an_entry_that_is_too_large_becomes_a_dead_letter_and_what_follows_is_sent(error: str | None) -> None:
    ours, theirs = socket.socketpair()
    writer = IpcWriter(ours)
    writer.put(entry(1, base64.b64encode(b"x" * 5_000_000).decode(), error))
    writer.put(entry(2, "{}"))
    told, dead, after = (FROM_WORKER.validate_json(receive_frame(theirs) or b"") for _ in range(3))
    assert isinstance(told, FrameTooLarge)
    assert (told.kind, told.instance_id, told.size_bytes > MAX_FRAME_BYTES) == ("JournaledEvent", "sales", True)
    assert isinstance(dead, JournaledEvent)
    assert (dead.sequence, dead.subject, bool(dead.error)) == (1, ADDRESS, True)
    assert 100_000 < len(base64.b64decode(dead.body, validate=True)) < 1_000_000
    assert after == entry(2, "{}")
    ours.close()
    theirs.close()


def test_any_other_frame_that_is_too_large_is_told() -> None:
    frame = ConnectionUpdate(instance_id="sales", event="crashed", reason="x" * 5_000_000)
    told = FROM_WORKER.validate_json(pack_bounded(frame)[4:])
    assert isinstance(told, FrameTooLarge)
    assert told.kind == "ConnectionUpdate"


async def test_it_is_counted_and_its_dead_letter_is_in_the_stream(session: Session) -> None:
    await session.connected("acme", "sales")
    counted = node.TOO_LARGE.labels("JournaledEvent")._value.get()
    worker, frames = session.workers.last, pack_bounded(entry(1, "y" * 5_000_000))
    assert worker._writer
    worker._writer.write(frames)
    event = MessageReceived(
        organization_id="acme", instance_id="sales", wa_id="W", sender=Party(phone="1"), timestamp=utc_now()
    )
    worker.send_event("sales", 2, event.full_subject, event.model_dump_json())
    await session.bus.event(MessageReceived, wa_id="W")
    await until(lambda: worker.confirmed() == 2)
    letter = await session.bus.js.get_last_msg("WA_DEAD", DEAD_PREFIX + ADDRESS)
    assert "larger than" in (letter.headers or {})["x-error"]
    assert node.TOO_LARGE.labels("JournaledEvent")._value.get() == counted + 1


async def test_a_length_no_frame_can_have_ends_the_connection() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack(">I", 2**32 - 1) + b"x" * 100)
    assert await read_frame(reader) is None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(struct.pack(">I", MAX_FRAME_BYTES + 1))
        assert receive_frame(theirs) is None


async def test_a_worker_that_reads_nothing_is_cut_off_before_it_costs_the_memory() -> None:
    ours, theirs = socket.socketpair()
    worker, ended = WorkerHandle("deaf", NO_PROCESS_ID, Network.WHATSAPP, ours), asyncio.Event()

    async def ignore(*_: object) -> None:
        ended.set()

    await worker.open(ignore, ignore)
    for number in range(100):
        worker.send(LookUpNumber(instance_id="sales", call_id="x" * 1_000_000, phone_number=str(number)))
    assert worker._writer
    assert worker._writer.transport.get_write_buffer_size() <= MAX_UNREAD_BYTES + 2_000_000
    await asyncio.wait_for(ended.wait(), 10)
    theirs.close()


def test_entries_on_their_way_are_bounded_in_characters_too() -> None:
    journal, sent = Journal(Path(":memory:")), list[JournaledEvent]()
    for number in range(40):
        journal.append(ADDRESS, str(number) * 1_000_000)
    forwarder = JournalForwarder("sales", journal, sent.append, lambda kept: [kept])
    forwarder.start()
    confirmed = 0
    while len(journal):
        _wait(lambda: sent[-1:] and sent[-1].sequence > confirmed)  # noqa: B023
        assert sum(len(one.body) for one in sent if one.sequence > confirmed) <= 3 * MAX_UNCONFIRMED_CHARACTERS
        confirmed = sent[-1].sequence
        forwarder.confirm(confirmed)
    assert forwarder.stop(5)
    journal.close()


def test_what_is_only_live_does_not_pile_up_in_a_worker() -> None:
    ours, theirs = socket.socketpair()
    writer = IpcWriter(ours)
    for _ in range(20 * MAX_QUEUED_EPHEMERAL):
        writer.put(EphemeralObserved(instance_id="sales", subject="s", body="b" * 200))
    assert writer._frames.qsize() <= MAX_QUEUED_EPHEMERAL
    theirs.close()
    ours.close()


class Hanging:
    """A library whose calls do not return until they are let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: self.go.wait(20)


def test_what_waits_for_a_library_that_hangs_is_bounded() -> None:
    library: Any = Hanging()
    connected = threading.Event()
    connected.set()
    answered: list[Any] = []
    lookups = NumberLookupWorker(library, connected, answered.append)
    for number in range(10 * MAX_PENDING_LOOKUPS):
        lookups.put(LookUpNumber(instance_id="sales", call_id=str(number), phone_number="1"))
    assert len(answered) == 9 * MAX_PENDING_LOOKUPS
    presence = PresenceWorker(library, connected, answered.append)
    for _ in range(10 * MAX_PENDING_JOBS):
        presence.put(SendPresence(instance_id="sales", to="1", action="composing", until=utc_now()))
    assert presence._jobs.qsize() <= MAX_PENDING_JOBS
    library.go.set()
    lookups.stop()


def _wait(condition: Any) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
