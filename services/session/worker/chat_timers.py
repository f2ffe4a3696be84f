"""The timers of chats with disappearing messages. One SQLite file per instance.

A text that we send must carry the timer of its chat; else the contact's phone shows that it will not disappear.
"""

import logging
import sqlite3
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from services.session.worker.mapping.jids import GROUP_SERVER, UnmappableEvent, excluded_chat, party_from_jids
from services.session.worker.mapping.protobufs import ContentProtobuf, MessageProtobuf
from shared.contracts.addresses import alias_of_address
from shared.contracts.records import Party

MAX_CHATS = 10_000
"""Per account; beyond it the timers that were set longest ago are deleted."""
MAX_TIMER_S = 366 * 86_400
_EPHEMERAL_SETTING_TYPE = 3
"""The type of the protocol message that changes the timer."""
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
    """`seconds`: after how long messages disappear; 0: they do not. `set_at`: seconds since 1970."""

    seconds: int
    set_at: int


def timer_from_event(event: MessageProtobuf) -> tuple[Party, ChatTimer] | None:
    """The contact and timer that a `Message` event of a one-to-one chat carries; None: it carries none."""
    source = event.Info.MessageSource
    if excluded_chat(source) or source.Chat.Server == GROUP_SERVER:
        return None
    timer = _timer_from_message(event.Message)
    if timer is None or not 0 <= timer.seconds <= MAX_TIMER_S:
        return None
    jids = (source.Chat, source.RecipientAlt) if source.IsFromMe else (source.Sender, source.SenderAlt)
    try:
        contact = party_from_jids(*jids)
    except UnmappableEvent:
        return None
    return contact, timer if timer.set_at > 0 else replace(timer, set_at=event.Info.Timestamp)


def _timer_from_message(message: ContentProtobuf) -> ChatTimer | None:
    """None for a message without a timer, which does not mean that the chat has none: not every client adds it."""
    if message.HasField("protocolMessage"):
        protocol = message.protocolMessage
        is_setting = protocol.type == _EPHEMERAL_SETTING_TYPE
        return ChatTimer(protocol.ephemeralExpiration, protocol.ephemeralSettingTimestamp) if is_setting else None
    for _, part in message.ListFields():
        context = getattr(part, "contextInfo", None)
        if context is not None and context.expiration:
            return ChatTimer(context.expiration, context.ephemeralSettingTimestamp)
    return None


def fill_text_message(message: ContentProtobuf, text: str, timer: ChatTimer | None) -> ContentProtobuf:
    """Fill an empty protobuf `Message` with a text for a chat that has this timer."""
    if timer is None:
        message.conversation = text
        return message
    message.extendedTextMessage.text = text
    context = message.extendedTextMessage.contextInfo
    context.expiration, context.ephemeralSettingTimestamp = timer.seconds, timer.set_at
    return message


class ChatTimers:
    """Usable from any thread. `record` and `timer_for` never raise: a text without its timer is better than none.

    `reset`: delete all timers, because the account is being linked, perhaps with another phone than before.
    """

    def __init__(self, path: Path, *, reset: bool = False) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute(_CREATE_TIMERS)
        if reset:
            self._db.execute("DELETE FROM timers")

    def record(self, event: MessageProtobuf) -> None:
        """Store the timer that a `Message` event carries. Repeatable, and in any order: the latest setting counts."""
        try:
            if (setting := timer_from_event(event)) is None:
                return
            contact, timer = setting
            with self._lock:
                for address in contact.aliases:
                    self._db.execute(_UPSERT_TIMER, (address, timer.seconds, timer.set_at))
                self._db.execute(_DELETE_OLDEST_TIMERS, (MAX_CHATS,))
        except Exception:
            log.exception("the timer of a chat could not be stored")

    def timer_for(self, to: str) -> ChatTimer | None:
        """`to`: phone digits or `<lid>@lid`. None: no timer is stored, or messages of this chat do not disappear."""
        alias = alias_of_address(to)
        try:
            with self._lock:
                row = self._db.execute("SELECT seconds, set_at FROM timers WHERE address = ?", (alias,)).fetchone()
        except sqlite3.Error:
            log.exception("the timer of a chat could not be read")
            return None
        return ChatTimer(*row) if row and row[0] else None

    def close(self) -> None:
        with self._lock:
            self._db.close()
