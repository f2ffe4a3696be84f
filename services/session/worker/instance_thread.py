"""The thread of one instance in a worker: it owns the instance's lock, journal and connection, from Start to the end.

The library's callbacks only append to the journal, write ephemeral events, or put a signal into a queue; everything
else happens on this thread.
"""

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.session.ipc.messages import (
    ConnectionEvent,
    ConnectionUpdate,
    Frame,
    LookUpNumber,
    Send,
    SendPresence,
    SendReadReceipts,
    Start,
)
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
from services.session.worker.journal.received_messages import ReceivedMessages
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.library.whatsapp_port import ClientListener, OwnDevice, WhatsAppClient, WhatsAppError
from services.session.worker.mapping.event_mapping import InstanceIdentity
from services.session.worker.mapping.journal_mapping import JournalMapper
from services.session.worker.mapping.protobufs import EventProtobuf
from services.session.worker.not_connected import ClientRequest, not_connected_result
from services.session.worker.number_lookup_worker import NumberLookupWorker
from services.session.worker.pairing import PairingAttempt
from services.session.worker.presence_worker import PresenceWorker
from services.session.worker.sender import Sender
from shared.contracts.message import utc_now

PUBLISH_GRACE_S = 5.0
"""How long a stopping instance waits until its last entries are published; the rest is sent at the next start."""

log = logging.getLogger(__name__)
CreateClient = Callable[[Start, ClientListener], WhatsAppClient]
SendFrame = Callable[[Frame], None]


@dataclass(frozen=True)
class _StopRequest:
    logout: bool


@dataclass(frozen=True)
class _RequestWorkers:
    """The threads that call the client for requests of the supervisor."""

    sender: Sender
    presence: PresenceWorker
    number_lookups: NumberLookupWorker


