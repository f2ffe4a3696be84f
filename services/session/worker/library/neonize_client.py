"""The adapter to the native library, whatsmeow in neonize. Importing this module loads the library.

What had to be observed to work with it:
- A call that overlaps a start or stop ends the process (client_lock.py).
- `stop` drops events that are still queued, so `close` disconnects first and waits until no callback comes any more.
- An exception in a callback is swallowed, and the message counts as delivered.
- The end of a pairing is reported to a private callback only.
- The package's blocking `connect` polls, so the native function is called directly, on a thread of ours.
- That function returns at the first event that it cannot encode, while its connection lives on. So events that may be
  such are not subscribed to (stanzas.py reads them instead), and the connection is stopped when the function returns.
- Nothing else may open the store: a second SQLite in the same process drops the library's file locks when it closes the
  file, and the library then dies of SIGBUS in its shared memory.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVarTuple

import pylibmagic  # noqa: F401  (contains the libmagic that neonize loads, so it is imported first)
from google.protobuf.message import DecodeError
from neonize.client import Message, NewClient
from neonize.events import INT_TO_EVENT
from neonize.events import Device as LinkedDevice
from neonize.exc import NeonizeError
from neonize.utils import build_jid
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, ClientName, ClientType, Presence, ReceiptType

from services.session.worker.chat_timers import ChatTimer, fill_text_message
from services.session.worker.library.callback_activity import CallbackActivity
from services.session.worker.library.client_lock import NativeClientLock
from services.session.worker.library.library_threads import NATIVE_LOOP_THREAD
from services.session.worker.library.neonize_loop import run_connection, unregister
from services.session.worker.library.stanza_events import StanzaHandler
from services.session.worker.library.whatsapp_port import (
    AcceptedMessage,
    ClientListener,
    OwnDevice,
    RegisteredNumber,
    WhatsAppError,
)
from services.session.worker.mapping.event_mapping import to_utc
from services.session.worker.mapping.protobufs import EventProtobuf, JidProtobuf
from shared.contracts.ephemeral import TypingState

STORE_FILE = "device.sqlite"
_STORE_OPTIONS = "?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_foreign_keys=on&x="
"""The library appends its own options. WAL makes it several times faster."""
_MAX_START_WAIT_S = 0.5
"""A start holds the lock exclusively until the first callback, at most this long."""
_QUIET_PERIOD_S = 0.5
"""After this time without a callback the library's queue is empty."""
_MAX_QUIET_WAIT_S = 10.0
_QUIET_POLL_INTERVAL_S = 0.05
_MAX_BLOCKED_READ_S = 30.0
"""How long the library is kept from reading on, after its loop or its login has ended, until it is stopped."""

ProxyFor = Callable[[Callable[[], float]], str | None]
"""Gets a function that returns the seconds since the last callback; returns the URL of the proxy for the library, None
for that of the environment."""

Ts = TypeVarTuple("Ts")
log = logging.getLogger(__name__)
_client_numbers = itertools.count(1)


