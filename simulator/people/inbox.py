"""What a simulated person has received, with a long poll."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from simulator.people.content import DecodedMessage


@dataclass(frozen=True)
class ReceivedMessage:
    """One message. `sender` is a phone number, `type` how it was encrypted, `at` epoch seconds."""

    id: str
    sender: str
    type: str
    decoded: DecodedMessage
    chat: str = ""
    at: float = field(default_factory=time.time)


class PersonInbox:
    """Messages in the order of arrival; the index of the first one is 1."""

    def __init__(self) -> None:
        self._messages: list[ReceivedMessage] = []
        self._new_message = asyncio.Event()

    def add(self, message: ReceivedMessage) -> None:
        self._messages.append(message)
        self._new_message.set()

    def __len__(self) -> int:
        return len(self._messages)

    def get(self, index: int) -> ReceivedMessage | None:
        return self._messages[index - 1] if 1 <= index <= len(self._messages) else None

    async def after(self, index: int, wait: float) -> list[dict[str, Any]]:
        """The messages after `index`; waits up to `wait` seconds for the first one."""
        deadline = time.monotonic() + wait
        while len(self._messages) <= index and (remaining_s := deadline - time.monotonic()) > 0:
            self._new_message.clear()
            try:
                await asyncio.wait_for(self._new_message.wait(), remaining_s)
            except TimeoutError:
                break
        return [self._as_json(number) for number in range(index + 1, len(self._messages) + 1)]

    def _as_json(self, index: int) -> dict[str, Any]:
        message = self._messages[index - 1]
        return {
            "index": index,
            "id": message.id,
            "from": message.sender,
            "chat": message.chat,
            "text": message.decoded.words,
            "kind": message.decoded.kind,
            "expiration": message.decoded.expiration,
            "type": message.type,
            "media": message.decoded.describe_media(),
            "at": message.at,
        }
