"""The native call that runs a connection, and the callbacks it calls, which live as long as the process.

Threads of the library outlive the call, and one that calls (or logs through) a freed callback ends the process. So
there is one callback of each kind for all clients; it finds the client by the name that the library passes. Only the
log callback gets no name: each client has one of its own, which is never freed.
"""

import ctypes
import logging
import re
from collections.abc import Callable
from typing import Protocol

from neonize import events
from neonize._binder import ProxySettings, func_callback_bytes, func_callback_bytes2, func_string, gocode
from neonize.client import DeviceProps
from neonize.events import EVENT_TO_INT
from neonize.proto.Neonize_pb2 import LogEntry
from neonize.utils.log import log_whatsmeow

SUBSCRIBED_EVENTS = [
    EVENT_TO_INT[kind]
    for kind in (
        events.Device,
        events.PairStatusEv,
        events.ConnectedEv,
        events.DisconnectedEv,
        events.LoggedOutEv,
        events.StreamReplacedEv,
        events.StreamErrorEv,
        events.ClientOutdatedEv,
        events.KeepAliveTimeoutEv,
        events.KeepAliveRestoredEv,
        events.MessageEv,
        events.UndecryptableMessageEv,
        events.PresenceEv,
        events.CallOfferEv,
        events.CallOfferNoticeEv,
        events.CallAcceptEv,
        events.CallTerminateEv,
        events.UnknownCallEventEV,
    )
]
"""Numbers of the events that the library encodes for us. Left out: events it cannot encode with every content
(`Receipt`, `ChatPresence`, `TemporaryBan`, `ConnectFailure`, `GroupInfo`), and events that nothing here uses."""
_REQUIRED_EVENTS = {EVENT_TO_INT[kind] for kind in (events.MessageEv, events.ConnectedEv, events.DisconnectedEv)}
_UNENCODABLE_EVENT = re.compile(r"neonize\.(\w+)")
"""How the library's error names the event it could not encode: `required field neonize.Receipt.Type not set`."""
_RECEIVED_STANZA_SUFFIX = b"Client/Recv"
_LOGGED_LEVELS = frozenset({"WARN", "ERROR"})

log = logging.getLogger(__name__)


class NativeCallbacks(Protocol):
    """The callbacks of one client. They run on threads of the library and must not raise."""

    def on_native_qr(self, code: str) -> None: ...
    def on_native_pairing_status(self, status: str) -> None: ...
    def on_native_event(self, raw: bytes, code: int) -> None: ...
    def on_native_stanza(self, line: str) -> None:
        """A stanza came in and is not processed yet: the library reads nothing more until this returns."""

    def on_native_warning(self, text: str) -> None:
        """A line of the library's log at level WARN or ERROR."""


_clients: dict[bytes, NativeCallbacks] = {}
_log_callbacks: list[object] = []


def _on_qr(name: int, code: int) -> None:
    if client := _clients.get(ctypes.string_at(name)):
        client.on_native_qr(ctypes.string_at(code).decode())


def _on_pairing_status(name: int, status: int) -> None:
    if client := _clients.get(ctypes.string_at(name)):
        client.on_native_pairing_status(ctypes.string_at(status).decode())


def _on_event(name: bytes, data: int, size: int, code: int) -> None:
    if client := _clients.get(name):
        client.on_native_event(ctypes.string_at(data, size), code)


_QR_CALLBACK = func_string(_on_qr)
_PAIRING_CALLBACK = func_string(_on_pairing_status)
_EVENT_CALLBACK = func_callback_bytes(_on_event)


def run_connection(client: NativeCallbacks, store: str, name: bytes, proxy: str | None) -> str | None:
    """Connect, and call `client` back until it is stopped. Returns the error when the connection ends by itself."""
    codes = bytearray(SUBSCRIBED_EVENTS)
    codes_array = (ctypes.c_char * len(codes)).from_buffer(codes)
    device = DeviceProps(os="Switchboard", platformType=DeviceProps.CHROME).SerializeToString()
    proxy_settings = ctypes.byref(ProxySettings(proxy)._to_c_struct()) if proxy else None
    _clients[name] = client
    log_callback = func_callback_bytes2(_log_callback_for(name))
    _log_callbacks.append(log_callback)
    result = gocode.Neonize(
        store.encode(),
        name,
        b"",
        0,
        0,
        b"DEBUG",
        _QR_CALLBACK,
        _PAIRING_CALLBACK,
        _EVENT_CALLBACK,
        log_callback,
        codes_array,
        len(codes),
        device,
        len(device),
        b"",
        0,
        proxy_settings,
    )
    error = result.decode() if result else None
    if error:
        _unsubscribe_unencodable(error)
    return error


def _unsubscribe_unencodable(error: str) -> None:
    """Stop subscribing, in this process, to the kind of event that ended the loop: WhatsApp may deliver it again."""
    match = _UNENCODABLE_EVENT.search(error)
    for kind, code in EVENT_TO_INT.items():
        if match and kind.DESCRIPTOR.name == match[1] and code in SUBSCRIBED_EVENTS and code not in _REQUIRED_EVENTS:
            log.error("the library cannot encode a %s event; this process unsubscribes from them", match[1])
            SUBSCRIBED_EVENTS.remove(code)


def unregister(name: bytes) -> None:
    """Ignore what the library still calls back for this client, which is stopped."""
    _clients.pop(name, None)


def _log_callback_for(name: bytes) -> Callable[[int, int], None]:
    """The library runs at log level DEBUG, the only one at which it logs the stanzas it receives; the other lines of
    that level are dropped."""

    def on_log_entry(data: int, size: int) -> None:
        try:
            raw = ctypes.string_at(data, size)
            client = _clients.get(name)
            if raw.endswith(_RECEIVED_STANZA_SUFFIX):
                if client:
                    client.on_native_stanza(LogEntry.FromString(raw).Message)
            elif (entry := LogEntry.FromString(raw)).Level in _LOGGED_LEVELS:
                log_whatsmeow(data, size)
                if client:
                    client.on_native_warning(entry.Message)
        except Exception:
            log.exception("a line of the library's log could not be handled")

    return on_log_entry
