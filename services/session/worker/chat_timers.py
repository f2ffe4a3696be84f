"""How long messages last in which chat: a text of ours has to carry the timer of a chat with disappearing messages, or
the contact's phone says that it will not disappear. One SQLite file per instance."""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.session.worker.jids import GROUP_SERVER, Untranslatable, no_chat, party_of
from shared.contracts.records import Party

MAX_CHATS = 10_000
"""Those whose timer was set longest ago are forgotten."""
MAX_SECONDS = 366 * 86_400
_TIMER_SETTING = 3
"""Type of the protocol message by which somebody changes the timer."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS timers (address TEXT PRIMARY KEY, seconds INTEGER NOT NULL, set_at INTEGER NOT NULL)"""
_KEEP = """
INSERT INTO timers VALUES (?, ?, ?) ON CONFLICT (address)
DO UPDATE SET seconds = excluded.seconds, set_at = excluded.set_at WHERE excluded.set_at >= timers.set_at"""
_FORGET = "DELETE FROM timers WHERE address IN (SELECT address FROM timers ORDER BY set_at DESC LIMIT -1 OFFSET ?)"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatTimer:
    """`seconds`: how long messages last, 0 when they do not disappear. `set_at`: epoch seconds."""

    seconds: int
    set_at: int


def setting_of(event: Any) -> tuple[Party, ChatTimer] | None:
    """What a `Message` event of a one-to-one chat tells about the chat's timer."""
    source = event.Info.MessageSource
    if no_chat(source) or source.Chat.Server == GROUP_SERVER:
        return None
    found = _timer_in(event.Message)
    if found is None or not 0 <= found[0] <= MAX_SECONDS:
        return None
    mine = source.IsFromMe
    try:
        chat = party_of(source.Chat, source.RecipientAlt) if mine else party_of(source.Sender, source.SenderAlt)
    except Untranslatable:
        return None
    return chat, ChatTimer(found[0], found[1] if found[1] > 0 else int(event.Info.Timestamp))


def _timer_in(message: Any) -> tuple[int, int] | None:
    """Seconds and the time of the setting. A message without a timer tells nothing: not every client adds it."""
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        is_setting = protocol.type == _TIMER_SETTING
        return (protocol.ephemeralExpiration, protocol.ephemeralSettingTimestamp) if is_setting else None
    for _, part in message.ListFields():
        context = getattr(part, "contextInfo", None)
        if context is not None and context.expiration:
            return context.expiration, context.ephemeralSettingTimestamp
    return None


def text_message(message: Any, text: str, timer: ChatTimer | None) -> Any:
    """Fill an empty message of the library with a text for a chat that has this timer."""
    if timer is None:
        message.conversation = text
        return message
    message.extendedTextMessage.text = text
    context = message.extendedTextMessage.contextInfo
    context.expiration, context.ephemeralSettingTimestamp = timer.seconds, timer.set_at
    return message


class ChatTimers:
    """Usable from any thread. `hear` and `of` never raise: a text without its timer is better than none.

    `anew`: the account is being linked, perhaps with another phone than before."""

    def __init__(self, path: Path, *, anew: bool = False) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute(_SCHEMA)
        if anew:
            self._db.execute("DELETE FROM timers")

    def hear(self, event: Any) -> None:
        """Keep what a `Message` event tells. Repeatable, and in any order: the latest setting counts."""
        try:
            if (found := setting_of(event)) is None:
                return
            chat, timer = found
            with self._lock:
                for address in chat.aliases:
                    self._db.execute(_KEEP, (address, timer.seconds, timer.set_at))
                self._db.execute(_FORGET, (MAX_CHATS,))
        except Exception:
            log.exception("the timer of a chat could not be kept")

    def of(self, to: str) -> ChatTimer | None:
        """`to`: phone digits or `<lid>@lid`. None: messages of this chat do not disappear, for all that is known."""
        lid = to.removesuffix("@lid")
        address = f"phone:{to}" if lid == to else f"lid:{lid}"
        try:
            with self._lock:
                row = self._db.execute("SELECT seconds, set_at FROM timers WHERE address = ?", (address,)).fetchone()
        except sqlite3.Error:
            log.exception("the timer of a chat could not be read")
            return None
        return ChatTimer(*row) if row and row[0] else None

    def close(self) -> None:
        with self._lock:
            self._db.close()
