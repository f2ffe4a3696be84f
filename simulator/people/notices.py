"""Notifications that WhatsApp sends to linked devices: groups, pictures, privacy, presence."""

from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.protocol.jid import Jid
from simulator.protocol.node import Attribute, Attributes, Node, element, leaf

OTHER_GROUP = Jid("120363000000000001", "g.us")


def notices(phone: SimulatedPhone, contact: SimulatedContact) -> dict[str, Node]:
    """One stanza of each kind about `contact` for the devices of `phone`, by description."""
    return {**_of_groups(contact), **_of_people(phone, contact), **_of_the_moment(contact)}


def _notice(kind: str, sender: Jid, contact: SimulatedContact, *children: Node, **more: Attribute) -> Node:
    names = contact.network.names
    head: Attributes = {"from": sender, "type": kind, "id": names.token(8), "t": contact.network.now(), **more}
    return element("notification", head, *children)


def _of_groups(contact: SimulatedContact) -> dict[str, Node]:
    account, now = contact.account, contact.network.now()
    group = Jid("1203630" + account.lid_user, "g.us")

    def group_notice(*children: Node) -> Node:
        by: Attributes = {
            "participant": account.lid,
            "participant_pn": account.pn,
            "addressing_mode": "lid",
            "notify": "Bob",
        }
        return _notice("w:gp2", group, contact, *children, **by)

    def link(kind: str) -> Node:
        return group_notice(
            element("link", {"link_type": kind}, element("group", {"jid": OTHER_GROUP, "subject": "Sub", "s_t": now}))
        )

    member = element("participant", {"jid": account.lid, "phone_number": account.pn})
    described = element("group", {"id": group.user, "subject": "Club", "creation": now}, member)
    return {
        "joined a group without an owner": group_notice(element("create", {"type": "new"}, described)),
        "subject of a group": group_notice(element("subject", {"subject": "New", "s_t": now, "s_o": account.lid})),
        "members of a group": group_notice(element("add", {"prev_v_id": "1", "v_id": "2"}, member)),
        "group in a community": link("sub_group"),
        "group in a community, in a way nobody knows": link("default_sub_group"),
        "group deleted": group_notice(element("delete", {"reason": "delete_parent"})),
    }


def _of_people(phone: SimulatedPhone, contact: SimulatedContact) -> dict[str, Node]:
    account, own = contact.account, phone.account.lid
    privacy = [
        element("category", {"name": "last", "value": "contact_blacklist"}),
        element("category", {"name": "calladd", "value": "of tomorrow"}),
    ]
    return {
        "picture": _notice("picture", account.lid, contact, element("set", {"jid": account.lid, "id": "17"})),
        "about": _notice("status", account.lid, contact, leaf("set", b"busy")),
        "privacy": _notice("account_sync", own, contact, element("privacy", None, *privacy)),
        "blocked": _notice(
            "account_sync",
            own,
            contact,
            element("blocklist", {"action": "modify"}, element("item", {"jid": account.lid, "action": "block"})),
        ),
        "something nobody knows": _notice("of_tomorrow", account.lid, contact, element("news")),
    }


def _of_the_moment(contact: SimulatedContact) -> dict[str, Node]:
    lid = contact.account.lid
    call: Attributes = {"from": lid, "id": contact.network.names.token(8), "t": contact.network.now()}
    about: Attributes = {"call-id": contact.network.names.token(16), "call-creator": lid}
    return {
        "types": element("chatstate", {"from": lid}, element("composing")),
        "records a voice message": element("chatstate", {"from": lid}, element("composing", {"media": "audio"})),
        "records a video": element("chatstate", {"from": lid}, element("composing", {"media": "video"})),
        "a state nobody knows": element("chatstate", {"from": lid}, element("dreaming")),
        "comes online": element("presence", {"from": lid}),
        "goes and hides since when": element("presence", {"from": lid, "type": "unavailable", "last": "deny"}),
        "call": element("call", call, element("offer", about, element("audio", {"enc": "opus", "rate": "16000"}))),
    }
