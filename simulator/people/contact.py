"""A simulated contact: a person who writes to the users' phones."""

from simulator.people.content import OutgoingContent
from simulator.people.person import SimulatedPerson
from simulator.protocol.node import Attributes, element, leaf
from simulator.server.accounts import Companion, SimulatedAccount
from simulator.server.network import IncomingStanza

DELIVERED = "delivered"  # a delivery receipt has no type on the wire; every other kind is sent as the type

_UNDECRYPTABLE_BYTES = b"\x33" + b"\x08" * 60


class SimulatedContact(SimulatedPerson):
    """One device, no companions."""

    def receipt(self, to: SimulatedAccount, ids: list[str], kind: str) -> None:
        """Sends a receipt for `ids` to all companions of `to`: "delivered", "read", "played" or any other type."""
        for companion in to.companions.values():
            self._receipt_to(companion, ids, kind)

    def typing(self, to: SimulatedAccount, state: str, media: str | None = None) -> None:
        """Sends a chat state ("composing" or "paused") to the online companions. `media`: what is being recorded."""
        stanza = element("chatstate", {"from": self.account.lid}, element(state, {"media": media}))
        for companion in to.companions.values():
            self.network.delivery.deliver_if_online(companion, stanza)

    def write_undecryptable(
        self, to: SimulatedAccount, content: OutgoingContent, *, resends: bool = True, hide: bool = False
    ) -> str:
        """Sends a message that no session can decrypt. -> id. `resends`: a readable copy follows after a retry receipt.
        `hide`: the stanza asks clients to show nothing when they cannot decrypt it."""
        message_id = self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, content)}
        enc: Attributes = {"v": "2", "type": "msg", "decrypt-fail": "hide" if hide else None}
        for companion in to.companions.values():
            if resends:
                self._remember(companion, head, content)
            self.network.delivery.deliver(companion, element("message", head, leaf("enc", _UNDECRYPTABLE_BYTES, enc)))
        return message_id

    def write_unavailable(self, to: SimulatedAccount) -> str:
        """Sends view-once media, of which linked devices get only a notice without the content. -> id"""
        message_id = self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, OutgoingContent(b"", "image"))}
        for companion in to.companions.values():
            unavailable = element("unavailable", {"type": "view_once"})
            self.network.delivery.deliver(companion, element("message", head, unavailable))
        return message_id

    def change_number(self, number: str, announce_to: SimulatedAccount) -> None:
        """Changes the phone number and keeps the LID; WhatsApp notifies the devices of `announce_to`."""
        old = self.account.pn
        self.network.renumber(self.account, number)
        change: Attributes = {
            "old": old,
            "new": self.account.pn,
            "old_lid": self.account.lid,
            "new_lid": self.account.lid,
        }
        head: Attributes = {"from": old, "type": "contacts", "id": self.network.names.message_id()}
        for companion in announce_to.companions.values():
            stanza = element("notification", {**head, "t": self.network.now()}, element("modify", change))
            self.network.delivery.deliver(companion, stanza)

    def on_message(self, incoming: IncomingStanza) -> None:
        before = len(self.inbox)
        super().on_message(incoming)
        if len(self.inbox) > before:
            for kind in self.account.auto_receipts:
                self._receipt_to(incoming.sender, [incoming.stanza.text("id")], kind)

    def _receipt_to(self, companion: Companion, ids: list[str], kind: str) -> None:
        first, *others = ids
        items = [element("item", {"id": message_id}) for message_id in others]
        wire = None if kind == DELIVERED else kind
        head: Attributes = {"from": self.account.lid, "id": first, "t": self.network.now(), "type": wire}
        lists = [element("list", None, *items)] if items else []
        self.network.delivery.deliver(companion, element("receipt", head, *lists))
