"""A linked account: the worker's instance with its journal; the test plays the supervisor and WhatsApp.

The test sets the clock of its host, which may be minutes ahead and step back.
"""

import asyncio
import queue
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.session.ipc.messages import Frame, JournaledEvent, Send, SendResult, Start
from services.session.worker import instance_thread as module
from services.session.worker.chat_timers import ChatTimer
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.journal.journal import Journal
from services.session.worker.library.whatsapp_port import AcceptedMessage, OwnDevice
from shared.contracts.commands import SendText
from shared.contracts.events import MessageReceived, MessageSent, ReceiptReceived
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.registry import parse_event
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from tests.fakes.whatsapp_client import FakeWhatsAppClient
from tests.subscriptions import subscribed


class HostClock:
    """Nanoseconds since 1970, as the host of the session service believes."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> int:
        return time.time_ns() + int(self.offset_s * 1e9)


class Library(FakeWhatsAppClient):
    """Accepts every text at once."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted: dict[str, str] = {}
        """WhatsApp's id by text."""

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        self.accepted[text] = f"OUT-{text}"
        return AcceptedMessage(self.accepted[text], utc_now().replace(microsecond=0))


class LinkedAccount:
    def __init__(self, folder: Path, organization_id: str, instance_id: str, nats: Client, dice: random.Random) -> None:
        self._start = Start(instance_id=instance_id, organization_id=organization_id, directory=str(folder))
        self._publish, self._dice = Publisher(jetstream(nats)), dice
        self._said: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._commands: dict[str, SendText] = {}
        self.sent_texts: list[str] = []
        """Texts that the worker was asked to send, in this order."""

    def open(self) -> None:
        """Connect, also again: a new process finds the journal that the one before left."""
        self._library = Library()
        self._instance = InstanceThread(self._start, self._library.create, self._said.put, lambda _: None)
        self._instance.start()
        assert self._library.connected.wait(10)
        self._library.listener.on_device(OwnDevice("4915112345678:1@s.whatsapp.net", "4915112345678", "77"))
        self._library.listener.on_event("Connected", None)

    async def close(self) -> None:
        """Without waiting until everything is published: the next one publishes the rest."""
        self._instance.stop(supervisor_gone=True)
        await asyncio.to_thread(self._instance.thread.join, 20)

    def deliver(self, message: Any) -> None:
        """What the library calls with a message of WhatsApp."""
        assert self._library.listener.on_raw_event("Message", message.SerializeToString())

    async def send(self, message: Msg) -> None:
        """As the supervisor does with a command."""
        command = SendText.model_validate_json(message.data)
        if command.message_id in self._commands:
            return
        self._commands[command.message_id] = command
        self._instance.handle(
            Send(
                instance_id=command.instance_id,
                call_id=command.message_id,
                to=command.to.phone or "",
                text=command.text,
                order_key=command.order_key,
            )
        )
        self.sent_texts.append(command.text)

    async def publish(self) -> None:
        """Publish what the worker writes, until the end. Some entries are published twice, as after a crash."""
        while (frame := await asyncio.to_thread(self._said.get)) is not None:
            if isinstance(frame, JournaledEvent):
                event = parse_event(frame.subject, frame.body.encode())
                assert isinstance(event, MessageReceived), frame
                await self._publish(event)
                if self._dice.random() < 0.2:
                    await self._publish(event.model_copy(update={"id": new_id()}))
                self._instance.confirm(frame.sequence)
            elif isinstance(frame, SendResult):
                command = self._commands[frame.call_id]
                ids = command.model_dump(include={"organization_id", "instance_id", "message_id"})
                sent = MessageSent(wa_id=str(frame.wa_id), timestamp=frame.timestamp or utc_now(), **ids)
                await self._publish(sent)

    async def receipt(self, text: str, person: str, status: Literal["delivered", "read"]) -> None:
        """Of the message with this text, once WhatsApp has accepted it; it may overtake what says so."""
        if wa_id := self._library.accepted.get(text):
            ids = {"organization_id": self._start.organization_id, "instance_id": self._start.instance_id}
            told = {"wa_ids": [wa_id], "status": status, "sender": {"phone": person}, "timestamp": utc_now()}
            await self._publish(ReceiptReceived.model_validate({**ids, **told}))

    def end(self) -> None:
        self._said.put(None)


@asynccontextmanager
async def linked_account(
    folder: Path, organization_id: str, instance_id: str, nats: Client, dice: random.Random
) -> AsyncIterator[tuple[LinkedAccount, HostClock]]:
    """Connected, with its host's clock."""
    clock = HostClock()
    account = LinkedAccount(folder, organization_id, instance_id, nats, dice)
    with pytest.MonkeyPatch.context() as patch:
        open_journal: Callable[..., Journal] = partial(Journal, clock_ns=clock)
        patch.setattr(module, "Journal", open_journal)
        await nats.subscribe(SendText.subject_filter(organization_id), cb=account.send)
        await subscribed(nats)
        account.open()
        publishing = asyncio.create_task(account.publish())
        try:
            yield account, clock
        finally:
            await account.close()
            account.end()
            await publishing
