"""The demo: a few contacts write to one phone by a script, wait for answers, read them and write again."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from simulator.people import content
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.world import World

TYPING_S = 1.2
ANSWER_TIMEOUT_S = 120.0  # a contact without an answer stops after this time


@dataclass(frozen=True)
class ScriptPart:
    """The lines of one contact, who waits for an answer after each line but the last."""

    name: str
    begins_after: float
    lines: tuple[str, ...]


SCRIPT = (
    ScriptPart(
        "Clara Becker",
        0,
        (
            "Hello! Do you have a table for four on Friday at eight?",
            "Outside would be lovely, if the weather holds.",
            "Perfect, thank you. See you on Friday!",
        ),
    ),
    ScriptPart(
        "Felipe Costa",
        4,
        ("Hi, is the appointment tomorrow still on?", "Could we make it an hour later?", "Great, until tomorrow."),
    ),
    ScriptPart("Ines Keller", 9, ("Good morning, what time do you open on Sunday?", "Thanks!")),
)


class DemoScenario:
    """One run of the demo; `progress` has the steps so far."""

    def __init__(self, world: World, phone: SimulatedPhone) -> None:
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

    def _person(self, name: str) -> SimulatedContact:
        """The contact of this name; an earlier run's contact is used again."""
        same_name = [contact for contact in self._world.contacts.values() if contact.account.name == name]
        contact = same_name[0] if same_name else self._world.add_contact(name=name)
        contact.account.auto_receipts = ["delivered"]
        return contact

    async def _play(self, part: ScriptPart, contact: SimulatedContact) -> None:
        await asyncio.sleep(part.begins_after)
        for position, line in enumerate(part.lines):
            read_so_far = len(contact.inbox)
            await self._write_line(contact, line)
            if position + 1 < len(part.lines):
                await self._await_answer(contact, read_so_far)

    async def _write_line(self, contact: SimulatedContact, line: str) -> None:
        contact.typing(self._phone.account, "composing")
        await asyncio.sleep(TYPING_S)
        contact.typing(self._phone.account, "paused")
        message_id, sent_at = contact.write(self._phone.account, content.text(line))
        self._record_step("wrote", contact, {"id": message_id, "text": line, "at": sent_at})

    async def _await_answer(self, contact: SimulatedContact, read_so_far: int) -> None:
        answers = await contact.inbox.after(read_so_far, ANSWER_TIMEOUT_S)
        if answers:
            contact.receipt(self._phone.account, [answer["id"] for answer in answers], "read")
            self._record_step("read", contact, {"texts": [answer["text"] for answer in answers]})
        else:
            self._record_step("gave up waiting", contact, {})

    def _record_step(self, what: str, contact: SimulatedContact, more: dict[str, Any]) -> None:
        self._steps.append({"what": what, "contact": contact.account.number, "name": contact.account.name, **more})
