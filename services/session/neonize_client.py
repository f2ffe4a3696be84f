"""The adapter: the only module that imports neonize. Importing it loads the native library.

Behaviour it lives with (each observed): calls that overlap a start or stop end the process (`gate.py`); `stop` drops
what is still queued, so `disconnect` and a silence come first; an exception in a callback is swallowed and the message
counts as delivered; the end of a pairing is only told to a private callback; the blocking `connect` of the package
polls, so the native function is called directly, on a thread of ours.

The store belongs to the library alone: a second SQLite in the same process would drop the library's file locks when it
closes the file, and the library then dies of SIGBUS in its shared memory.
"""

import ctypes
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
from neonize._binder import ProxySettings, func_callback_bytes, func_callback_bytes2, func_string, gocode
from neonize.client import DeviceProps, Message, NewClient
from neonize.events import EVENT_TO_INT, INT_TO_EVENT
from neonize.events import Device as LinkedDevice
from neonize.exc import NeonizeError
from neonize.utils import build_jid
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, ClientName, ClientType, Presence, ReceiptType
from neonize.utils.log import log_whatsmeow

from services.session.gate import Gate
from services.session.translate import moment
from services.session.whatsapp import Accepted, Device, Listener, Registered, WhatsAppError
from shared.live import TypingState

STORE = "device.sqlite"
_STORE_OPTIONS = "?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_foreign_keys=on&x="
"""The library appends options of its own behind these. WAL makes it several times faster."""
_BEGIN = 0.5
"""Seconds a start stays exclusive when no callback comes."""
_SILENCE, _SILENCE_AT_MOST = 0.5, 10.0
"""Seconds without a callback that mean the queue is empty, and when to give up waiting for them."""

ProxyFor = Callable[[Callable[[], float]], str | None]

log = logging.getLogger(__name__)
_numbers = itertools.count(1)


