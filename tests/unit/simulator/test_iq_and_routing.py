"""Answers to iq requests and the routing of messages, with faults that real clients meet rarely."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulator.protocol.device import SignalDevice, pad
from simulator.protocol.jid import Jid
from simulator.protocol.node import Node, element, leaf
from simulator.protocol.protos import Message
from simulator.server import iq
from simulator.server.accounts import Companion, Faults
from simulator.server.profile_pictures import has_picture, picture_node
from simulator.server.routing import StanzaRouter
from simulator.world import World


class Client:
    """A connection without a socket, with the Signal device of a companion."""

    def __init__(self, world: World) -> None:
        self.world, self.device, self.sent = world, SignalDevice.new(), list[Node]()
        self.phone = world.add_phone("4915112345678", "Anna")
        account, bundle = self.phone.account, self.device.bundle()
        keys = (bundle.registration_id, bundle.signed_id, bundle.signed_public, bundle.signature)
        self.companion = Companion(account.number, account.lid_user, 1, b"n" * 32, bundle.identity, 1, *keys)
        account.companions[1] = self.companion
        self.refs: list[str] = []

    def send(self, node: Node) -> None:
        self.sent.append(node)

    def ask(self, namespace: str, *body: Node, **attrs: Any) -> list[Node]:
        """The answers to one iq request."""
        self.sent.clear()
        node = element("iq", {"id": "1", "type": "get", "xmlns": namespace, **attrs}, *body)
        iq.answer_iq(self.world.network, self, node)  # type: ignore[arg-type]  # a stand-in for a Connection
        return list(self.sent)

    def write(self, to: Jid, words: str) -> Node:
        """Encrypts for one recipient and routes it. → the last answer"""
        address = str(to)
        person = self.world.network.person(to)
        assert person is not None
        if not self.device.has_session(address):
            self.device.start_session(address, person.account.device.bundle())
        kind, data = self.device.encrypt(address, pad(Message(conversation=words).SerializeToString()))
        target = element("to", {"jid": to}, leaf("enc", data, {"v": "2", "type": kind}))
        node = element("message", {"to": to, "id": "M1", "type": "text"}, element("participants", None, target))
        self.sent.clear()
        StanzaRouter(self.world.network).message(self, node, self.companion)  # type: ignore[arg-type]  # as above
        return self.sent[-1] if self.sent else Node("")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    world = World(tmp_path, seed=1)
    yield Client(world)
    await world.network.close()


def test_pings_are_answered_unless_a_fault_is_set(client: Client) -> None:
    assert client.ask("w:p")[0].text("type") == "result"
    client.phone.account.faults = Faults(answer_pings=False)
    assert client.ask("w:p") == []


def test_unknown_iqs_get_an_empty_result_and_are_remembered(client: Client) -> None:
    (answer,) = client.ask("w:newest")
    assert (answer.text("type"), answer.children) == ("result", [])
    assert "w:newest" in client.world.network.unknown_stanzas[0]


def test_prekeys_are_uploaded_counted_and_handed_out_once(client: Client) -> None:
    keys = [element("key", None, leaf("id", bytes([0, 0, n])), leaf("value", bytes([n]) * 32)) for n in (1, 2)]
    signed = [leaf("id", b"\0\0\1"), leaf("value", b"s" * 32), leaf("signature", b"g" * 64)]
    upload = [leaf("registration", b"\0\0\0\7"), element("list", None, *keys), element("skey", None, *signed)]
    client.ask("encrypt", *upload, type="set")
    assert client.ask("encrypt", element("count"))[0].require_child("count").text("value") == "2"
    user = element("key", None, element("user", {"jid": client.companion.lid}))
    numbers = [client.ask("encrypt", user)[0].child("list", "user", "key") for _ in range(3)]
    assert [node and node.number("id") for node in numbers] == [1, 2, None]


def test_usync_tells_registered_numbers_from_others(client: Client) -> None:
    bob = client.world.add_contact("4917612345678")
    query = element("query", None, element("contact"), element("lid"), element("devices"))
    users = [element("user", None, leaf("contact", f"+{number}".encode())) for number in ("4917612345678", "49999")]
    (answer,) = client.ask("usync", element("usync", {"sid": "1"}, query, element("list", None, *users)))
    known, stranger = answer.require_child("usync", "list").children
    assert (known.require_child("contact").text("type"), stranger.require_child("contact").text("type")) == (
        "in",
        "out",
    )
    assert known.require_child("lid").jid("val") == bob.account.lid
    assert stranger.child("lid") is None


def test_an_acknowledgement_can_be_held_back_or_refused(client: Client) -> None:
    bob = client.world.add_contact()
    assert client.write(bob.account.lid, "one").text("class") == "message"
    client.phone.account.faults = Faults(hold_message_acks=True)
    assert client.write(bob.account.lid, "two").tag == ""
    client.phone.account.faults = Faults(message_error=463)
    assert client.write(bob.account.lid, "three").text("error") == "463"
    texts = [bob.inbox.get(index) for index in range(1, len(bob.inbox) + 1)]
    assert [item and item.decoded.words for item in texts] == ["one", "two"]
    assert len(client.world.network.delivery.ledger(client.phone.account.number).received) == 2


def test_a_phone_that_is_offline_reads_when_it_comes_back(client: Client) -> None:
    client.phone.go(False)
    client.write(client.phone.account.lid, "for later")
    assert len(client.phone.inbox) == 0
    client.phone.go(True)
    assert len(client.phone.inbox) == 1


def test_an_error_ack_after_a_retry_receipt_does_not_drop_the_new_copy(client: Client) -> None:
    bob = client.world.add_contact()
    message = element("message", {"from": bob.account.lid, "id": "R1", "type": "text"})
    client.world.network.delivery.deliver(client.companion, message)
    router, connection = StanzaRouter(client.world.network), SimpleNamespace()
    for attrs, left in (({"error": "500"}, 1), ({}, 0)):
        ack = element("ack", {"class": "message", "id": "R1", **attrs})
        router.ack(connection, ack, client.companion)  # type: ignore[arg-type]  # not looked at
        assert len(client.world.network.delivery.queues[str(client.companion.lid)]) == left


def test_a_profile_picture_is_named_by_its_address_and_is_missing_for_strangers(client: Client) -> None:
    contact = next(one for one in (client.world.add_contact() for _ in range(20)) if has_picture(one.account))
    body = element("picture", {"query": "url", "type": "preview"})
    (answer,) = client.ask("w:profile:picture", body, target=contact.account.pn)
    assert answer.children == [picture_node(contact.account, "preview")]
    (answer,) = client.ask("w:profile:picture", body, target=Jid("4915100000000", "s.whatsapp.net"))
    assert answer.require_child("error").text("code") == "404"
