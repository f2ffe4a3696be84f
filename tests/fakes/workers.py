"""Fake workers in the test's own process: real sockets and frames, no WhatsApp."""

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.session.ipc.framing import pack, read_frame
from services.session.ipc.messages import (
    TO_WORKER,
    ConnectionUpdate,
    EventsConfirmed,
    Frame,
    JournaledEvent,
    LinkingCode,
    Quit,
    Send,
    SendResult,
    Start,
    Stop,
    ToWorker,
)
from shared.contracts.message import utc_now

NO_PROCESS_ID = 50_000_000
"""Larger than any process id, because the supervisor kills workers by process id."""

Script = Callable[["FakeWorker", ToWorker], None]


class FakeWorker:
    """Keeps the frames it received; the script decides what it sends."""

    def __init__(self, name: str, pid: int, script: Script) -> None:
        self.name, self.pid, self._script = name, pid, script
        self.frames: list[ToWorker] = []
        self._writer: asyncio.StreamWriter | None = None

    async def serve(self, connection: socket.socket) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=connection)
        while (body := await read_frame(reader)) is not None:
            frame = TO_WORKER.validate_json(body)
            self.frames.append(frame)
            if isinstance(frame, Quit):
                break
            if isinstance(frame, Start):
                _make_store(Path(frame.directory))
            self._script(self, frame)
        self._writer.close()

    def send(self, frame: Frame) -> None:
        assert self._writer
        self._writer.write(pack(frame))

    def report(self, instance_id: str, state: Any, **more: Any) -> None:
        self.send(ConnectionUpdate(instance_id=instance_id, event=state, **more))

    def send_qr(self, instance_id: str, code: str, attempt: int = 1) -> None:
        expires_at = utc_now() + timedelta(seconds=60)
        self.send(LinkingCode(instance_id=instance_id, kind="qr", code=code, attempt=attempt, expires_at=expires_at))

    def send_event(self, instance_id: str, sequence: int, subject: str, body: str, error: str | None = None) -> None:
        self.send(JournaledEvent(instance_id=instance_id, sequence=sequence, subject=subject, body=body, error=error))

    def die(self) -> None:
        """As the supervisor sees a Go panic or kill -9."""
        assert self._writer
        self._writer.transport.abort()

    def starts(self) -> list[Start]:
        return [frame for frame in self.frames if isinstance(frame, Start)]

    def sends(self) -> list[Send]:
        return [frame for frame in self.frames if isinstance(frame, Send)]

    def confirmed(self) -> int:
        """The highest confirmed sequence; 0 for none."""
        return max((frame.sequence for frame in self.frames if isinstance(frame, EventsConfirmed)), default=0)


def _make_store(directory: Path) -> None:
    """As the library creates it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "device.sqlite").touch()


def obedient(worker: FakeWorker, frame: ToWorker) -> None:
    """Links at once, connects, sends, stops."""
    match frame:
        case Start(instance_id=instance_id):
            worker.report(instance_id, "connected", phone_number="4915112345678", jid="4915112345678:1@s.whatsapp.net")
        case Stop(instance_id=instance_id):
            worker.report(instance_id, "stopped")
        case Send(instance_id=instance_id, call_id=call_id):
            worker.send(
                SendResult(
                    instance_id=instance_id,
                    call_id=call_id,
                    outcome="accepted",
                    wa_id=f"WA-{call_id}",
                    timestamp=utc_now(),
                )
            )


class FakeWorkers:
    """Replaces a zygote. `script` is that of every worker, and may be changed at any time.

    failing_forks: so many forks fail first.
    """

    def __init__(self) -> None:
        self.script: Script = obedient
        self.failing_forks = 0
        self.all: list[FakeWorker] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def fork(self, worker: str) -> tuple[int, socket.socket]:
        if self.failing_forks:
            self.failing_forks -= 1
            raise ConnectionError("the zygote is gone")
        ours, theirs = socket.socketpair()
        fake = FakeWorker(worker, NO_PROCESS_ID + len(self.all), lambda who, frame: self.script(who, frame))
        self.all.append(fake)
        self._tasks.add(asyncio.create_task(fake.serve(theirs)))
        return fake.pid, ours

    async def stop(self) -> None:
        """Nothing to do: the sockets belong to the supervisor."""

    @property
    def last(self) -> FakeWorker:
        return self.all[-1]

    def starts(self) -> list[Start]:
        """Every Start, whichever worker got it."""
        return [start for worker in self.all for start in worker.starts()]
