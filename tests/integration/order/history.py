"""A random history of three people and one account, and what has to be true of the order afterwards."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from services.session.worker.mapping.journal_mapping import protobuf_class
from shared.contracts.message import utc_now
from tests.integration.order.account import HostClock, LinkedAccount
from tests.integration.order.readers import SocketListener
from tests.unit.session.messages import with_required_fields

PEOPLE = ("4915100000001", "4915100000002", "4915100000003")
OWNER = "4915112345678"
MAX_SKEW_S = 180
"""Seconds that a clock may be ahead or behind."""
ACTIONS = {
    "write": 10,
    "burst": 4,
    "answer": 6,
    "type_on_phone": 3,
    "receipt": 3,
    "read": 2,
    "redeliver": 4,
    "step_clock": 4,
    "restart_worker": 1,
    "leave_or_come": 3,
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
    """`arrived`: per person the texts in the order in which the journal got them. `before`: per answer what its reader
    knew. `after`: per text the answers that were handed to the account before it arrived."""

    scene: OrderScenario
    dice: random.Random
    arrived: dict[str, list[str]] = field(default_factory=lambda: {person: [] for person in PEOPLE})
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """Person by text."""
    read_keys: dict[str, int] = field(default_factory=dict)
    _delivered: list[Any] = field(default_factory=list)
    _skews: dict[str, int] = field(default_factory=dict)
    _is_away: bool = False

    async def run(self, steps: int) -> None:
        self._skews = {person: self.dice.randint(-MAX_SKEW_S, MAX_SKEW_S) for person in PEOPLE}
        for person in PEOPLE:
            self._deliver(person)
        for _ in range(steps):
            action = self.dice.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            await getattr(self, f"_{action}")(self.dice.choice(PEOPLE))
            if self.dice.random() < 0.5:
                await asyncio.sleep(self.dice.random() * 0.03)
        if self._is_away:
            await self._leave_or_come("")

    @property
    def texts(self) -> set[str]:
        return {text for texts in self.arrived.values() for text in texts} | set(self.answers)

    def _deliver(self, person: str, *, from_me: bool = False) -> None:
        text = f"{len(self._delivered)} {'phone' if from_me else 'from'} {person[-1]}"
        seconds = int(utc_now().timestamp()) + self._skews[person]
        message = wire(text, person, seconds, from_me=from_me)
        self.after[text] = [known for known in self.scene.account.handed_over if self.answers[known] == person]
        self.scene.account.deliver(message)
        self.arrived[person].append(text)
        self._delivered.append(message)

    async def _write(self, person: str) -> None:
        self._deliver(person)

    async def _burst(self, person: str) -> None:
        for _ in range(self.dice.randint(2, 4)):
            self._deliver(person)

    async def _type_on_phone(self, person: str) -> None:
        self._deliver(person, from_me=True)

    async def _answer(self, person: str) -> None:
        """To what the reader has seen by now; who writes does not wait for what is under way."""
        text = f"{len(self.answers)} to {person[-1]}"
        self.answers[text] = person
        heard = {message["content"] for message in self.scene.present.messages.values()}
        self.before[text] = [each for each in [*self.arrived[person], *self.answers] if each in heard]
        self.before[text] = [each for each in self.before[text] if self.answers.get(each, person) == person]
        path = f"/api/whatsapp/instances/{self.scene.instance_id}/send"
        answer = await self.scene.http.post(path, json={"to": person, "message": text})
        assert answer.status_code in (200, 202), answer.text

    async def _receipt(self, _person: str) -> None:
        """Somebody's phone has one of our messages, or not for it yet: the router keeps it."""
        if self.answers:
            text = self.dice.choice(list(self.answers))
            status: Literal["delivered", "read"] = self.dice.choice(["delivered", "read"])
            await self.scene.account.receipt(text, self.answers[text], status)

    async def _read(self, _person: str) -> None:
        talks = (await self.scene.http.get("/api/conversations")).json()["data"]
        if not talks:
            return
        talk = self.dice.choice(talks)
        answer = await self.scene.http.post(f"/api/conversations/{talk['id']}/read")
        assert answer.status_code == 200, answer.text
        known = self.read_keys.get(talk["id"], 0)
        self.read_keys[talk["id"]] = max(known, int(answer.json()["data"]["order_key"]))

    async def _redeliver(self, _person: str) -> None:
        """WhatsApp sends again what it is not sure that we have, later than the stream recognises it by its id."""
        heard = {message["content"] for message in self.scene.present.messages.values()}
        if recorded := [each for each in self._delivered if each.Message.conversation in heard]:
            self.scene.account.deliver(self.dice.choice(recorded))

    async def _step_clock(self, _person: str) -> None:
        self.scene.clock.offset_s = self.dice.uniform(-MAX_SKEW_S, MAX_SKEW_S)

    async def _restart_worker(self, _person: str) -> None:
        await self.scene.account.close()
        self.scene.account.open()

    async def _leave_or_come(self, _person: str) -> None:
        if self._is_away:
            await self.scene.absent.open(self.scene.origin, self.scene.token)
        else:
            await self.scene.absent.close()
        self._is_away = not self._is_away

    def check(self, thread: list[str], person: str) -> None:
        """What one may rely on, for the thread of this person."""
        place = {text: number for number, text in enumerate(thread)}
        assert set(place) == {*self.arrived[person], *(text for text, to in self.answers.items() if to == person)}
        assert [text for text in thread if text not in self.answers] == self.arrived[person]
        for answer, to in self.answers.items():
            if to == person:
                assert all(place[seen] < place[answer] for seen in self.before[answer]), answer
        for text in self.arrived[person]:
            assert all(place[answer] < place[text] for answer in self.after[text]), text
