"""Somebody who writes to our users."""

from simulator.people.content import Content
from simulator.people.person import SimulatedPerson
from simulator.protocol.node import Attributes, element, leaf
from simulator.server.accounts import Account, Companion
from simulator.server.network import Incoming

DELIVERED = "delivered"  # a delivery receipt has no type on the wire; every other kind is called as its type

_UNREADABLE = b"\x33" + b"\x08" * 60


class Contact(SimulatedPerson):
    """One device, no companions."""

    def receipt(self, to: Account, ids: list[str], kind: str) -> None:
        """Tell all companions of `to` that `ids` are "delivered", "read", "played", or any other type of receipt."""
        for companion in to.companions.values():
            self._receipt_to(companion, ids, kind)

    def typing(self, to: Account, state: str, media: str | None = None) -> None:
        """ "composing" or "paused"; `media`: what is being recorded. Reaches only companions that are online."""
        stanza = element("chatstate", {"from": self.account.lid}, element(state, {"media": media}))
        for companion in to.companions.values():
            self.network.delivery.deliver_once(companion, stanza)

    def write_undecryptable(self, to: Account, content: Content, *, resends: bool = True, hide: bool = False) -> str:
        """A message that no session can decrypt; its id. `resends`: a readable copy follows when a device asks for
        it. `hide`: clients are told not to show what they cannot decrypt of it."""
        message_id = self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, content)}
        enc: Attributes = {"v": "2", "type": "msg", "decrypt-fail": "hide" if hide else None}
        for companion in to.companions.values():
            if resends:
                self._remember(companion, head, content)
            self.network.delivery.deliver(companion, element("message", head, leaf("enc", _UNREADABLE, enc)))
        return message_id

    def write_unavailable(self, to: Account) -> str:
        """View-once media: linked devices are told that it is there, and get nothing of it. Its id."""
        message_id = self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, Content(b"", "image"))}
        for companion in to.companions.values():
            unavailable = element("unavailable", {"type": "view_once"})
            self.network.delivery.deliver(companion, element("message", head, unavailable))
        return message_id

    def change_number(self, number: str, told: Account) -> None:
        """Move to another number; WhatsApp announces it to the devices of `told`. The LID stays."""
        old = self.account.pn
        self.network.renumber(self.account, number)
        moved: Attributes = {
            "old": old,
            "new": self.account.pn,
            "old_lid": self.account.lid,
            "new_lid": self.account.lid,
        }
        head: Attributes = {"from": old, "type": "contacts", "id": self.network.names.message_id()}
        for companion in told.companions.values():
            stanza = element("notification", {**head, "t": self.network.now()}, element("modify", moved))
            self.network.delivery.deliver(companion, stanza)

    def on_message(self, incoming: Incoming) -> None:
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
