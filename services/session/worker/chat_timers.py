"""How long messages last in which chat: a text of ours has to carry the timer of a chat with disappearing messages, or
the contact's phone says that it will not disappear. One SQLite file per instance."""

import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.session.worker.mapping.jids import GROUP_SERVER, UnmappableEvent, excluded_chat, party_from_jids
from shared.contracts.records import Party

MAX_CHATS = 10_000
"""Those whose timer was set longest ago are forgotten."""
MAX_TIMER_S = 366 * 86_400
_EPHEMERAL_SETTING_TYPE = 3
"""Type of the protocol message by which somebody changes the timer."""
_CREATE_TIMERS = """
CREATE TABLE IF NOT EXISTS timers (address TEXT PRIMARY KEY, seconds INTEGER NOT NULL, set_at INTEGER NOT NULL)"""
_UPSERT_TIMER = """
INSERT INTO timers VALUES (?, ?, ?) ON CONFLICT (address)
DO UPDATE SET seconds = excluded.seconds, set_at = excluded.set_at WHERE excluded.set_at >= timers.set_at"""
_DELETE_OLDEST_TIMERS = (
    "DELETE FROM timers WHERE address IN (SELECT address FROM timers ORDER BY set_at DESC LIMIT -1 OFFSET ?)"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChatTimer:
    """`seconds`: how long messages last, 0 when they do not disappear. `set_at`: epoch seconds."""

    seconds: int
    set_at: int


def timer_from_event(event: Any) -> tuple[Party, ChatTimer] | None:
    """What a `Message` event of a one-to-one chat tells about the chat's timer."""
    source = event.Info.MessageSource
    if excluded_chat(source) or source.Chat.Server == GROUP_SERVER:
        return None
    found = _timer_from_message(event.Message)
    if found is None or not 0 <= found[0] <= MAX_TIMER_S:
        return None
    mine = source.IsFromMe
    try:
        chat = (
            party_from_jids(source.Chat, source.RecipientAlt)
            if mine
            else party_from_jids(source.Sender, source.SenderAlt)
        )
    except UnmappableEvent:
        return None
    return chat, ChatTimer(found[0], found[1] if found[1] > 0 else int(event.Info.Timestamp))


def _timer_from_message(message: Any) -> tuple[int, int] | None:
    """Seconds and the time of the setting. A message without a timer tells nothing: not every client adds it."""
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        is_setting = protocol.type == _EPHEMERAL_SETTING_TYPE
        return (protocol.ephemeralExpiration, protocol.ephemeralSettingTimestamp) if is_setting else None
    for _, part in message.ListFields():
        context = getattr(part, "contextInfo", None)
        if context is not None and context.expiration:
            return context.expiration, context.ephemeralSettingTimestamp
    return None


def fill_text_message(message: Any, text: str, timer: ChatTimer | None) -> Any:
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
        self._db.execute(_CREATE_TIMERS)
        if anew:
            self._db.execute("DELETE FROM timers")

    def record(self, event: Any) -> None:
        """Keep what a `Message` event tells. Repeatable, and in any order: the latest setting counts."""
        try:
            if (found := timer_from_event(event)) is None:
                return
            chat, timer = found
            with self._lock:
                for address in chat.aliases:
                    self._db.execute(_UPSERT_TIMER, (address, timer.seconds, timer.set_at))
                self._db.execute(_DELETE_OLDEST_TIMERS, (MAX_CHATS,))
        except Exception:
            log.exception("the timer of a chat could not be kept")

    def timer_for(self, to: str) -> ChatTimer | None:
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
