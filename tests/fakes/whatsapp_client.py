"""A WhatsAppClient without WhatsApp: the test gives its replies and reads what was asked of it."""

import queue
import threading
from collections.abc import Sequence

from services.session.ipc.messages import Start
from services.session.worker.chat_timers import ChatTimer
from services.session.worker.library.whatsapp_port import (
    AcceptedMessage,
    ClientListener,
    RegisteredNumber,
    WhatsAppError,
)
from shared.contracts.ephemeral import TypingState


class FakeWhatsAppClient:
    def __init__(self) -> None:
        self.listener: ClientListener
        self.ended_with: list[str] = []
        """Which of `logout`, `close` and `delete_keys` were called, in order."""
        self.connected = threading.Event()
        self.send_results: queue.SimpleQueue[AcceptedMessage | WhatsAppError] = queue.SimpleQueue()
        """What the next `send_text` returns or raises; it blocks until there is one."""
        self.presence_calls: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.logout_error: str | None = None
        self.mark_read_error: str | None = None

    def create(self, start: Start, listener: ClientListener) -> "FakeWhatsAppClient":
        self.listener = listener
        return self

    def connect(self) -> None:
        self.connected.set()

    def request_pairing_code(self, phone: str) -> str:
        if phone == "4900":
            raise WhatsAppError("no such number")
        return "ABCDEFGH"

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        result = self.send_results.get()
        if isinstance(result, WhatsAppError):
            raise result
        return result

    def send_presence(self, online: bool) -> None:
        self.presence_calls.put("online" if online else "offline")

    def send_typing(self, to: str, state: TypingState) -> None:
        self.presence_calls.put(f"{state} to {to}")

    def subscribe_presence(self, to: str) -> None:
        self.presence_calls.put(f"subscribe {to}")

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        if self.mark_read_error:
            raise WhatsAppError(self.mark_read_error)
        self.presence_calls.put(f"read {' '.join(wa_ids)} of {sender}")

    def look_up_number(self, number: str) -> RegisteredNumber:
        if number == "4900":
            raise WhatsAppError("info query timed out")
        return RegisteredNumber(phone=number[:-1])

    def logout(self) -> None:
        self.ended_with.append("logout")
        if self.logout_error:
            raise WhatsAppError(self.logout_error)

    def close(self) -> None:
        self.ended_with.append("close")

    def delete_keys(self) -> None:
        self.ended_with.append("delete_keys")
