"""Questions of clients (iq). One function per namespace: children of the answer, a refusal, or nothing at all."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.protocol.device import PreKeyBundle
from simulator.protocol.jid import SERVER, Jid
from simulator.protocol.node import Attributes, Node, element, leaf, listed
from simulator.server.connection import Connection
from simulator.server.groups import groups
from simulator.server.network import Network
from simulator.server.usync import usync

PRIVACY = ("readreceipts", "profile", "status", "online", "last", "groupadd", "calladd")


@dataclass(frozen=True)
class Refusal:
    """Becomes `<error code= text=>`."""

    code: int
    text: str


Answer = list[Node] | Refusal | None


@dataclass(frozen=True)
class Question:
    """An iq with its network and connection. `body` is the first child."""

    network: Network
    connection: Connection
    node: Node
    body: Node


def answer(network: Network, connection: Connection, node: Node) -> None:
    """Answer one iq; unknown namespaces get an empty result, which keeps the client quiet."""
    if node.text("type") in ("result", "error"):
        connection.answered(node)
        return
    handler = HANDLERS.get(node.text("xmlns"))
    if handler is None:
        network.unknown.append(str(node))
    question = Question(network, connection, node, node.children[0] if node.children else Node(""))
    reply: Answer = handler(question) if handler else []
    if reply is None:
        return
    head = {"from": node.attrs.get("to", SERVER), "id": node.text("id"), "type": "result"}
    if isinstance(reply, Refusal):
        error = element("error", {"code": str(reply.code), "text": reply.text})
        connection.send(element("iq", {**head, "type": "error"}, error))
    else:
        connection.send(element("iq", head, *reply))


def _ping(question: Question) -> Answer:
    companion = question.connection.companion
    account = question.network.accounts.get(companion.number) if companion else None
    return [] if account is None or account.faults.answer_pings else None


def _encrypt(question: Question) -> Answer:
    companion, node, body = question.connection.companion, question.node, question.body
    if companion is None:
        return Refusal(401, "not-authorized")
    if node.text("type") == "set":
        companion.registration_id = node.number("registration")
        for key in node.need("list").children:
            companion.one_time[key.number("id")] = key.data("value")
        companion.signed_id = node.number("skey", "id")
        companion.signed_public = node.data("skey", "value")
        companion.signature = node.data("skey", "signature")
        question.network.touch(question.network.accounts[companion.number])
        return []
    if body.tag == "count":
        return [element("count", {"value": len(companion.one_time)})]
    if body.tag == "key":
        users = [_bundle_of(question.network, user.jid("jid")) for user in body.all("user")]
        return [listed("list", users)]
    return [leaf("digest", b"")] if body.tag == "digest" else []


def _bundle_of(network: Network, jid: Jid) -> Node:
    account = network.account(jid)
    companion = network.companion(jid) if jid.device else None
    if account is None or (jid.device and companion is None):
        return element("user", {"jid": jid}, element("error", {"code": "404", "text": "item-not-found"}))
    bundle = companion.bundle() if companion else account.device.bundle()
    network.touch(account)
    return element("user", {"jid": jid, "t": network.now()}, *bundle_nodes(bundle))


def bundle_nodes(bundle: PreKeyBundle) -> list[Node]:
    """The children that describe a prekey bundle."""
    signed = [
        leaf("id", bundle.signed_id.to_bytes(3, "big")),
        leaf("value", bundle.signed_public),
        leaf("signature", bundle.signature),
    ]
    nodes = [
        leaf("registration", bundle.registration_id.to_bytes(4, "big")),
        leaf("type", b"\x05"),
        leaf("identity", bundle.identity),
        element("skey", None, *signed),
    ]
    if bundle.one_time_public is not None and bundle.one_time_id is not None:
        one_time = [leaf("id", bundle.one_time_id.to_bytes(3, "big")), leaf("value", bundle.one_time_public)]
        nodes.append(element("key", None, *one_time))
    return nodes


def _passive(question: Question) -> Answer:
    if question.connection.companion is not None and question.body.tag == "active":
        question.network.delivery.activate(question.connection.companion)
    return []


def _media(question: Question) -> Answer:
    companion = question.connection.companion
    head = {
        "auth": f"simulated-{companion.number if companion else ''}",  # tells the media host whose upload it is
        "ttl": "3600",
        "auth_ttl": "21600",
        "max_buckets": "12",
        "is_new": "1",
        "id": "1",
    }
    hosts = [
        element("host", {"hostname": "mmg.whatsapp.net", "type": "primary"}),
        element("host", {"hostname": "media-backup.cdn.whatsapp.net", "type": "fallback"}),
    ]
    return [element("media_conn", head, *hosts)]


def _app_state(question: Question) -> Answer:
    companion = question.connection.companion
    if companion is None:
        return Refusal(401, "not-authorized")
    state, collections = question.network.accounts[companion.number].app_state, []
    for collection in question.body.children:
        have = int(collection.text("version", "0"))
        patches = [leaf("patch", patch) for patch in state.since(collection.text("name"), have)]
        head: Attributes = {"name": collection.text("name"), "version": have + len(patches)}
        collections.append(element("collection", head, *([element("patches", None, *patches)] if patches else [])))
    return [listed("sync", collections)]


def _privacy(question: Question) -> Answer:
    if question.node.text("type") != "get":
        return []
    return [element("privacy", None, *[element("category", {"name": name, "value": "all"}) for name in PRIVACY])]


def _devices(question: Question) -> Answer:
    network, connection, body = question.network, question.connection, question.body
    if body.tag == "remove-companion-device" and connection.companion is not None:
        network.unlinked(connection.companion)
        return []
    if body.tag != "link_code_companion_reg":
        return Refusal(400, "bad-request")
    person = network.person(body.jid("jid"))
    if person is None or person.account.role != "phone":
        return Refusal(404, "item-not-found")
    if body.text("stage") == "companion_hello" and connection.refs:
        ref = person.on_link_code(connection, body)
        return [element("link_code_companion_reg", None, leaf("link_code_pairing_ref", ref))]
    if body.text("stage") == "companion_finish":
        person.on_link_code_finish(connection, body)
        return []
    return Refusal(400, "bad-request")


def _groups(question: Question) -> Answer:
    nodes = groups(question.network, question.connection.companion, question.node, question.body)
    return Refusal(404, "item-not-found") if nodes is None else nodes


HANDLERS: dict[str, Callable[[Question], Answer]] = {
    "w:p": _ping,
    "encrypt": _encrypt,
    "passive": _passive,
    "w:m": _media,
    "w:sync:app:state": _app_state,
    "privacy": _privacy,
    "blocklist": lambda _: [element("list", {"dhash": "0"})],
    "abt": lambda _: [element("props", {"protocol": "1"})],
    "md": _devices,
    "w:g2": _groups,
    "usync": lambda question: usync(question.network, question.body),
}
