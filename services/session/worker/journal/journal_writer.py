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
from services.session.worker.journal.journal import Journal, JournalEntry
from services.session.worker.mapping.encrypted_edits import EditDecryptor
from services.session.worker.mapping.event_mapping import (
    IgnoredEvent,
    InstanceIdentity,
    map_messages,
    map_presence,
    map_receipt,
    map_typing,
    map_undecryptable,
)
from services.session.worker.mapping.missed_calls import CALL_EVENTS, MissedCallDetector
from services.session.worker.mapping.utf8_repair import repair_strings
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import EphemeralEvent, Event

_Mapping = tuple[Callable[[Any, InstanceIdentity], Event | Sequence[Event] | IgnoredEvent], str]
_MAPPINGS: dict[str, _Mapping] = {
    "Message": (map_messages, MessageReceived.subject),
    "UndecryptableMessage": (map_undecryptable, MessageReceived.subject),
    "Receipt": (map_receipt, ReceiptReceived.subject),
}
"""By the name of the library's event, which is also the subject its bytes are journalled under."""
_EPHEMERAL_MAPPINGS: dict[str, Callable[[Any, InstanceIdentity], EphemeralEvent | IgnoredEvent]] = {
    "ChatPresence": map_typing,
    "Presence": map_presence,
}
"""Worth nothing later, so they pass the journal by."""
_MAX_DEAD_LETTER_CHARACTERS = 900_000
"""Characters of base64; JetStream takes messages up to 1 MB."""
MAX_RECEIPT_IDS = 500
"""Ids in one event; each is looked up in MongoDB."""
_DISK_RETRY_DELAY_S = 0.5
"""Seconds between attempts to write; meanwhile WhatsApp keeps what comes next."""

log = logging.getLogger(__name__)


class JournalWriter:
    """`take` and `count` are called on the library's threads, `entries` on the pump's."""

    def __init__(self, account: InstanceIdentity, journal: Journal, timers: ChatTimers | None = None) -> None:
        self._instance, self._journal, self._timers = account, journal, timers
        self._mappings = _MAPPINGS | _of_calls(MissedCallDetector())
        self.ignored: Counter[str] = Counter()
        self._edit_decryptor = EditDecryptor()

    def append(self, name: str, raw: bytes) -> bool:
        """True when the event is ours to keep; never raises, and never loses one on a full disk."""
        if name not in self._mappings:
            return False
        body = base64.b64encode(raw).decode()
        while True:
            try:
                self._journal.append(name, body)
                return True
            except sqlite3.OperationalError:
                log.exception("the journal cannot be written; is the disk full?")
                time.sleep(_DISK_RETRY_DELAY_S)

    def entries_to_publish(self, kept: JournalEntry) -> list[JournalEntry]:
        """What to publish for a journalled event: events of ours, or the bytes with the reason why it is none. Empty:
        nothing anybody needs."""
        if kept.subject not in self._mappings:
            return [kept]
        translate, subject = self._mappings[kept.subject]
        try:
            event = repair_strings(protobuf_class(kept.subject).FromString(base64.b64decode(kept.body)))
            if kept.subject == "Message":
                event = self._edit_decryptor.decrypt(event)
                if self._timers:
                    self._timers.record(event)
            return self._entries_for(kept, translate(event, self._instance))
        except Exception as error:
            log.warning("a %s could not be translated", kept.subject, extra={"instance_id": self._instance.instance_id})
            address = f"{subject}.{self._instance.organization_id}.{self._instance.instance_id}"
            reason = f"{kept.subject}: {type(error).__name__}: {error}"[:2000]
            return [replace(kept, subject=address, body=kept.body[:_MAX_DEAD_LETTER_CHARACTERS], error=reason)]

    def _entries_for(self, kept: JournalEntry, ours: Event | Sequence[Event] | IgnoredEvent) -> list[JournalEntry]:
        if isinstance(ours, IgnoredEvent):
            self.count_ignored(ours.kind)
            return []
        events = [ours] if isinstance(ours, Event) else ours
        parts = [part for event in events for part in split_by_ids(_placed(event, kept.order_key))]
        return [replace(kept, subject=part.full_subject, body=part.model_dump_json()) for part in parts]

    def ephemeral_frame(self, name: str, event: Any) -> EphemeralObserved | None:
        """What to tell of an event that is only live; None, and counted, for any other. Never raises."""
        try:
            seen = (
                _EPHEMERAL_MAPPINGS[name](event, self._instance) if name in _EPHEMERAL_MAPPINGS else IgnoredEvent(name)
            )
        except Exception:
            seen = IgnoredEvent(f"broken-{name}")
        if isinstance(seen, IgnoredEvent):
            self.count_ignored(seen.kind)
            return None
        return EphemeralObserved(
            instance_id=self._instance.instance_id, subject=seen.full_subject, body=seen.model_dump_json()
        )

    def count_ignored(self, kind: str) -> None:
        """An event nobody needs; the first of each kind is logged, so that none goes unnoticed."""
        self.ignored[kind] += 1
        if self.ignored[kind] == 1:
            log.info("ignoring events of this kind", extra={"instance_id": self._instance.instance_id, "kind": kind})


def _of_calls(calls: MissedCallDetector) -> dict[str, _Mapping]:
    return {name: (partial(calls.map_call_event, name), MessageReceived.subject) for name in CALL_EVENTS}


def _placed(event: Event, order_key: int | None) -> Event:
    """With its place among the messages of the account."""
    return event.model_copy(update={"order_key": order_key}) if isinstance(event, MessageReceived) else event


def split_by_ids(event: Event) -> list[Event]:
    """The event, or several with some of its ids each: a stranger decides how many ids a receipt names."""
    if not isinstance(event, ReceiptReceived | MessagesReadElsewhere) or len(event.wa_ids) <= MAX_RECEIPT_IDS:
        return [event]
    ids = list(dict.fromkeys(event.wa_ids))
    groups = (ids[place : place + MAX_RECEIPT_IDS] for place in range(0, len(ids), MAX_RECEIPT_IDS))
    return [event.model_copy(update={"id": derived_id(event.id, *sorted(group)), "wa_ids": group}) for group in groups]


def protobuf_class(name: str) -> Any:
    """The protobuf class; the worker has loaded them before it was forked."""
    return getattr(sys.modules["neonize.proto.Neonize_pb2"], name)
