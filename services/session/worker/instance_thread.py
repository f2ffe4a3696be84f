"""One account in a worker, from Start to its end: a thread that owns the lock, the journal and the connection.

The library's callbacks only append to the journal or leave a note in `_notes`; everything else happens on this thread.
"""

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.session.ipc.messages import (
    ConnectionUpdate,
    Frame,
    LookUpNumber,
    ReadReceiptsResult,
    Send,
    SendPresence,
    SendReadReceipts,
    Start,
)
from services.session.worker import send_results
from services.session.worker.account_lock import AccountLock
from services.session.worker.chat_timers import ChatTimers
from services.session.worker.connection_events import ENDS, change_of_event, change_of_failure, change_of_login
from services.session.worker.event_mapping import Account
from services.session.worker.journal import Journal
from services.session.worker.journal_forwarder import Pump
from services.session.worker.journal_writer import Intake
from services.session.worker.number_lookup import Lookups, unanswered
from services.session.worker.pairing import Pairing
from services.session.worker.presence import NOT_CONNECTED, Attention
from services.session.worker.sender import Sender
from services.session.worker.stanzas import LoginFailure
from services.session.worker.whatsapp_port import Device, Listener, WhatsApp, WhatsAppError
from shared.contracts.message import utc_now

PUBLISH_GRACE = 5.0
"""Seconds an ending instance waits for its last entries to be published; what is left is sent at the next start."""

log = logging.getLogger(__name__)
OpenWhatsApp = Callable[[Start, Listener], WhatsApp]
Tell = Callable[[Frame], None]


@dataclass(frozen=True)
class _StopAsked:
    logout: bool


