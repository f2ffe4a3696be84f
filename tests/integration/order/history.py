"""A random history of three people and one account, and what has to hold for the order afterwards."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from services.session.worker.mapping.journal_mapping import protobuf_class
from shared.contracts.message import utc_now
from tests.integration.order.account import HostClock, LinkedAccount
from tests.integration.order.readers import WAIT_TIMEOUT_S, SocketListener
from tests.unit.session.messages import with_required_fields

PEOPLE = ("4915100000001", "4915100000002", "4915100000003")
OWNER = "4915112345678"
MAX_SKEW_S = 180
"""Seconds that a clock may be ahead or behind."""
ACTIONS = {
    "write": 10,
    "burst": 4,
    "reply": 6,
    "type_on_phone": 3,
    "receipt": 3,
    "read": 2,
    "redeliver": 4,
    "step_clock": 4,
    "restart_worker": 1,
    "toggle_connection": 3,
}
"""How often each of them is drawn, relative to the others."""


def wire(text: str, person: str, seconds: int, *, from_me: bool = False) -> Any:
    """A message as the library delivers it; WhatsApp's time is in whole seconds."""
    message = protobuf_class("Message")()
    message.Info.ID, message.Info.Timestamp, message.Message.conversation = f"W-{text}", seconds, text
    source = message.Info.MessageSource
    source.IsFromMe = from_me
    for jid, user in ((source.Chat, person), (source.Sender, OWNER if from_me else person)):
        jid.User, jid.Server = user, "s.whatsapp.net"
    return with_required_fields(message)


@dataclass
class OrderScenario:
    http: httpx.AsyncClient
    account: LinkedAccount
    clock: HostClock
    present: SocketListener
    """Connected all the time."""
    absent: SocketListener
    """Leaves and comes back."""
    origin: str
    token: str
    instance_id: str


@dataclass
class MessageHistory:
    """arrived: by person the texts in the order in which the journal got them. known_to_reader: by reply what its
    author had received. sent_before: by text the replies that the account had sent before it arrived."""

    testbed: OrderScenario
    generator: random.Random
    arrived: dict[str, list[str]] = field(default_factory=lambda: {person: [] for person in PEOPLE})
    known_to_reader: dict[str, list[str]] = field(default_factory=dict)
    sent_before: dict[str, list[str]] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    """Person by text."""
    read_keys: dict[str, int] = field(default_factory=dict)
    _delivered: list[Any] = field(default_factory=list)
    _skews: dict[str, int] = field(default_factory=dict)
    _is_disconnected: bool = False

    async def run(self, steps: int) -> None:
        self._skews = {person: self.generator.randint(-MAX_SKEW_S, MAX_SKEW_S) for person in PEOPLE}
        for person in PEOPLE:
            self._deliver(person)
        for _ in range(steps):
            action = self.generator.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            await getattr(self, f"_{action}")(self.generator.choice(PEOPLE))
            if self.generator.random() < 0.5:
                await asyncio.sleep(self.generator.random() * 0.03)
        if self._is_disconnected:
            await self._toggle_connection("")

    @property
    def texts(self) -> set[str]:
        return {text for texts in self.arrived.values() for text in texts} | set(self.replies)

    def _deliver(self, person: str, *, from_me: bool = False) -> None:
        text = f"{len(self._delivered)} {'phone' if from_me else 'from'} {person[-1]}"
        seconds = int(utc_now().timestamp()) + self._skews[person]
        message = wire(text, person, seconds, from_me=from_me)
        self.sent_before[text] = [known for known in self.testbed.account.sent_texts if self.replies[known] == person]
        self.testbed.account.deliver(message)
        self.arrived[person].append(text)
        self._delivered.append(message)

    async def _write(self, person: str) -> None:
        self._deliver(person)

    async def _burst(self, person: str) -> None:
        for _ in range(self.generator.randint(2, 4)):
            self._deliver(person)

    async def _type_on_phone(self, person: str) -> None:
        self._deliver(person, from_me=True)

    async def _reply(self, person: str) -> None:
        """A reply to what its author has received by now, without waiting for what is on its way."""
        text = f"{len(self.replies)} to {person[-1]}"
        self.replies[text] = person
        heard = {message["content"] for message in self.testbed.present.messages.values()}
        self.known_to_reader[text] = [each for each in [*self.arrived[person], *self.replies] if each in heard]
        self.known_to_reader[text] = [
            each for each in self.known_to_reader[text] if self.replies.get(each, person) == person
        ]
        path = f"/api/whatsapp/instances/{self.testbed.instance_id}/send"
        answer = await self.testbed.http.post(path, json={"to": person, "message": text})
        assert answer.status_code in (200, 202), answer.text

    async def _receipt(self, _person: str) -> None:
        """A receipt for one of our messages, perhaps before the message has its WhatsApp id."""
        if self.replies:
            text = self.generator.choice(list(self.replies))
            status: Literal["delivered", "read"] = self.generator.choice(["delivered", "read"])
            await self.testbed.account.receipt(text, self.replies[text], status)

    async def _read(self, _person: str) -> None:
        talks = (await self.testbed.http.get("/api/conversations")).json()["data"]
        if not talks:
            return
        talk = self.generator.choice(talks)
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:  # a message that arrives meanwhile is unread in the response, and its key is not the read mark
                answer = await self.testbed.http.post(f"/api/conversations/{talk['id']}/read")
                assert answer.status_code == 200, answer.text
                conversation = answer.json()["data"]
                if not conversation["unread_count"]:
                    break
        known = self.read_keys.get(talk["id"], 0)
        self.read_keys[talk["id"]] = max(known, int(conversation["order_key"]))

    async def _redeliver(self, _person: str) -> None:
        """WhatsApp redelivers a message, later than JetStream deduplicates it by its id."""
        heard = {message["content"] for message in self.testbed.present.messages.values()}
        if recorded := [each for each in self._delivered if each.Message.conversation in heard]:
            self.testbed.account.deliver(self.generator.choice(recorded))

    async def _step_clock(self, _person: str) -> None:
        self.testbed.clock.offset_s = self.generator.uniform(-MAX_SKEW_S, MAX_SKEW_S)

    async def _restart_worker(self, _person: str) -> None:
        await self.testbed.account.close()
        self.testbed.account.open()

    async def _toggle_connection(self, _person: str) -> None:
        if self._is_disconnected:
            await self.testbed.absent.open(self.testbed.origin, self.testbed.token)
        else:
            await self.testbed.absent.close()
        self._is_disconnected = not self._is_disconnected

    def check(self, thread: list[str], person: str) -> None:
        """What holds for the order of this person's thread."""
        place = {text: number for number, text in enumerate(thread)}
        assert set(place) == {*self.arrived[person], *(text for text, to in self.replies.items() if to == person)}
        assert [text for text in thread if text not in self.replies] == self.arrived[person]
        for answer, to in self.replies.items():
            if to == person:
                assert all(place[seen] < place[answer] for seen in self.known_to_reader[answer]), answer
        for text in self.arrived[person]:
            assert all(place[answer] < place[text] for answer in self.sent_before[text]), text
