"""Somebody who writes to our users."""

from simulator.people.person import SimulatedPerson
from simulator.protocol.node import Attributes, element
from simulator.server.accounts import Account, Companion
from simulator.server.network import Incoming

# what the network calls the kinds of receipts; a delivery receipt has no type
RECEIPT_TYPES = {"delivered": None, "read": "read", "played": "played"}


class Contact(SimulatedPerson):
    """One device, no companions."""

    def receipt(self, to: Account, ids: list[str], kind: str) -> None:
        """Tell all companions of `to` that `ids` are "delivered", "read" or "played"."""
        for companion in to.companions.values():
            self._receipt_to(companion, ids, kind)

    def typing(self, to: Account, state: str) -> None:
        """ "composing" or "paused". Reaches only companions that are online."""
        for companion in to.companions.values():
            self.network.delivery.deliver_once(
                companion, element("chatstate", {"from": self.account.lid}, element(state))
            )

    def on_message(self, incoming: Incoming) -> None:
        before = len(self.inbox)
        super().on_message(incoming)
        if len(self.inbox) > before:
            for kind in self.account.auto_receipts:
                self._receipt_to(incoming.sender, [incoming.stanza.text("id")], kind)

    def _receipt_to(self, companion: Companion, ids: list[str], kind: str) -> None:
        first, *others = ids
        items = [element("item", {"id": message_id}) for message_id in others]
        head: Attributes = {"from": self.account.lid, "id": first, "t": self.network.now(), "type": RECEIPT_TYPES[kind]}
        lists = [element("list", None, *items)] if items else []
        self.network.delivery.deliver(companion, element("receipt", head, *lists))
