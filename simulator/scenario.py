"""The scripted day: a few people write to one phone, wait for answers, read them and answer again."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from simulator.people import content
from simulator.people.contact import Contact
from simulator.people.phone import Phone
from simulator.world import World

TYPING_TIME = 1.2  # seconds
PATIENCE = 120.0  # seconds a person waits for an answer


@dataclass(frozen=True)
class Part:
    """What one person says. After each line but the last the person waits for an answer."""

    name: str
    begins_after: float
    lines: tuple[str, ...]


SCRIPT = (
    Part(
        "Clara Becker",
        0,
        (
            "Hello! Do you have a table for four on Friday at eight?",
            "Outside would be lovely, if the weather holds.",
            "Perfect, thank you. See you on Friday!",
        ),
    ),
    Part(
        "Felipe Costa",
        4,
        ("Hi, is the appointment tomorrow still on?", "Could we make it an hour later?", "Great, until tomorrow."),
    ),
    Part("Ines Keller", 9, ("Good morning, what time do you open on Sunday?", "Thanks!")),
)


class Scenario:
    """One run; `progress` tells what has happened so far."""

    def __init__(self, world: World, phone: Phone) -> None:
        self._world, self._phone = world, phone
        self._steps: list[dict[str, Any]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def progress(self) -> dict[str, Any]:
        return {"running": self.running, "phone": self._phone.account.number, "steps": list(self._steps)}

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as people:
            for part in SCRIPT:
                people.create_task(self._play(part, self._person(part.name)))

    def _person(self, name: str) -> Contact:
        """The same people come back on the next day."""
        known = [contact for contact in self._world.contacts.values() if contact.account.name == name]
        contact = known[0] if known else self._world.add_contact(name=name)
        contact.account.auto_receipts = ["delivered"]
        return contact

    async def _play(self, part: Part, contact: Contact) -> None:
        await asyncio.sleep(part.begins_after)
        for position, line in enumerate(part.lines):
            read_so_far = len(contact.inbox)
            await self._say(contact, line)
            if position + 1 < len(part.lines):
                await self._await_answer(contact, read_so_far)

    async def _say(self, contact: Contact, line: str) -> None:
        contact.typing(self._phone.account, "composing")
        await asyncio.sleep(TYPING_TIME)
        contact.typing(self._phone.account, "paused")
        message_id, sent_at = contact.write(self._phone.account, content.text(line))
        self._note("wrote", contact, {"id": message_id, "text": line, "at": sent_at})

    async def _await_answer(self, contact: Contact, read_so_far: int) -> None:
        answers = await contact.inbox.after(read_so_far, PATIENCE)
        if answers:
            contact.receipt(self._phone.account, [answer["id"] for answer in answers], "read")
            self._note("read", contact, {"texts": [answer["text"] for answer in answers]})
        else:
            self._note("gave up waiting", contact, {})

    def _note(self, what: str, contact: Contact, more: dict[str, Any]) -> None:
        self._steps.append({"what": what, "contact": contact.account.number, "name": contact.account.name, **more})
