"""usync: which of these numbers are on the network, with which devices and under which LID."""

from simulator.protocol.jid import PHONE_SERVER, Jid
from simulator.protocol.node import Attributes, Node, element, leaf, listed
from simulator.server.accounts import SimulatedAccount
from simulator.server.network import NetworkState


def usync(network: NetworkState, body: Node) -> list[Node]:
    """The answer to one `<usync>`."""
    protocols = {node.tag: node for node in body.require_child("query").children}
    users = [_user(network, user, protocols) for user in body.require_child("list").children]
    head = {"index": "0", "last": "true", **{name: body.attrs.get(name) for name in ("sid", "mode", "context")}}
    result = element("result", None, *[element(tag) for tag in protocols])
    return [element("usync", head, result, listed("list", users))]


def _user(network: NetworkState, user: Node, protocols: dict[str, Node]) -> Node:
    number = ""
    if user.attrs.get("jid") is None:
        number = user.data("contact").decode()
        digits = number.split("@")[0].lstrip("+")
        account = network.find_by_number(digits)
        jid = account.pn if account else Jid(digits, PHONE_SERVER)
    else:
        jid = user.jid("jid")
        account = network.account(jid)
    head: Attributes = {"jid": jid}
    by_lid = "contact" in protocols and protocols["contact"].text("addressing_mode") == "lid"
    if number and account and by_lid:
        head = {"jid": account.lid, "pn_jid": account.pn}
    children = []
    if "contact" in protocols:
        children.append(leaf("contact", (number or str(jid)).encode(), {"type": "in" if account else "out"}))
    if account:
        children += [answer for tag, answer in _facts(network, account).items() if tag in protocols]
    return listed("user", children, head)


def _facts(network: NetworkState, account: SimulatedAccount) -> dict[str, Node]:
    devices = [element("device", {"id": "0"})]
    for number, companion in account.companions.items():
        devices.append(element("device", {"id": number, "key-index": companion.key_index}))
    return {
        "devices": element("devices", None, element("device-list", None, *devices)),
        "lid": element("lid", {"val": account.lid}),
        "status": leaf("status", b"simulated", {"t": network.now()}),
        "picture": element("picture", {"id": "1"}),
    }
