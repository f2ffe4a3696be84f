"""Runs the real neonize in its own process: commands as JSON lines on stdin, answers and events on OUT_FD."""

import base64
import ctypes
import json
import os
import sys
import threading
import time
from typing import Any

import pylibmagic  # noqa: F401  (neonize imports libmagic; this carries it)

out = os.fdopen(int(os.environ["OUT_FD"]), "w", buffering=1)
lock = threading.Lock()
PINNED_ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")


def emit(**fields: Any) -> None:
    with lock:
        out.write(json.dumps(fields) + "\n")


import neonize.client as nc  # noqa: E402  (loads the Go library, after the descriptor is set up)
import neonize.events as ne  # noqa: E402
from neonize.utils import build_jid  # noqa: E402
from neonize.utils.enum import ChatPresence, ChatPresenceMedia, ClientName, ClientType, Presence  # noqa: E402


def trust(root: bytes) -> None:
    """Replaces the pinned Noise root in the writable memory of the library."""
    with open("/proc/self/maps") as maps:
        lines = [line.split(maxsplit=5) for line in maps if "neonize-linux" in line]
    for area, permissions, *_ in lines:
        low, high = (int(part, 16) for part in area.split("-"))
        at = ctypes.string_at(low, high - low).find(PINNED_ROOT) if permissions.startswith("rw") else -1
        if at >= 0:
            ctypes.memmove(low + at, root, 32)
            return
    raise SystemExit("the pinned key was not found")


trust(bytes.fromhex(os.environ["NOISE_ROOT"]))
messages: dict[str, Any] = {}
client: Any = None


def jid_text(jid: Any) -> str:
    return f"{jid.User}@{jid.Server}"


def describe(name: str, event: Any) -> dict[str, Any]:
    if name == "Message":
        source, message = event.Info.MessageSource, event.Message
        messages[event.Info.ID] = message
        text = message.conversation or message.extendedTextMessage.text or message.imageMessage.caption
        chat = {"chat": jid_text(source.Chat), "sender": jid_text(source.Sender), "from_me": source.IsFromMe}
        return {"id": event.Info.ID, "text": text, "name": event.Info.Pushname, **chat}
    if name == "Receipt":
        return {"ids": list(event.MessageIDs), "type": event.Type}
    if name == "ChatPresence":
        return {"state": event.State}
    return {"raw": str(event)[:300]}


def connect(request: dict[str, Any]) -> None:
    global client
    client = nc.NewClient(request["db"], uuid="one")
    for kind in ne.EVENT_TO_INT:
        name = kind.DESCRIPTOR.name
        client.event(kind)(lambda _, event, name=name: emit(ev=name, **describe(name, event)))
    client._NewClient__onLoginStatus = lambda _, status: emit(
        ev="login_status", status=ctypes.string_at(status).decode()
    )
    client.event.qr(lambda _, data: emit(ev="qr", code=data.decode()))

    def run() -> None:
        try:
            client.connect(nc.ProxySettings(request["proxy"]))
        except Exception as error:
            emit(ev="connect_failed", error=repr(error))

    threading.Thread(target=run, daemon=True).start()


def jid_of(text: str) -> Any:
    return build_jid(*text.split("@")) if "@" in text else build_jid(text)


def become_available() -> None:
    """Presence is rejected until the push name has arrived from the phone, which no event announces."""
    for attempt in range(50):
        try:
            client.send_presence(Presence.AVAILABLE)
        except Exception:
            if attempt == 49:
                raise
            time.sleep(0.2)
        else:
            return


def run(request: dict[str, Any]) -> Any:
    match request["cmd"]:
        case "connect":
            connect(request)
        case "pair_code":
            return client.PairPhone(request["phone"], True, ClientName.LINUX, ClientType.CHROME)
        case "send":
            return client.send_message(jid_of(request["to"]), nc.Message(conversation=request["text"])).ID
        case "send_image":
            return client.send_image(jid_of(request["to"]), base64.b64decode(request["data"]), caption="look").ID
        case "download":
            return base64.b64encode(client.download_any(messages[request["id"]])).decode()
        case "profile_picture":
            picture = client.get_profile_picture(jid_of(request["of"]))
            return {"id": picture.ID, "url": picture.URL, "type": picture.Type}
        case "typing":
            state = ChatPresence.CHAT_PRESENCE_COMPOSING
            client.send_chat_presence(jid_of(request["to"]), state, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT)
        case "available":
            become_available()
        case "logout":
            client.logout()
    return None


def serve(request: dict[str, Any]) -> None:
    try:
        emit(re=request["n"], ok=run(request))
    except Exception as error:
        emit(re=request["n"], error=repr(error))


emit(ev="ready")
for line in sys.stdin:
    threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
os._exit(0)
