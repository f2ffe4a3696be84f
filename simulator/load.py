"""A load run: contacts write at a steady rate, each text carrying its number and time of sending."""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

from simulator.people import content
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone


@dataclass(frozen=True)
class LoadPlan:
    """`rate` messages per second over all contacts and phones, `count` in all. The phones get messages in turn."""

    phones: tuple[SimulatedPhone, ...]
    contacts: tuple[SimulatedContact, ...]
    rate: float
    count: int


class LoadRun:
    """Message n is due `n / rate` seconds after the start; a late one does not delay those after it."""

    def __init__(self, plan: LoadPlan) -> None:
        self._plan = plan
        self._ids: list[str] = []
        self._worst_delay = 0.0
        self._started = self._ended = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        self._started = time.time()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def progress(self) -> dict[str, Any]:
        """Rates in messages per second, times in seconds."""
        seconds = (self._ended or time.time()) - self._started
        return {
            "running": self.running,
            "to": [phone.account.number for phone in self._plan.phones],
            "planned": self._plan.count,
            "sent": len(self._ids),
            "seconds": seconds,
            "rate": len(self._ids) / seconds if seconds > 0 else 0.0,
            "worst_delay": self._worst_delay,
        }

    def ids(self) -> list[str]:
        """Message ids in the order of sending."""
        return list(self._ids)

    async def _run(self) -> None:
        begin, plan = time.monotonic(), self._plan
        for number in range(plan.count):
            due = begin + number / plan.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self._worst_delay = max(self._worst_delay, time.monotonic() - due)
            turn, place = divmod(number, len(plan.phones))
            contact, account = plan.contacts[turn % len(plan.contacts)], plan.phones[place].account
            words = json.dumps({"n": number, "sent_at": time.time()})
            self._ids.append(contact.write(account, content.text(words))[0])
        self._ended = time.time()
