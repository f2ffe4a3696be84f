"""An InstanceThread with a fake client, and the frames it sends."""

import queue
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.session.ipc.messages import Frame, Start
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.library.whatsapp_port import OwnDevice
from tests.fakes.whatsapp_client import FakeWhatsAppClient

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class RunningInstance:
    """The client is started; it is not connected before `link`."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.client = FakeWhatsAppClient()
        self.frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        start = Start(instance_id="sales", organization_id="acme", directory=str(folder), **options)
        self.thread = InstanceThread(start, self.client.create, self.frames.put, lambda _: None)
        self.thread.start()
        assert self.client.connected.wait(10)

    def next_frame(self) -> Any:
        return self.frames.get(timeout=10)

    def link(self) -> "RunningInstance":
        self.client.listener.on_device(OwnDevice("49151:1@s.whatsapp.net", "49151", "77"))
        self.client.listener.on_event("Connected", None)
        assert self.next_frame().event == "connected"
        return self

    def end(self) -> None:
        self.thread.stop(supervisor_gone=True)
        self.thread.thread.join(10)
