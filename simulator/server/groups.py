"""Group questions: description, membership, creation."""

from simulator.protocol.node import Attributes, Node, element
from simulator.server.accounts import Companion, SimulatedGroup
from simulator.server.network import NetworkState


def describe(network: NetworkState, group: SimulatedGroup) -> Node:
    """`<group>` with all participants."""
    members = [network.accounts[number] for number in group.members]
    owner = members[0]
    head: Attributes = {
        "id": group.id,
        "subject": group.subject,
        "creation": group.created,
        "s_t": group.created,
        "creator": owner.lid,
        "creator_pn": owner.pn,
        "s_o": owner.lid,
        "s_o_pn": owner.pn,
        "a_v_id": "1",
        "p_v_id": "1",
        "size": len(members),
        "addressing_mode": "lid",
    }
    participants = [
        element("participant", {"jid": m.lid, "phone_number": m.pn, "type": "superadmin" if m is owner else None})
        for m in members
    ]
    return element("group", head, *participants)


def groups(network: NetworkState, companion: Companion | None, node: Node, body: Node) -> list[Node] | None:
    """Children of the answer; None for an unknown group."""
    if body.tag == "query":
        group = network.groups.get(node.jid("to").user)
        return [describe(network, group)] if group else None
    if companion is None:
        return None
    if body.tag == "create":
        found = [network.account(member.jid("jid")) for member in body.all("participant")]
        members = [companion.number, *(account.number for account in found if account)]
        return [describe(network, network.add_group(body.text("subject"), members))]
    if body.tag == "participating":
        own = [group for group in network.groups.values() if companion.number in group.members]
        return [element("groups", None, *[describe(network, group) for group in own])]
    return [element("groups")]
