"""What a simulated person has received, with a long poll."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from simulator.people.content import Reading


@dataclass(frozen=True)
class Received:
    """One message. `sender` is a phone number, `type` how it was encrypted, `at` epoch seconds."""

    id: str
    sender: str
    type: str
    reading: Reading
    chat: str = ""
    at: float = field(default_factory=time.time)


class Inbox:
    """Messages in the order of arrival; the index of the first one is 1."""

    def __init__(self) -> None:
        self._messages: list[Received] = []
        self._bell = asyncio.Event()

    def add(self, received: Received) -> None:
        self._messages.append(received)
        self._bell.set()

    def __len__(self) -> int:
        return len(self._messages)

    def get(self, index: int) -> Received | None:
        return self._messages[index - 1] if 1 <= index <= len(self._messages) else None

    async def after(self, index: int, wait: float) -> list[dict[str, Any]]:
        """Messages behind `index`; waits up to `wait` seconds for the first one."""
        deadline = time.monotonic() + wait
        while len(self._messages) <= index and (left := deadline - time.monotonic()) > 0:
            self._bell.clear()
            try:
                await asyncio.wait_for(self._bell.wait(), left)
            except TimeoutError:
                break
        return [self._show(number) for number in range(index + 1, len(self._messages) + 1)]

    def _show(self, index: int) -> dict[str, Any]:
        received = self._messages[index - 1]
        return {
            "index": index,
            "id": received.id,
            "from": received.sender,
            "chat": received.chat,
            "text": received.reading.words,
            "kind": received.reading.kind,
            "expiration": received.reading.expiration,
            "type": received.type,
            "media": received.reading.describe_media(),
            "at": received.at,
        }
