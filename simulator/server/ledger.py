"""Counts every message of a contact to a companion as written, sent and acknowledged; loss tests compare these.

In memory only: after a restart the counts start again, with the queued messages as pending.
"""

from dataclasses import dataclass, field


@dataclass
class LedgerEntry:
    """One message to one device. `sent`: how often it was written to a socket."""

    id: str
    sent: int = 0
    acknowledged: bool = False


@dataclass
class DeliveryLedger:
    """Entries of one account by (device, message id)."""

    entries: dict[tuple[int, str], LedgerEntry] = field(default_factory=dict)
    received: list[dict[str, object]] = field(default_factory=list)

    def record_written(self, device: int, message_id: str) -> None:
        self.entries.setdefault((device, message_id), LedgerEntry(message_id)).acknowledged = False

    def record_sent(self, device: int, message_id: str) -> None:
        if entry := self.entries.get((device, message_id)):
            entry.sent += 1

    def record_acknowledged(self, device: int, message_id: str) -> None:
        if entry := self.entries.get((device, message_id)):
            entry.acknowledged = True

    def forget_device(self, device: int) -> None:
        """Drops the unacknowledged messages of an unlinked device, which will never acknowledge them."""
        for key in [key for key, entry in self.entries.items() if key[0] == device and not entry.acknowledged]:
            del self.entries[key]

    def acknowledged_ids(self) -> list[str]:
        """Ids of messages that all their devices have acknowledged, in the order of writing."""
        open_ids = {entry.id for entry in self.entries.values() if not entry.acknowledged}
        return list(dict.fromkeys(entry.id for entry in self.entries.values() if entry.id not in open_ids))

    def counts(self) -> dict[str, int]:
        entries = self.entries.values()
        return {
            "written": len(entries),
            "delivered": sum(entry.sent > 0 for entry in entries),
            "acknowledged": sum(entry.acknowledged for entry in entries),
            "redelivered": sum(entry.sent - 1 for entry in entries if entry.sent > 1),
            "pending": sum(not entry.acknowledged for entry in entries),
            "received": len(self.received),
        }