class NeonizeClient:
    """A WhatsAppClient whose store is `device.sqlite` in `directory`."""

    def __init__(self, directory: Path, proxy_for: ProxyFor, lock: NativeClientLock, listener: ClientListener) -> None:
        self._store_path = directory / STORE_FILE
        self._lock = lock
        self._listener = listener
        # the name is unique, because the library keeps the state of a stopped client of the same name
        self._client = NewClient(
            f"{self._store_path}{_STORE_OPTIONS}", uuid=f"{directory.name}-{next(_client_numbers)}"
        )
        self._client._stop_finalizer.detach()  # it would call the library without the lock
        self._started = threading.Event()
        """The library has finished its start, or the native loop has ended."""
        self._ended = threading.Event()
        """The native loop does not run: not started, or ended."""
        self._ended.set()
        self._closed = threading.Event()
        """`close` was called."""
        self._stopped = threading.Event()
        """The library has dropped the client."""
        self._stop_lock = threading.Lock()
        self._activity = CallbackActivity()
        self._server_answered = False
        self._stanza_handler = StanzaHandler(listener, self._activity)
        self._proxy = proxy_for(self._seconds_since_callback)

    def connect(self) -> None:
        self._ended.clear()
        with self._lock.exclusive():
            threading.Thread(target=self._run_native_loop, name=NATIVE_LOOP_THREAD, daemon=True).start()
            self._started.wait(_MAX_START_WAIT_S)

    def request_pairing_code(self, phone: str) -> str:
        with self._native_call():
            return str(self._client.PairPhone(phone, True, ClientName.LINUX, ClientType.CHROME))

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        with self._native_call():
            response = self._client.send_message(_to_jid(to), fill_text_message(Message(), text, timer))
            return AcceptedMessage(response.ID, to_utc(response.Timestamp))

    def send_presence(self, online: bool) -> None:
        with self._native_call():
            self._client.send_presence(Presence.AVAILABLE if online else Presence.UNAVAILABLE)

    def send_typing(self, to: str, state: TypingState) -> None:
        presence = ChatPresence.CHAT_PRESENCE_PAUSED if state == "paused" else ChatPresence.CHAT_PRESENCE_COMPOSING
        media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT
        if state == "recording":
            media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_AUDIO
        with self._native_call():
            self._client.send_chat_presence(_to_jid(to), presence, media)

    def subscribe_presence(self, to: str) -> None:
        with self._native_call():
            self._client.subscribe_presence(_to_jid(to))

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        with self._native_call():
            self._client.mark_read(
                *wa_ids, chat=_to_jid(group or sender), sender=_to_jid(sender), receipt=ReceiptType.READ
            )

    def look_up_number(self, number: str) -> RegisteredNumber:
        with self._native_call():
            result = next(iter(self._client.is_on_whatsapp(f"+{number}")), None)
            if result is None or not result.IsIn:
                return RegisteredNumber()
            if result.JID.Server != "lid":
                return RegisteredNumber(phone=result.JID.User)
            try:
                phone = str(self._client.get_pn_from_lid(result.JID).User) or None
            except NeonizeError:  # WhatsApp sent no phone number with the LID
                phone = None
            return RegisteredNumber(phone, result.JID.User)

    def logout(self) -> None:
        with self._native_call():
            self._client.logout()

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if not self._ended.is_set():
            with self._lock.shared():
                if not self._stopped.is_set():
                    self._client.disconnect()
            self._wait_until_quiet()
        if self._started.is_set() or not self._ended.is_set():
            self._stop_client()

    def delete_keys(self) -> None:
        for file in self._store_path.parent.glob(f"{STORE_FILE}*"):
            file.unlink()

    @contextmanager
    def _native_call(self) -> Iterator[None]:
        """Raises WhatsAppError when the library does not have the client: a call would end the process."""
        with self._lock.shared():
            if self._closed.is_set() or self._ended.is_set():
                raise WhatsAppError("websocket not connected")
            try:
                yield
            except NeonizeError as error:
                raise WhatsAppError(str(error)) from error

    def _run_native_loop(self) -> None:
        """Runs as long as the connection, inside the library."""
        error: str | None
        try:
            error = run_connection(self, self._client.name, self._client.uuid, self._proxy)
        except Exception as problem:
            error = repr(problem)
        self._ended.set()
        self._started.set()
        if not self._closed.is_set():  # the connection may still be open, and nothing reads what it receives
            self._stop_client()
            self._listener.on_connection_ended(error, self._server_answered)

    def _stop_client(self) -> None:
        """Disconnect, and let the library drop the client. Repeatable."""
        with self._stop_lock:
            if self._stopped.is_set():
                return
            with self._lock.exclusive():
                self._client.stop()
                self._stopped.set()
        unregister(self._client.uuid)

    # --- called by the library, on its threads

    def on_native_qr(self, code: str) -> None:
        self._run_callback(self._listener.on_qr, code)

    def on_native_pairing_status(self, status: str) -> None:
        self._run_callback(self._listener.on_pairing_status, status)

    def on_native_event(self, raw: bytes, code: int) -> None:
        self._run_callback(self._on_event, raw, code)

    def on_native_stanza(self, line: str) -> None:
        self._server_answered = True
        has_ended = self._ended.is_set()
        if not has_ended and self._stanza_handler.handles(line):
            has_ended = self._activity.run_callback(self._stanza_handler.handle, line) is True
        else:
            self._stanza_handler.remember_message(line)
        if has_ended:
            self._stopped.wait(_MAX_BLOCKED_READ_S)

    def on_native_warning(self, text: str) -> None:
        self._activity.run_callback(self._stanza_handler.handle_warning, text)

    def _run_callback(self, handle: Callable[[*Ts], object], *arguments: *Ts) -> None:
        """The library calls these only after it has finished its start."""
        self._activity.run_callback(handle, *arguments)
        self._started.set()

    def _on_event(self, raw: bytes, code: int) -> None:
        kind = INT_TO_EVENT.get(code)
        if kind is None:
            self._listener.on_event(f"unknown-{code}", raw)
            return
        if self._listener.on_raw_event(kind.DESCRIPTOR.name, raw):
            return
        try:
            event = kind.FromString(raw)
        except DecodeError:
            self._listener.on_malformed_event(kind.DESCRIPTOR.name)
            return
        if kind is LinkedDevice:
            device = _own_device(event)
            self._stanza_handler.set_own_device(device)
            self._listener.on_device(device)
        else:
            self._listener.on_event(kind.DESCRIPTOR.name, event)

    def _seconds_since_callback(self) -> float:
        """0 also while the listener does not have a received receipt yet."""
        return 0.0 if self._stanza_handler.has_pending_receipts else self._activity.seconds_since_callback()

    def _wait_until_quiet(self) -> None:
        self._activity.restart_quiet_period()
        deadline = time.monotonic() + _MAX_QUIET_WAIT_S
        while self._seconds_since_callback() < _QUIET_PERIOD_S:
            if time.monotonic() > deadline:
                log.warning("the library still calls back %s s after disconnecting", _MAX_QUIET_WAIT_S)
                return
            time.sleep(_QUIET_POLL_INTERVAL_S)


def _to_jid(address: str) -> JidProtobuf:
    """`address`: phone digits, `<lid>@lid` or `<group>@g.us`."""
    user, _, server = address.partition("@")
    jid: JidProtobuf = build_jid(user, server or "s.whatsapp.net")
    return jid


def _own_device(device: EventProtobuf) -> OwnDevice:
    jid = device.JID
    number = f":{jid.Device}" if jid.Device else ""
    return OwnDevice(f"{jid.User}{number}@{jid.Server}", phone=jid.User, lid=device.LID.User or None)
