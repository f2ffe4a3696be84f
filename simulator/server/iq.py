"""Clients' iq requests, one function per namespace. → the answer's children, an error, or None for silence."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.protocol.device import PreKeyBundle
from simulator.protocol.jid import SERVER, Jid
from simulator.protocol.node import Attributes, Node, element, leaf, listed
from simulator.server.connection import ClientConnection
from simulator.server.groups import groups
from simulator.server.network import NetworkState
from simulator.server.profile_pictures import has_picture, picture_node
from simulator.server.usync import usync

PRIVACY = ("readreceipts", "profile", "status", "online", "last", "groupadd", "calladd")


@dataclass(frozen=True)
class IqError:
    """Becomes `<error code= text=>`."""

    code: int
    text: str


IqAnswer = list[Node] | IqError | None


@dataclass(frozen=True)
class IqRequest:
    """An iq stanza with its network and connection. `body`: its first child."""

    network: NetworkState
    connection: ClientConnection
    node: Node
    body: Node


def answer_iq(network: NetworkState, connection: ClientConnection, node: Node) -> None:
    """Answers one iq. Unknown namespaces get an empty result, so that the client does not repeat the request."""
    if node.text("type") in ("result", "error"):
        connection.on_answer(node)
        return
    handler = HANDLERS.get(node.text("xmlns"))
    if handler is None:
        network.unknown_stanzas.append(str(node))
    request = IqRequest(network, connection, node, node.children[0] if node.children else Node(""))
    reply: IqAnswer = handler(request) if handler else []
    if reply is None:
        return
    head = {"from": node.attrs.get("to", SERVER), "id": node.text("id"), "type": "result"}
    if isinstance(reply, IqError):
        error = element("error", {"code": str(reply.code), "text": reply.text})
        connection.send(element("iq", {**head, "type": "error"}, error))
    else:
        connection.send(element("iq", head, *reply))


def _ping(request: IqRequest) -> IqAnswer:
    companion = request.connection.companion
    account = request.network.accounts.get(companion.number) if companion else None
    return [] if account is None or account.faults.answer_pings else None


def _encrypt(request: IqRequest) -> IqAnswer:
    companion, node, body = request.connection.companion, request.node, request.body
    if companion is None:
        return IqError(401, "not-authorized")
    if node.text("type") == "set":
        companion.registration_id = node.number("registration")
        for key in node.require_child("list").children:
            companion.one_time[key.number("id")] = key.data("value")
        companion.signed_id = node.number("skey", "id")
        companion.signed_public = node.data("skey", "value")
        companion.signature = node.data("skey", "signature")
        request.network.mark_changed(request.network.accounts[companion.number])
        return []
    if body.tag == "count":
        return [element("count", {"value": len(companion.one_time)})]
    if body.tag == "key":
        users = [_bundle_of(request.network, user.jid("jid")) for user in body.all("user")]
        return [listed("list", users)]
    return [leaf("digest", b"")] if body.tag == "digest" else []


def _bundle_of(network: NetworkState, jid: Jid) -> Node:
    account = network.account(jid)
    companion = network.companion(jid) if jid.device else None
    if account is None or (jid.device and companion is None):
        return element("user", {"jid": jid}, element("error", {"code": "404", "text": "item-not-found"}))
    bundle = companion.bundle() if companion else account.device.bundle()
    network.mark_changed(account)
    return element("user", {"jid": jid, "t": network.now()}, *bundle_nodes(bundle))


def bundle_nodes(bundle: PreKeyBundle) -> list[Node]:
    """The stanza children of a prekey bundle."""
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


def _passive(request: IqRequest) -> IqAnswer:
    if request.connection.companion is not None and request.body.tag == "active":
        request.network.delivery.activate(request.connection.companion)
    return []


def _media(request: IqRequest) -> IqAnswer:
    companion = request.connection.companion
    head = {
        "auth": f"simulated-{companion.number if companion else ''}",  # shows the media host which account uploads
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


def _app_state(request: IqRequest) -> IqAnswer:
    companion = request.connection.companion
    if companion is None:
        return IqError(401, "not-authorized")
    state, collections = request.network.accounts[companion.number].app_state, []
    for collection in request.body.children:
        have = int(collection.text("version", "0"))
        patches = [leaf("patch", patch) for patch in state.since(collection.text("name"), have)]
        head: Attributes = {"name": collection.text("name"), "version": have + len(patches)}
        collections.append(element("collection", head, *([element("patches", None, *patches)] if patches else [])))
    return [listed("sync", collections)]


def _privacy(request: IqRequest) -> IqAnswer:
    if request.node.text("type") != "get":
        return []
    return [element("privacy", None, *[element("category", {"name": name, "value": "all"}) for name in PRIVACY])]


def _devices(request: IqRequest) -> IqAnswer:
    network, connection, body = request.network, request.connection, request.body
    if body.tag == "remove-companion-device" and connection.companion is not None:
        network.forget_device(connection.companion)
        return []
    if body.tag != "link_code_companion_reg":
        return IqError(400, "bad-request")
    person = network.person(body.jid("jid"))
    if person is None or person.account.role != "phone":
        return IqError(404, "item-not-found")
    if body.text("stage") == "companion_hello" and connection.refs:
        ref = person.on_link_code(connection, body)
        return [element("link_code_companion_reg", None, leaf("link_code_pairing_ref", ref))]
    if body.text("stage") == "companion_finish":
        person.on_link_code_finish(connection, body)
        return []
    return IqError(400, "bad-request")


def _groups(request: IqRequest) -> IqAnswer:
    nodes = groups(request.network, request.connection.companion, request.node, request.body)
    return IqError(404, "item-not-found") if nodes is None else nodes


def _picture(request: IqRequest) -> IqAnswer:
    account = request.network.account(request.node.jid("target"))
    if account is None or not has_picture(account):
        return IqError(404, "item-not-found")
    return [picture_node(account, request.body.text("type", "preview"))]


HANDLERS: dict[str, Callable[[IqRequest], IqAnswer]] = {
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
    "w:profile:picture": _picture,
    "usync": lambda request: usync(request.network, request.body),
}