class Instance:
    """`start()`, then `stop()` once. `ended` is called on its last breath; a Listener for the library."""

    def __init__(
        self, start: Start, open_whatsapp: OpenWhatsApp, send: Tell, ended: Callable[["Instance"], None]
    ) -> None:
        self.instance_id = start.instance_id
        self._start, self._open, self._send, self._ended = start, open_whatsapp, send, ended
        self._notes: queue.SimpleQueue[ConnectionUpdate | _StopAsked | str] = queue.SimpleQueue()
        self._connected, self._stopping = threading.Event(), threading.Event()
        self._replaced, self._forget_keys, self._grace = False, False, PUBLISH_GRACE
        self._device: Device | None = None
        self._sender: Sender | None = None
        self._attention: Attention | None = None
        self._lookups: Lookups | None = None
        self._pump: Pump | None = None
        self.thread = threading.Thread(target=self._run, name=f"instance-{start.instance_id}", daemon=True)

    # --- asked by the supervisor

    def start(self) -> None:
        self.thread.start()

    def stop(self, *, logout: bool = False, hurry: bool = False) -> None:
        """`hurry`: nobody is there to publish the last entries, they wait for the next start."""
        self._grace = 0.0 if hurry else PUBLISH_GRACE
        self._stopping.set()
        self._notes.put(_StopAsked(logout))

    def give_way(self) -> None:
        """Stop without a word: the supervisor has started the account anew."""
        self._replaced = True
        self.stop()

    def send(self, send: Send) -> None:
        if pump := self._pump:
            pump.follow(send.order_key)
        if sender := self._sender:
            sender.put(send)
        else:
            self._send(send_results.failed(send, "not_connected", NOT_CONNECTED))

    def attend(self, wish: SendPresence | SendReadReceipts) -> None:
        if attention := self._attention:
            attention.put(wish)
        elif isinstance(wish, SendReadReceipts):
            self._send(ReadReceiptsResult(instance_id=self.instance_id, call_id=wish.call_id, error=NOT_CONNECTED))

    def resolve(self, asked: LookUpNumber) -> None:
        if lookups := self._lookups:
            lookups.put(asked)
        else:
            self._send(unanswered(asked, NOT_CONNECTED))

    def published(self, sequence: int) -> None:
        """The journal may be closing: what cannot be forgotten now is sent once more and recognised by its id."""
        if pump := self._pump:
            with suppress(sqlite3.Error):
                pump.published(sequence)

    # --- told by the library, on its threads

    def on_device(self, device: Device) -> None:
        self._device = device

    def on_qr(self, code: str) -> None:
        self._notes.put(code)

    def on_login(self, status: str) -> None:
        self._note(change_of_login(self.instance_id, status))

    def on_bytes(self, name: str, raw: bytes) -> bool:
        if not self._intake.take(name, raw):
            return False
        if pump := self._pump:
            pump.nudge()
        return True

    def on_event(self, name: str, event: Any) -> None:
        if change := change_of_event(self.instance_id, name, event, utc_now()):
            self._note(change)
        elif noticed := self._intake.noticed(name, event):
            self._send(noticed)

    def on_broken(self, name: str) -> None:
        self._intake.count(f"broken-{name}")

    def on_refused(self, failure: LoginFailure) -> None:
        self._note(change_of_failure(self.instance_id, failure, utc_now()))

    def on_ended(self, error: str | None, reached: bool) -> None:
        self._note(self._changed("interrupted" if reached else "unreachable", (error or "the library ended")[:500]))

    def _note(self, change: ConnectionUpdate | None) -> None:
        if change is None:
            return
        if change.event == "connected":
            self._connected.set()
            if attention := self._attention:
                attention.connected()
        elif change.event != "paired":
            self._connected.clear()
            if attention := self._attention:
                attention.disconnected()
        self._notes.put(change)

    # --- the thread

    def _run(self) -> None:
        try:
            last = self._locked(Path(self._start.directory))
        except Exception as error:
            log.exception("the connection failed", extra={"instance_id": self.instance_id})
            last = self._changed("crashed", f"{type(error).__name__}: {error}"[:500])
        self._ended(self)
        if self._replaced:
            return
        self._send(last)
        if self._stopping.is_set() and last.event != "stopped":  # it ended by itself just before
            self._send(self._changed("stopped"))

    def _locked(self, directory: Path) -> ConnectionUpdate:
        """Wait until no other process has the account."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = AccountLock(directory / "lock")
        try:
            held = lock.acquire(give_up=self._stopping.wait)
            return self._hold(directory) if held else self._changed("stopped")
        finally:
            lock.release()

    def _hold(self, directory: Path) -> ConnectionUpdate:
        """Own the account; how it ended."""
        journal = Journal(directory / "journal.sqlite")
        timers = ChatTimers(directory / "chat_timers.sqlite", anew=not self._start.linked)
        self._intake = Intake(Account(self._start.organization_id, self.instance_id), journal, timers)
        pump = self._pump = Pump(self.instance_id, journal, self._send, self._intake.entries)
        pump.start(lambda error: self._notes.put(self._changed("crashed", repr(error)[:500])))
        try:
            return self._live(timers)
        finally:
            if not pump.finish(self._grace):
                log.warning("entries are left", extra={"instance_id": self.instance_id, "left": len(journal)})
            self._pump = None
            journal.close()
            timers.close()
            log.info("closed", extra={"instance_id": self.instance_id, "ignored": dict(self._intake.ignored)})

    def _live(self, timers: ChatTimers) -> ConnectionUpdate:
        whatsapp = self._open(self._start, self)
        sender = self._sender = Sender(whatsapp, self._connected, self._send, timers.of)
        attention = self._attention = Attention(whatsapp, self._connected, self._send)
        lookups = self._lookups = Lookups(whatsapp, self._connected, self._send)
        pairing = Pairing(self._start, whatsapp, self._send, self._note)
        try:
            whatsapp.connect()
            return self._follow(whatsapp, pairing)
        finally:
            self._sender = self._attention = self._lookups = None
            self._connected.clear()
            lookups.finish()
            whatsapp.close()
            sender.finish()
            attention.finish()
            if self._forget_keys:
                whatsapp.forget()

    def _follow(self, whatsapp: WhatsApp, pairing: Pairing) -> ConnectionUpdate:
        """Pass on what happens until something ends it."""
        while True:
            note = self._notes.get()
            if isinstance(note, str):
                if self._start.linked:
                    return self._changed("keys_missing")
                pairing.offer(note, utc_now())
            elif isinstance(note, _StopAsked):
                return self._logged_out(whatsapp) if note.logout else self._changed("stopped")
            elif note.event in ENDS:
                return note
            else:
                self._send(self._with_addresses(note))

    def _logged_out(self, whatsapp: WhatsApp) -> ConnectionUpdate:
        """The keys go even when WhatsApp could not be told: that is what was asked for."""
        self._forget_keys = True
        try:
            whatsapp.logout()
        except WhatsAppError as error:
            log.warning("WhatsApp was not told of the logout: %s", error, extra={"instance_id": self.instance_id})
            return self._changed("stopped", f"logout_failed: {error}"[:500])
        return self._changed("stopped")

    def _with_addresses(self, change: ConnectionUpdate) -> ConnectionUpdate:
        if change.event not in ("paired", "connected") or not (device := self._device):
            return change
        return change.model_copy(update={"phone_number": device.phone, "lid": device.lid, "jid": device.jid})

    def _changed(self, state: Any, reason: str | None = None) -> ConnectionUpdate:
        return ConnectionUpdate(instance_id=self.instance_id, event=state, reason=reason)
