"""Calls as linked devices of the called account get them: an offer, then the end. No sound is exchanged."""

from simulator.people.contact import SimulatedContact
from simulator.protocol.node import Attributes, Node, element
from simulator.server.accounts import Companion, SimulatedAccount


class SimulatedCall:
    """A call of a contact to `to`: first `offer()`, then `end(...)`."""

    def __init__(self, contact: SimulatedContact, to: SimulatedAccount, *, video: bool = False) -> None:
        self._contact, self._to, self._video = contact, to, video
        self.id = contact.network.names.token(16).upper()

    def offer(self) -> None:
        media = [element("audio", {"enc": "opus"}), *([element("video", {"enc": "vp8"})] if self._video else [])]
        self._tell("offer", {}, media)

    def end(self, reason: str = "timeout") -> None:
        """`timeout`: nobody answered; `accepted_elsewhere`, `rejected_elsewhere`: on another device of the account."""
        self._tell("terminate", {"reason": reason}, [])

    def _tell(self, tag: str, attrs: Attributes, children: list[Node]) -> None:
        caller = self._contact.account
        about: Attributes = {"call-id": self.id, "call-creator": caller.lid, "caller_pn": caller.pn, **attrs}
        for companion in self._to.companions.values():
            self._deliver(companion, element(tag, about, *children))

    def _deliver(self, companion: Companion, what: Node) -> None:
        network, caller = self._contact.network, self._contact.account
        head: Attributes = {"from": caller.lid, "id": network.names.token(5), "t": network.now()}
        network.delivery.deliver(companion, element("call", head, what))
