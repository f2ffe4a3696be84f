"""Maps journal entries, which hold the library's bytes, to the events to publish."""

import base64
import logging
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from services.session.ipc.messages import EphemeralObserved
from services.session.worker.chat_timers import ChatTimers
from services.session.worker.journal.journal import JournalEntry
from services.session.worker.journal.received_messages import ReceivedMessages
from services.session.worker.library.whatsapp_port import IGNORED_MESSAGE
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
from services.session.worker.mapping.protobufs import EventProtobuf
from services.session.worker.mapping.utf8_repair import repair_strings
from shared.contracts.events import MessageReceived, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import EphemeralEvent, Event

_Mapping = tuple[Callable[[EventProtobuf, InstanceIdentity], Event | Sequence[Event] | IgnoredEvent], str]
"""The function, and the subject for the dead letters of what it cannot map."""
_MAPPINGS: dict[str, _Mapping] = {
    "Message": (map_messages, MessageReceived.subject),
    "UndecryptableMessage": (map_undecryptable, MessageReceived.subject),
    IGNORED_MESSAGE: (map_undecryptable, MessageReceived.subject),
    "Receipt": (map_receipt, ReceiptReceived.subject),
}
"""By the name of the library's protobuf, which is also the subject of its journal entries."""
_PROTOBUF_NAMES = {IGNORED_MESSAGE: "UndecryptableMessage"}
"""Where it differs."""
_MESSAGES = frozenset({"Message", "UndecryptableMessage"})
JOURNALED_EVENTS = frozenset({*_MAPPINGS, *CALL_EVENTS})
_EPHEMERAL_MAPPINGS: dict[str, Callable[[EventProtobuf, InstanceIdentity], EphemeralEvent | IgnoredEvent]] = {
    "ChatPresence": map_typing,
    "Presence": map_presence,
}
"""Not journaled: they are of no use later."""
_MAX_UNMAPPED_CHARACTERS = 900_000
"""Of base64; JetStream takes messages up to 1 MB."""
MAX_RECEIPT_IDS = 500
"""Ids in one event; the router looks up each in MongoDB."""

log = logging.getLogger(__name__)


class JournalMapper:
    """Maps the events of one instance. `entries_to_publish` is called on the forwarder's thread and in the order of the
    journal; the other methods on the library's threads."""

    def __init__(
        self, instance: InstanceIdentity, received: ReceivedMessages, timers: ChatTimers | None = None
    ) -> None:
        calls = MissedCallDetector()
        self._received = received
        self._instance = instance
        self._timers = timers
        self._mappings = _MAPPINGS | {
            name: (partial(calls.map_call_event, name), MessageReceived.subject) for name in CALL_EVENTS
        }
        self._edit_decryptor = EditDecryptor()
        self.ignored: Counter[str] = Counter()
        """By kind: how many events were not published because nothing needs them."""

    def entries_to_publish(self, entry: JournalEntry) -> list[JournalEntry]:
        """The events to publish for an entry, or its bytes with the reason why they cannot be mapped. Empty: the event
        is ignored."""
        if entry.subject not in self._mappings:
            return [entry]
        map_event, subject = self._mappings[entry.subject]
        try:
            protobuf = protobuf_class(_PROTOBUF_NAMES.get(entry.subject, entry.subject))
            event = repair_strings(protobuf.FromString(base64.b64decode(entry.body)))
            if entry.subject in _MESSAGES:
                self._received.add(_message_key(event))
            elif entry.subject == IGNORED_MESSAGE and _message_key(event) in self._received:
                return self._entries_for(entry, IgnoredEvent("message-repeated"))
            if entry.subject == "Message":
                event = self._edit_decryptor.decrypt(event)
                if self._timers:
                    self._timers.record(event)
            return self._entries_for(entry, map_event(event, self._instance))
        except Exception as error:
            instance_id = self._instance.instance_id
            log.warning("a %s event could not be mapped", entry.subject, extra={"instance_id": instance_id})
            full_subject = f"{subject}.{self._instance.organization_id}.{instance_id}"
            reason = f"{entry.subject}: {type(error).__name__}: {error}"[:2000]
            return [replace(entry, subject=full_subject, body=entry.body[:_MAX_UNMAPPED_CHARACTERS], error=reason)]

    def _entries_for(self, entry: JournalEntry, mapped: Event | Sequence[Event] | IgnoredEvent) -> list[JournalEntry]:
        if isinstance(mapped, IgnoredEvent):
            self.count_ignored(mapped.kind)
            return []
        entries = []
        for event in [mapped] if isinstance(mapped, Event) else mapped:
            if isinstance(event, MessageReceived):
                event = event.model_copy(update={"order_key": entry.order_key})
            for part in split_by_ids(event):
                entries.append(replace(entry, subject=part.full_subject, body=part.model_dump_json()))
        return entries

    def ephemeral_frame(self, name: str, event: EventProtobuf) -> EphemeralObserved | None:
        """The frame for an ephemeral event; None for any other, which is counted as ignored. Never raises."""
        map_event = _EPHEMERAL_MAPPINGS.get(name)
        try:
            mapped = map_event(event, self._instance) if map_event else IgnoredEvent(name)
        except Exception:
            mapped = IgnoredEvent(f"broken-{name}")
        if isinstance(mapped, IgnoredEvent):
            self.count_ignored(mapped.kind)
            return None
        return EphemeralObserved(
            instance_id=self._instance.instance_id, subject=mapped.full_subject, body=mapped.model_dump_json()
        )

    def count_ignored(self, kind: str) -> None:
        """Count an event that nothing needs. The first of each kind is logged, so that a new kind is noticed."""
        self.ignored[kind] += 1
        if self.ignored[kind] == 1:
            log.info("ignoring events of this kind", extra={"instance_id": self._instance.instance_id, "kind": kind})


def _message_key(event: EventProtobuf) -> str:
    """The id and its sender, who chose it."""
    return f"{event.Info.ID} {event.Info.MessageSource.Sender.User}"


def split_by_ids(event: Event) -> list[Event]:
    """The event, or several with at most MAX_RECEIPT_IDS ids each: a stranger decides how many ids a receipt has."""
    if not isinstance(event, ReceiptReceived | MessagesReadElsewhere) or len(event.wa_ids) <= MAX_RECEIPT_IDS:
        return [event]
    ids = list(dict.fromkeys(event.wa_ids))
    groups = (ids[start : start + MAX_RECEIPT_IDS] for start in range(0, len(ids), MAX_RECEIPT_IDS))
    return [event.model_copy(update={"id": derived_id(event.id, *sorted(group)), "wa_ids": group}) for group in groups]


def protobuf_class(name: str) -> EventProtobuf:
    """preload.py has loaded the classes before the worker was forked."""
    return getattr(sys.modules["neonize.proto.Neonize_pb2"], name)