class NeonizeClient:
    """A WhatsApp account whose store is `device.sqlite` in `directory`.

    `proxy_for` is told how to ask for the seconds since the last callback and gives the URL of the proxy to use; None:
    the environment decides.
    """

    def __init__(self, directory: Path, proxy_for: ProxyFor, gate: Gate, listener: Listener) -> None:
        self._store, self._gate, self._listener = directory / STORE, gate, listener
        # a number of its own, because the library keeps what belonged to a stopped client of the same name
        self._client = NewClient(f"{self._store}{_STORE_OPTIONS}", uuid=f"{directory.name}-{next(_numbers)}")
        self._client._stop_finalizer.detach()  # would call into the library behind the gate's back
        self._begun, self._ended, self._closed = threading.Event(), threading.Event(), threading.Event()
        self._ended.set()
        self._inside, self._heard = 0, 0.0
        self._proxy = proxy_for(self._quiet)

    def connect(self) -> None:
        self._ended.clear()
        with self._gate.exclusive():
            threading.Thread(target=self._live, name="whatsapp", daemon=True).start()
            self._begun.wait(_BEGIN)

    def pairing_code(self, phone: str) -> str:
        with self._call():
            return str(self._client.PairPhone(phone, True, ClientName.LINUX, ClientType.CHROME))

    def send_text(self, to: str, text: str) -> Accepted:
        with self._call():
            answer = self._client.send_message(_jid(to), Message(conversation=text))
            return Accepted(answer.ID, moment(answer.Timestamp))

    def show_online(self, online: bool) -> None:
        with self._call():
            self._client.send_presence(Presence.AVAILABLE if online else Presence.UNAVAILABLE)

    def show_typing(self, to: str, state: TypingState) -> None:
        shown = ChatPresence.CHAT_PRESENCE_PAUSED if state == "paused" else ChatPresence.CHAT_PRESENCE_COMPOSING
        media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT
        if state == "recording":
            media = ChatPresenceMedia.CHAT_PRESENCE_MEDIA_AUDIO
        with self._call():
            self._client.send_chat_presence(_jid(to), shown, media)

    def watch(self, to: str) -> None:
        with self._call():
            self._client.subscribe_presence(_jid(to))

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        with self._call():
            self._client.mark_read(*wa_ids, chat=_jid(group or sender), sender=_jid(sender), receipt=ReceiptType.READ)

    def resolve(self, number: str) -> Registered:
        with self._call():
            found = next(iter(self._client.is_on_whatsapp(f"+{number}")), None)
            if found is None or not found.IsIn:
                return Registered()
            if found.JID.Server != "lid":
                return Registered(phone=found.JID.User)
            try:
                phone = str(self._client.get_pn_from_lid(found.JID).User) or None
            except NeonizeError:  # WhatsApp named no number with it
                phone = None
            return Registered(phone, found.JID.User)

    def logout(self) -> None:
        with self._call():
            self._client.logout()

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._ended.is_set():
            return
        with self._gate.shared():
            self._client.disconnect()
        self._wait_for_silence()
        with self._gate.exclusive():
            self._client.stop()

    def forget(self) -> None:
        for file in self._store.parent.glob(f"{STORE}*"):
            file.unlink()

    @contextmanager
    def _call(self) -> Iterator[None]:
        """A call on a client the library knows: for one it does not know, it ends the process."""
        with self._gate.shared():
            if self._closed.is_set() or self._ended.is_set():
                raise WhatsAppError("websocket not connected")
            try:
                yield
            except NeonizeError as error:
                raise WhatsAppError(str(error)) from error

    def _live(self) -> None:
        """The whole life of the connection, inside the library."""
        codes = bytearray(EVENT_TO_INT.values())
        wanted = (ctypes.c_char * len(codes)).from_buffer(codes)
        device = DeviceProps(os="Switchboard", platformType=DeviceProps.CHROME).SerializeToString()
        proxy = ctypes.byref(ProxySettings(self._proxy)._to_c_struct()) if self._proxy else None
        callbacks = (
            func_string(lambda _, code: self._heard_from(self._on_text, self._listener.on_qr, code)),
            func_string(lambda _, status: self._heard_from(self._on_text, self._listener.on_login, status)),
            func_callback_bytes(lambda _, data, size, code: self._heard_from(self._on_event, data, size, code)),
            func_callback_bytes2(log_whatsmeow),
        )
        error: str | None
        try:
            answer = gocode.Neonize(
                self._client.name.encode(), self._client.uuid, b"", 0, 0, b"WARN", *callbacks,
                wanted, len(codes), device, len(device), b"", 0, proxy,
            )  # fmt: skip
            error = answer.decode() if answer else None
        except Exception as problem:
            error = repr(problem)
        self._ended.set()
        self._begun.set()
        self._listener.on_ended(error)

    def _heard_from(self, handle: Callable[..., None], *arguments: Any) -> None:
        """Around every callback: nothing may be raised into the library."""
        self._inside += 1
        try:
            handle(*arguments)
        except Exception:
            log.exception("a callback failed; what it was told is lost")
        finally:
            self._inside -= 1
            self._heard = time.monotonic()
            self._begun.set()

    @staticmethod
    def _on_text(listen: Callable[[str], None], pointer: int) -> None:
        listen(ctypes.string_at(pointer).decode())

    def _on_event(self, data: int, size: int, code: int) -> None:
        raw = ctypes.string_at(data, size)
        kind = INT_TO_EVENT.get(code)
        if kind is None:
            self._listener.on_event(f"unknown-{code}", raw)
            return
        if self._listener.on_bytes(kind.DESCRIPTOR.name, raw):
            return
        try:
            event = kind.FromString(raw)
        except DecodeError:
            self._listener.on_broken(kind.DESCRIPTOR.name)
            return
        if kind is LinkedDevice:
            self._listener.on_device(_device(event))
        else:
            self._listener.on_event(kind.DESCRIPTOR.name, event)

    def _quiet(self) -> float:
        return 0.0 if self._inside else time.monotonic() - self._heard

    def _wait_for_silence(self) -> None:
        begun = self._heard = time.monotonic()
        while self._inside or time.monotonic() - self._heard < _SILENCE:
            if time.monotonic() - begun > _SILENCE_AT_MOST:
                log.warning("the library still delivers %s s after disconnecting", _SILENCE_AT_MOST)
                return
            time.sleep(0.05)


def _jid(address: str) -> Any:
    """Of phone digits, `<lid>@lid` or `<group>@g.us`."""
    user, _, server = address.partition("@")
    return build_jid(user, server or "s.whatsapp.net")


def _device(told: Any) -> Device:
    number = f":{told.JID.Device}" if told.JID.Device else ""
    return Device(f"{told.JID.User}{number}@{told.JID.Server}", told.JID.User, told.LID.User or None)
