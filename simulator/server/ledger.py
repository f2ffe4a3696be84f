"""The account of every message a contact wrote to a companion: the numbers that decide loss tests.

Kept in memory only: after a restart of the simulator the counts begin anew, with the waiting messages as pending.
"""

from dataclasses import dataclass, field


@dataclass
class Entry:
    """One message for one device. `sent` = how often it was handed to a socket."""

    id: str
    sent: int = 0
    acknowledged: bool = False


@dataclass
class Ledger:
    """Entries of one account by (device, message id)."""

    entries: dict[tuple[int, str], Entry] = field(default_factory=dict)
    received: list[dict[str, object]] = field(default_factory=list)

    def written(self, device: int, message_id: str) -> None:
        self.entries.setdefault((device, message_id), Entry(message_id)).acknowledged = False

    def sent(self, device: int, message_id: str) -> None:
        if entry := self.entries.get((device, message_id)):
            entry.sent += 1

    def acknowledged(self, device: int, message_id: str) -> None:
        if entry := self.entries.get((device, message_id)):
            entry.acknowledged = True

    def forget_device(self, device: int) -> None:
        """An unlinked device will never acknowledge what still waits for it."""
        for key in [key for key, entry in self.entries.items() if key[0] == device and not entry.acknowledged]:
            del self.entries[key]

    def acknowledged_ids(self) -> list[str]:
        """Ids that every device they were written to has acknowledged, in the order of writing."""
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
