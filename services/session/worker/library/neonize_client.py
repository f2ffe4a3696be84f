"""The adapter: calls the native library. Importing it loads that library.

Behaviour it lives with (each observed): calls that overlap a start or stop end the process (`client_lock.py`); `stop`
drops what is still queued, so `disconnect` and a silence come first; an exception in a callback is swallowed and the
message counts as delivered; the end of a pairing is only told to a private callback; the blocking `connect` of the
package polls, so the native function is called directly, on a thread of ours; that function returns at the first event
it cannot encode, while its connection lives on, so events that may be such are not asked for (`stanzas.py`) and the
connection is stopped when it returns.

The store belongs to the library alone: a second SQLite in the same process would drop the library's file locks when it
closes the file, and the library then dies of SIGBUS in its shared memory.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pylibmagic  # noqa: F401  (neonize imports libmagic; this carries it, so it comes first)
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
from shared.contracts.ephemeral import TypingState

STORE_FILE = "device.sqlite"
_STORE_OPTIONS = "?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_foreign_keys=on&x="
"""The library appends options of its own behind these. WAL makes it several times faster."""
_MAX_START_WAIT_S = 0.5
"""Seconds a start stays exclusive when no callback comes."""
_QUIET_PERIOD_S, _MAX_QUIET_WAIT_S = 0.5, 10.0
"""Seconds without a callback that mean the queue is empty, and when to give up waiting for them."""
_MAX_BLOCKED_READ_S = 30.0
"""Seconds the library is kept from reading on after its loop or its login has ended, until it is stopped."""

ProxyFor = Callable[[Callable[[], float]], str | None]

log = logging.getLogger(__name__)
_client_numbers = itertools.count(1)


class NeonizeClient:
    """A WhatsApp account whose store is `device.sqlite` in `directory`.

    `proxy_for` is told how to ask for the seconds since the last callback and gives the URL of the proxy to use; None:
    the environment decides.
    """

    def __init__(self, directory: Path, proxy_for: ProxyFor, gate: NativeClientLock, listener: ClientListener) -> None:
        self._store_path, self._lock, self._listener = directory / STORE_FILE, gate, listener
        # a number of its own, because the library keeps what belonged to a stopped client of the same name
        self._client = NewClient(
            f"{self._store_path}{_STORE_OPTIONS}", uuid=f"{directory.name}-{next(_client_numbers)}"
        )
        self._client._stop_finalizer.detach()  # would call into the library behind the gate's back
        self._started, self._ended, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._ended.set()
        self._stopped, self._stop_lock = threading.Event(), threading.Lock()
        self._activity, self._server_answered = CallbackActivity(), False
        self._stanza_handler = StanzaHandler(listener, self._activity)
        self._proxy = proxy_for(self._seconds_since_callback)

    def connect(self) -> None:
        self._ended.clear()
        with self._lock.exclusive():
            threading.Thread(target=self._run_native_loop, name="whatsapp", daemon=True).start()
            self._started.wait(_MAX_START_WAIT_S)

    def request_pairing_code(self, phone: str) -> str:
        with self._native_call():
            return str(self._client.PairPhone(phone, True, ClientName.LINUX, ClientType.CHROME))

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        with self._native_call():
            answer = self._client.send_message(_to_jid(to), fill_text_message(Message(), text, timer))
            return AcceptedMessage(answer.ID, to_utc(answer.Timestamp))

    def send_presence(self, online: bool) -> None:
        with self._native_call():
            self._client.send_presence(Presence.AVAILABLE if online else Presence.UNAVAILABLE)

    def send_typing(self, to: str, state: TypingState) -> None:
        shown = ChatPresence.CHAT_PRESENCE_PAUSED if state == "paused" else ChatPresence.CHAT_PRESENCE_COMPOSING
        media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT
        if state == "recording":
            media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_AUDIO
        with self._native_call():
            self._client.send_chat_presence(_to_jid(to), shown, media)

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
            found = next(iter(self._client.is_on_whatsapp(f"+{number}")), None)
            if found is None or not found.IsIn:
                return RegisteredNumber()
            if found.JID.Server != "lid":
                return RegisteredNumber(phone=found.JID.User)
            try:
                phone = str(self._client.get_pn_from_lid(found.JID).User) or None
            except NeonizeError:  # WhatsApp named no number with it
                phone = None
            return RegisteredNumber(phone, found.JID.User)

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
        """A call on a client the library knows: for one it does not know, it ends the process."""
        with self._lock.shared():
            if self._closed.is_set() or self._ended.is_set():
                raise WhatsAppError("websocket not connected")
            try:
                yield
            except NeonizeError as error:
                raise WhatsAppError(str(error)) from error

    def _run_native_loop(self) -> None:
        """The whole life of the connection, inside the library."""
        error: str | None
        try:
            error = run_connection(self, self._client.name, self._client.uuid, self._proxy)
        except Exception as problem:
            error = repr(problem)
        self._ended.set()
        self._started.set()
        if not self._closed.is_set():  # its connection may live on, and nobody reads what it receives
            self._stop_client()
            self._listener.on_connection_ended(error, self._server_answered)

    def _stop_client(self) -> None:
        """Disconnect, and let the library forget the client. Safe to repeat."""
        with self._stop_lock:
            if self._stopped.is_set():
                return
            with self._lock.exclusive():
                self._client.stop()
                self._stopped.set()
        unregister(self._client.uuid)

    # --- told by the library, on its threads

    def on_native_qr(self, code: str) -> None:
        self._run_callback(self._listener.on_qr, code)

    def on_native_pairing_status(self, status: str) -> None:
        self._run_callback(self._listener.on_pairing_status, status)

    def on_native_event(self, raw: bytes, code: int) -> None:
        self._run_callback(self._on_event, raw, code)

    def on_native_stanza(self, line: str) -> None:
        self._server_answered = True
        over = self._ended.is_set()
        if not over and self._stanza_handler.handles(line):
            over = self._activity.run_callback(self._stanza_handler.handle, line) is True
        if over:
            self._stopped.wait(_MAX_BLOCKED_READ_S)

    def _run_callback(self, handle: Callable[..., Any], *arguments: Any) -> None:
        """These callbacks come when the library has finished its start."""
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
        """Seconds since the last callback; 0 while something received is not handed on yet."""
        return 0.0 if self._stanza_handler.has_pending_receipts else self._activity.seconds_since_callback()

    def _wait_until_quiet(self) -> None:
        self._activity.restart_quiet_period()
        begun = time.monotonic()
        while self._seconds_since_callback() < _QUIET_PERIOD_S:
            if time.monotonic() - begun > _MAX_QUIET_WAIT_S:
                log.warning("the library still delivers %s s after disconnecting", _MAX_QUIET_WAIT_S)
                return
            time.sleep(0.05)


def _to_jid(address: str) -> Any:
    """Of phone digits, `<lid>@lid` or `<group>@g.us`."""
    user, _, server = address.partition("@")
    return build_jid(user, server or "s.whatsapp.net")


def _own_device(told: Any) -> OwnDevice:
    number = f":{told.JID.Device}" if told.JID.Device else ""
    return OwnDevice(f"{told.JID.User}{number}@{told.JID.Server}", told.JID.User, told.LID.User or None)
