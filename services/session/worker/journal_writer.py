"""Messages and receipts: their bytes go into the journal first, what they mean is found out afterwards.

The library's callback does nothing but `take`: until its bytes are in the journal, a message exists only in the memory
of this process. The pump asks for the `entries` to publish, on its own thread.
"""

import base64
import logging
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from services.session.ipc.messages import EphemeralObserved
from services.session.worker.chat_timers import ChatTimers
from services.session.worker.encrypted_edits import EncryptedEdits
from services.session.worker.event_mapping import (
    Account,
    Ignored,
    messages_received,
    placeholder_received,
    presence_seen,
    receipt_received,
    typing_seen,
)
from services.session.worker.journal import Journal, JournalEntry
from services.session.worker.missed_calls import CALL_EVENTS, Calls
from services.session.worker.utf8_repair import mend_strings
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import EphemeralEvent, Event

_Translation = tuple[Callable[[Any, Account], Event | Sequence[Event] | Ignored], str]
_TRANSLATIONS: dict[str, _Translation] = {
    "Message": (messages_received, MessageReceived.subject),
    "UndecryptableMessage": (placeholder_received, MessageReceived.subject),
    "Receipt": (receipt_received, ReceiptReceived.subject),
}
"""By the name of the library's event, which is also the subject its bytes are journalled under."""
_LIVE: dict[str, Callable[[Any, Account], EphemeralEvent | Ignored]] = {
    "ChatPresence": typing_seen,
    "Presence": presence_seen,
}
"""Worth nothing later, so they pass the journal by."""
_MAX_RAW = 900_000
"""Characters of base64; JetStream takes messages up to 1 MB."""
MAX_IDS = 500
"""Ids in one event; each is looked up in MongoDB."""
_FULL_DISK_PAUSE = 0.5
"""Seconds between attempts to write; meanwhile WhatsApp keeps what comes next."""

log = logging.getLogger(__name__)


class Intake:
    """`take` and `count` are called on the library's threads, `entries` on the pump's."""

    def __init__(self, account: Account, journal: Journal, timers: ChatTimers | None = None) -> None:
        self._account, self._journal, self._timers = account, journal, timers
        self._translations = _TRANSLATIONS | _of_calls(Calls())
        self.ignored: Counter[str] = Counter()
        self._edits = EncryptedEdits()

    def take(self, name: str, raw: bytes) -> bool:
        """True when the event is ours to keep; never raises, and never loses one on a full disk."""
        if name not in self._translations:
            return False
        body = base64.b64encode(raw).decode()
        while True:
            try:
                self._journal.append(name, body)
                return True
            except sqlite3.OperationalError:
                log.exception("the journal cannot be written; is the disk full?")
                time.sleep(_FULL_DISK_PAUSE)

    def entries(self, kept: JournalEntry) -> list[JournalEntry]:
        """What to publish for a journalled event: events of ours, or the bytes with the reason why it is none. Empty:
        nothing anybody needs."""
        if kept.subject not in self._translations:
            return [kept]
        translate, subject = self._translations[kept.subject]
        try:
            event = mend_strings(_class_of(kept.subject).FromString(base64.b64decode(kept.body)))
            if kept.subject == "Message":
                event = self._edits.opened(event)
                if self._timers:
                    self._timers.hear(event)
            return self._published_as(kept, translate(event, self._account))
        except Exception as error:
            log.warning("a %s could not be translated", kept.subject, extra={"instance_id": self._account.instance_id})
            address = f"{subject}.{self._account.organization_id}.{self._account.instance_id}"
            reason = f"{kept.subject}: {type(error).__name__}: {error}"[:2000]
            return [replace(kept, subject=address, body=kept.body[:_MAX_RAW], error=reason)]

    def _published_as(self, kept: JournalEntry, ours: Event | Sequence[Event] | Ignored) -> list[JournalEntry]:
        if isinstance(ours, Ignored):
            self.count(ours.kind)
            return []
        events = [ours] if isinstance(ours, Event) else ours
        parts = [part for event in events for part in parts_of(_placed(event, kept.order_key))]
        return [replace(kept, subject=part.full_subject, body=part.model_dump_json()) for part in parts]

    def noticed(self, name: str, event: Any) -> EphemeralObserved | None:
        """What to tell of an event that is only live; None, and counted, for any other. Never raises."""
        try:
            seen = _LIVE[name](event, self._account) if name in _LIVE else Ignored(name)
        except Exception:
            seen = Ignored(f"broken-{name}")
        if isinstance(seen, Ignored):
            self.count(seen.kind)
            return None
        return EphemeralObserved(
            instance_id=self._account.instance_id, subject=seen.full_subject, body=seen.model_dump_json()
        )

    def count(self, kind: str) -> None:
        """An event nobody needs; the first of each kind is logged, so that none goes unnoticed."""
        self.ignored[kind] += 1
        if self.ignored[kind] == 1:
            log.info("ignoring events of this kind", extra={"instance_id": self._account.instance_id, "kind": kind})


def _of_calls(calls: Calls) -> dict[str, _Translation]:
    return {name: (partial(calls.heard, name), MessageReceived.subject) for name in CALL_EVENTS}


def _placed(event: Event, order_key: int | None) -> Event:
    """With its place among the messages of the account."""
    return event.model_copy(update={"order_key": order_key}) if isinstance(event, MessageReceived) else event


def parts_of(event: Event) -> list[Event]:
    """The event, or several with some of its ids each: a stranger decides how many ids a receipt names."""
    if not isinstance(event, ReceiptReceived | MessagesReadElsewhere) or len(event.wa_ids) <= MAX_IDS:
        return [event]
    ids = list(dict.fromkeys(event.wa_ids))
    groups = (ids[place : place + MAX_IDS] for place in range(0, len(ids), MAX_IDS))
    return [event.model_copy(update={"id": derived_id(event.id, *sorted(group)), "wa_ids": group}) for group in groups]


def _class_of(name: str) -> Any:
    """The protobuf class; the worker has loaded them before it was forked."""
    return getattr(sys.modules["neonize.proto.Neonize_pb2"], name)