class InstanceThread:
    """A ClientListener. Call `start` once, then `stop` once. When everything is closed, `on_closed` is called, and then
    the last frame is sent."""

    def __init__(
        self,
        start: Start,
        create_client: CreateClient,
        send_frame: SendFrame,
        on_closed: Callable[["InstanceThread"], None],
    ) -> None:
        self.instance_id = start.instance_id
        self._settings = start
        self._create_client = create_client
        self._send_frame = send_frame
        self._on_closed = on_closed
        self._signals: queue.SimpleQueue[ConnectionUpdate | _StopRequest | str] = queue.SimpleQueue()
        """Connection updates, a request to stop, and QR codes."""
        self._connected = threading.Event()
        self._stopping = threading.Event()
        self._is_superseded = False
        self._deletes_keys = False
        self._publish_grace_s = PUBLISH_GRACE_S
        self._device: OwnDevice | None = None
        self._workers: _RequestWorkers | None = None
        self._forwarder: JournalForwarder | None = None
        self.thread = threading.Thread(target=self._run, name=f"instance-{start.instance_id}", daemon=True)

    # --- called for frames of the supervisor

    def start(self) -> None:
        self.thread.start()

    def stop(self, *, logout: bool = False, supervisor_gone: bool = False) -> None:
        """`supervisor_gone`: nothing publishes the last entries, so they stay in the journal for the next start."""
        self._publish_grace_s = 0.0 if supervisor_gone else PUBLISH_GRACE_S
        self._stopping.set()
        self._signals.put(_StopRequest(logout))

    def supersede(self) -> None:
        """Stop without sending any frame: the supervisor has started the instance again."""
        self._is_superseded = True
        self.stop()

    def handle(self, request: ClientRequest) -> None:
        """The result is sent as a frame, also while there is no connection."""
        if isinstance(request, Send) and (forwarder := self._forwarder):
            forwarder.advance_past(request.order_key)
        workers = self._workers
        if workers is None:
            if result := not_connected_result(request):
                self._send_frame(result)
            return
        match request:
            case Send():
                workers.sender.put(request)
            case SendPresence() | SendReadReceipts():
                workers.presence.put(request)
            case LookUpNumber():
                workers.number_lookups.put(request)

    def confirm(self, sequence: int) -> None:
        """Everything up to the sequence is published."""
        if forwarder := self._forwarder:
            with suppress(sqlite3.Error):  # the journal is closing: the rest is published again, under the same ids
                forwarder.confirm(sequence)

    # --- called by the library, on its threads

    def on_device(self, device: OwnDevice) -> None:
        self._device = device

    def on_qr(self, code: str) -> None:
        self._signals.put(code)

    def on_pairing_status(self, status: str) -> None:
        if update := update_from_pairing_status(self.instance_id, status):
            self._on_update(update)

    def on_raw_event(self, name: str, raw: bytes) -> bool:
        if not self._journal_writer.append(name, raw):
            return False
        if forwarder := self._forwarder:
            forwarder.notify()
        return True

    def on_event(self, name: str, event: EventProtobuf) -> None:
        if update := update_from_event(self.instance_id, name, event):
            self._on_update(update)
        elif frame := self._mapper.ephemeral_frame(name, event):
            self._send_frame(frame)

    def on_malformed_event(self, name: str) -> None:
        self._mapper.count_ignored(f"broken-{name}")

    def on_login_refused(self, failure: LoginFailure) -> None:
        self._on_update(update_from_login_failure(self.instance_id, failure, utc_now()))

    def on_connection_ended(self, error: str | None, server_answered: bool) -> None:
        reason = (error or "the library ended")[:500]
        self._on_update(self._update("interrupted" if server_answered else "unreachable", reason))

    def _on_update(self, update: ConnectionUpdate) -> None:
        if update.event == "connected":
            self._connected.set()
            if workers := self._workers:
                workers.presence.on_connected()
        elif update.event != "paired":
            self._connected.clear()
            if workers := self._workers:
                workers.presence.on_disconnected()
        self._signals.put(update)

    # --- the thread; the methods return the update to send at the end

    def _run(self) -> None:
        try:
            last_update = self._run_locked(Path(self._settings.directory))
        except Exception as error:
            log.exception("the connection failed", extra={"instance_id": self.instance_id})
            last_update = self._update("crashed", f"{type(error).__name__}: {error}"[:500])
        self._on_closed(self)
        if self._is_superseded:
            return
        self._send_frame(last_update)
        if self._stopping.is_set() and last_update.event != "stopped":  # it ended by itself just before the stop
            self._send_frame(self._update("stopped"))

    def _run_locked(self, directory: Path) -> ConnectionUpdate:
        """Wait until no other process has the account open."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = AccountLock(directory / "lock")
        try:
            acquired = lock.acquire(cancelled=self._stopping.wait)
            return self._run_with_journal(directory) if acquired else self._update("stopped")
        finally:
            lock.release()

    def _run_with_journal(self, directory: Path) -> ConnectionUpdate:
        journal = Journal(directory / "journal.sqlite")
        timers = ChatTimers(directory / "chat_timers.sqlite", reset=not self._settings.linked)
        instance = InstanceIdentity(self._settings.organization_id, self.instance_id)
        self._mapper = JournalMapper(instance, ReceivedMessages(journal), timers)
        self._journal_writer = JournalWriter(journal)
        forwarder = JournalForwarder(self.instance_id, journal, self._send_frame, self._mapper.entries_to_publish)
        self._forwarder = forwarder
        forwarder.start(lambda error: self._signals.put(self._update("crashed", repr(error)[:500])))
        try:
            return self._run_connection(timers)
        finally:
            if not forwarder.stop(self._publish_grace_s):
                extra = {"instance_id": self.instance_id, "entries": len(journal)}
                log.warning("journal entries are left for the next start", extra=extra)
            self._forwarder = None
            journal.close()
            timers.close()
            log.info("closed", extra={"instance_id": self.instance_id, "ignored": dict(self._mapper.ignored)})

    def _run_connection(self, timers: ChatTimers) -> ConnectionUpdate:
        client = self._create_client(self._settings, self)
        workers = _RequestWorkers(
            Sender(client, self._connected, self._send_frame, timers.timer_for),
            PresenceWorker(client, self._connected, self._send_frame),
            NumberLookupWorker(client, self._connected, self._send_frame),
        )
        self._workers = workers
        pairing = PairingAttempt(self._settings, client, self._send_frame, self._on_update)
        try:
            client.connect()
            return self._process_signals(client, pairing)
        finally:
            self._workers = None
            self._connected.clear()
            workers.number_lookups.stop()
            client.close()
            workers.sender.stop()
            workers.presence.stop()
            if self._deletes_keys:
                client.delete_keys()

    def _process_signals(self, client: WhatsAppClient, pairing: PairingAttempt) -> ConnectionUpdate:
        while True:
            signal = self._signals.get()
            if isinstance(signal, str):
                if self._settings.linked:
                    return self._update("keys_missing")
                pairing.on_qr(signal, utc_now())
            elif isinstance(signal, _StopRequest):
                return self._log_out(client) if signal.logout else self._update("stopped")
            elif signal.event in FINAL_EVENTS:
                return signal
            else:
                self._send_frame(self._with_own_addresses(signal))

    def _log_out(self, client: WhatsAppClient) -> ConnectionUpdate:
        """The keys are deleted also when WhatsApp could not be informed: the user wants the account gone from here."""
        self._deletes_keys = True
        try:
            client.logout()
        except WhatsAppError as error:
            log.warning("the logout at WhatsApp failed: %s", error, extra={"instance_id": self.instance_id})
            return self._update("stopped", f"logout_failed: {error}"[:500])
        return self._update("stopped")

    def _with_own_addresses(self, update: ConnectionUpdate) -> ConnectionUpdate:
        if update.event not in ("paired", "connected") or not (device := self._device):
            return update
        return update.model_copy(update={"phone_number": device.phone, "lid": device.lid, "jid": device.jid})

    def _update(self, event: ConnectionEvent, reason: str | None = None) -> ConnectionUpdate:
        return ConnectionUpdate(instance_id=self.instance_id, event=event, reason=reason)
