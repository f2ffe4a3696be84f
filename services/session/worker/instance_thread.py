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
from services.session.worker.connection_events import (
    FINAL_EVENTS,
    update_from_event,
    update_from_login_failure,
    update_from_pairing_status,
)
from services.session.worker.journal.journal import Journal
from services.session.worker.journal.journal_forwarder import JournalForwarder
from services.session.worker.journal.journal_writer import JournalWriter
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.library.whatsapp_port import ClientListener, OwnDevice, WhatsAppClient, WhatsAppError
from services.session.worker.mapping.event_mapping import InstanceIdentity
from services.session.worker.number_lookup_worker import NumberLookupWorker, lookup_failed
from services.session.worker.pairing import PairingAttempt
from services.session.worker.presence_worker import NOT_CONNECTED_ERROR, PresenceWorker
from services.session.worker.sender import Sender
from shared.contracts.message import utc_now

PUBLISH_GRACE_S = 5.0
"""Seconds an ending instance waits for its last entries to be published; what is left is sent at the next start."""

log = logging.getLogger(__name__)
CreateClient = Callable[[Start, ClientListener], WhatsAppClient]
SendFrame = Callable[[Frame], None]


@dataclass(frozen=True)
class _StopRequest:
    logout: bool


class InstanceThread:
    """`start()`, then `stop()` once. `ended` is called on its last breath; a Listener for the library."""

    def __init__(
        self, start: Start, open_whatsapp: CreateClient, send: SendFrame, ended: Callable[["InstanceThread"], None]
    ) -> None:
        self.instance_id = start.instance_id
        self._settings, self._create_client, self._send_frame, self._on_closed = start, open_whatsapp, send, ended
        self._signals: queue.SimpleQueue[ConnectionUpdate | _StopRequest | str] = queue.SimpleQueue()
        self._connected, self._stopping = threading.Event(), threading.Event()
        self._is_superseded, self._delete_keys, self._publish_grace_s = False, False, PUBLISH_GRACE_S
        self._device: OwnDevice | None = None
        self._sender: Sender | None = None
        self._presence: PresenceWorker | None = None
        self._number_lookups: NumberLookupWorker | None = None
        self._forwarder: JournalForwarder | None = None
        self.thread = threading.Thread(target=self._run, name=f"instance-{start.instance_id}", daemon=True)

    # --- asked by the supervisor

    def start(self) -> None:
        self.thread.start()

    def stop(self, *, logout: bool = False, hurry: bool = False) -> None:
        """`hurry`: nobody is there to publish the last entries, they wait for the next start."""
        self._publish_grace_s = 0.0 if hurry else PUBLISH_GRACE_S
        self._stopping.set()
        self._signals.put(_StopRequest(logout))

    def supersede(self) -> None:
        """Stop without a word: the supervisor has started the account anew."""
        self._is_superseded = True
        self.stop()

    def send(self, send: Send) -> None:
        if pump := self._forwarder:
            pump.advance_past(send.order_key)
        if sender := self._sender:
            sender.put(send)
        else:
            self._send_frame(send_results.failed(send, "not_connected", NOT_CONNECTED_ERROR))

    def request_presence(self, wish: SendPresence | SendReadReceipts) -> None:
        if attention := self._presence:
            attention.put(wish)
        elif isinstance(wish, SendReadReceipts):
            self._send_frame(
                ReadReceiptsResult(instance_id=self.instance_id, call_id=wish.call_id, error=NOT_CONNECTED_ERROR)
            )

    def look_up_number(self, asked: LookUpNumber) -> None:
        if lookups := self._number_lookups:
            lookups.put(asked)
        else:
            self._send_frame(lookup_failed(asked, NOT_CONNECTED_ERROR))

    def confirm(self, sequence: int) -> None:
        """The journal may be closing: what cannot be forgotten now is sent once more and recognised by its id."""
        if pump := self._forwarder:
            with suppress(sqlite3.Error):
                pump.confirm(sequence)

    # --- told by the library, on its threads

    def on_device(self, device: OwnDevice) -> None:
        self._device = device

    def on_qr(self, code: str) -> None:
        self._signals.put(code)

    def on_pairing_status(self, status: str) -> None:
        self._on_update(update_from_pairing_status(self.instance_id, status))

    def on_raw_event(self, name: str, raw: bytes) -> bool:
        if not self._journal_writer.append(name, raw):
            return False
        if pump := self._forwarder:
            pump.notify()
        return True

    def on_event(self, name: str, event: Any) -> None:
        if change := update_from_event(self.instance_id, name, event, utc_now()):
            self._on_update(change)
        elif noticed := self._journal_writer.ephemeral_frame(name, event):
            self._send_frame(noticed)

    def on_malformed_event(self, name: str) -> None:
        self._journal_writer.count_ignored(f"broken-{name}")

    def on_login_refused(self, failure: LoginFailure) -> None:
        self._on_update(update_from_login_failure(self.instance_id, failure, utc_now()))

    def on_connection_ended(self, error: str | None, reached: bool) -> None:
        self._on_update(self._update("interrupted" if reached else "unreachable", (error or "the library ended")[:500]))

    def _on_update(self, change: ConnectionUpdate | None) -> None:
        if change is None:
            return
        if change.event == "connected":
            self._connected.set()
            if attention := self._presence:
                attention.on_connected()
        elif change.event != "paired":
            self._connected.clear()
            if attention := self._presence:
                attention.on_disconnected()
        self._signals.put(change)

    # --- the thread

    def _run(self) -> None:
        try:
            last = self._run_locked(Path(self._settings.directory))
        except Exception as error:
            log.exception("the connection failed", extra={"instance_id": self.instance_id})
            last = self._update("crashed", f"{type(error).__name__}: {error}"[:500])
        self._on_closed(self)
        if self._is_superseded:
            return
        self._send_frame(last)
        if self._stopping.is_set() and last.event != "stopped":  # it ended by itself just before
            self._send_frame(self._update("stopped"))

    def _run_locked(self, directory: Path) -> ConnectionUpdate:
        """Wait until no other process has the account."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = AccountLock(directory / "lock")
        try:
            held = lock.acquire(give_up=self._stopping.wait)
            return self._run_with_journal(directory) if held else self._update("stopped")
        finally:
            lock.release()

    def _run_with_journal(self, directory: Path) -> ConnectionUpdate:
        """Own the account; how it ended."""
        journal = Journal(directory / "journal.sqlite")
        timers = ChatTimers(directory / "chat_timers.sqlite", anew=not self._settings.linked)
        self._journal_writer = JournalWriter(
            InstanceIdentity(self._settings.organization_id, self.instance_id), journal, timers
        )
        pump = self._forwarder = JournalForwarder(
            self.instance_id, journal, self._send_frame, self._journal_writer.entries_to_publish
        )
        pump.start(lambda error: self._signals.put(self._update("crashed", repr(error)[:500])))
        try:
            return self._run_connection(timers)
        finally:
            if not pump.stop(self._publish_grace_s):
                log.warning("entries are left", extra={"instance_id": self.instance_id, "left": len(journal)})
            self._forwarder = None
            journal.close()
            timers.close()
            log.info("closed", extra={"instance_id": self.instance_id, "ignored": dict(self._journal_writer.ignored)})

    def _run_connection(self, timers: ChatTimers) -> ConnectionUpdate:
        whatsapp = self._create_client(self._settings, self)
        sender = self._sender = Sender(whatsapp, self._connected, self._send_frame, timers.timer_for)
        attention = self._presence = PresenceWorker(whatsapp, self._connected, self._send_frame)
        lookups = self._number_lookups = NumberLookupWorker(whatsapp, self._connected, self._send_frame)
        pairing = PairingAttempt(self._settings, whatsapp, self._send_frame, self._on_update)
        try:
            whatsapp.connect()
            return self._process_signals(whatsapp, pairing)
        finally:
            self._sender = self._presence = self._number_lookups = None
            self._connected.clear()
            lookups.stop()
            whatsapp.close()
            sender.stop()
            attention.stop()
            if self._delete_keys:
                whatsapp.delete_keys()

    def _process_signals(self, whatsapp: WhatsAppClient, pairing: PairingAttempt) -> ConnectionUpdate:
        """Pass on what happens until something ends it."""
        while True:
            note = self._signals.get()
            if isinstance(note, str):
                if self._settings.linked:
                    return self._update("keys_missing")
                pairing.on_qr(note, utc_now())
            elif isinstance(note, _StopRequest):
                return self._log_out(whatsapp) if note.logout else self._update("stopped")
            elif note.event in FINAL_EVENTS:
                return note
            else:
                self._send_frame(self._with_own_addresses(note))

    def _log_out(self, whatsapp: WhatsAppClient) -> ConnectionUpdate:
        """The keys go even when WhatsApp could not be told: that is what was asked for."""
        self._delete_keys = True
        try:
            whatsapp.logout()
        except WhatsAppError as error:
            log.warning("WhatsApp was not told of the logout: %s", error, extra={"instance_id": self.instance_id})
            return self._update("stopped", f"logout_failed: {error}"[:500])
        return self._update("stopped")

    def _with_own_addresses(self, change: ConnectionUpdate) -> ConnectionUpdate:
        if change.event not in ("paired", "connected") or not (device := self._device):
            return change
        return change.model_copy(update={"phone_number": device.phone, "lid": device.lid, "jid": device.jid})

    def _update(self, state: Any, reason: str | None = None) -> ConnectionUpdate:
        return ConnectionUpdate(instance_id=self.instance_id, event=state, reason=reason)
