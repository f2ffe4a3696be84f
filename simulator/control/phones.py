"""Routes of the users' phones: link, unlink, write, go offline, simulate faults."""

import dataclasses
from typing import Any

from simulator.control import bodies
from simulator.control.errors import Conflict, NotFound
from simulator.control.routes import RouteCall, RouteTable
from simulator.people.broadcast_lists import write_to_list
from simulator.people.phone import SimulatedPhone
from simulator.protocol.jid import Jid
from simulator.protocol.node import Attributes, Node, element, leaf
from simulator.server.accounts import Companion, Faults

table = RouteTable()
CLOSING_CODES = (503, 515)  # after these the real network closes the connection


def describe(phone: SimulatedPhone) -> dict[str, Any]:
    account = phone.account
    devices = [
        {
            "device": companion.device,
            "online": companion.connection is not None,
            "active": companion.active,
            "available": companion.available,
            "logins": companion.logins,
        }
        for companion in account.companions.values()
    ]
    summary = {"number": account.number, "name": account.name, "lid": account.lid_user, "online": phone.online}
    return {**summary, "devices": devices, "code_requested": phone.code_requested}


def _phone(call: RouteCall) -> SimulatedPhone:
    return call.context.phone(call.path["number"])


def _companions(call: RouteCall) -> list[Companion]:
    return list(_phone(call).account.companions.values())


@table.add("POST", "/phones", "A new phone (number and name are drawn when left out)", body=bodies.NewPhone, status=201)
async def create(call: RouteCall) -> Any:
    network = call.context.world.network
    if call.body.number in network.accounts:
        raise Conflict(f"the number {call.body.number} is taken: use GET /phones/{call.body.number}")
    return describe(call.context.world.add_phone(call.body.number, call.body.name))


@table.add("GET", "/phones", "All phones")
async def index(call: RouteCall) -> Any:
    return {"phones": [describe(phone) for phone in call.context.world.phones.values()]}


@table.add("GET", "/phones/{number}", "One phone with its linked devices")
async def show(call: RouteCall) -> Any:
    return describe(_phone(call))


@table.add("POST", "/phones/{number}/scan", "Scan a QR code (its text)", body=bodies.ScanBody)
async def scan(call: RouteCall) -> Any:
    return {"device": (await _phone(call).scan(call.body.qr)).device}


@table.add("POST", "/phones/{number}/enter-code", "Type the 8-character code of a device", body=bodies.EnterCodeBody)
async def enter_code(call: RouteCall) -> Any:
    return {"device": (await _phone(call).enter_code(call.body.code)).device}


@table.add("POST", "/phones/{number}/unlink", "Remove one linked device, or all", body=bodies.UnlinkBody)
async def unlink(call: RouteCall) -> Any:
    companions = [item for item in _companions(call) if call.body.device in (None, item.device)]
    if not companions:
        raise Conflict("no such device is linked to this phone: GET /phones/{number} lists them")
    for companion in companions:
        call.context.world.service.login_handler.unlink(companion)
    return {"unlinked": [companion.device for companion in companions]}


@table.add("POST", "/phones/{number}/online", "Take the phone itself on or off the network", body=bodies.OnlineBody)
async def online(call: RouteCall) -> Any:
    phone = _phone(call)
    phone.go(call.body.online)
    return describe(phone)


@table.add("POST", "/phones/{number}/write", "The owner types; without `to`: a note to self", body=bodies.OwnerWrites)
async def write(call: RouteCall) -> Any:
    phone = _phone(call)
    to = call.context.account(call.body.to or phone.account.number)
    return {"id": phone.write_own(to, call.body.text)}


@table.add("POST", "/phones/{number}/write-list", "The owner writes to a list", body=bodies.OwnerWritesToList)
async def write_list(call: RouteCall) -> Any:
    recipients = [call.context.account(number) for number in call.body.to]
    return {"id": write_to_list(_phone(call), recipients, call.body.text)}


@table.add("POST", "/phones/{number}/read", "The owner reads messages of a contact", body=bodies.OwnerReads)
async def read(call: RouteCall) -> Any:
    _phone(call).read(call.context.account(call.body.sender), call.body.ids)
    return {"read": call.body.ids}


@table.add("POST", "/phones/{number}/devices/drop", "Close the connections of all linked devices", body=bodies.DropBody)
async def drop(call: RouteCall) -> Any:
    dropped = [companion for companion in _companions(call) if companion.connection is not None]
    for companion in dropped:
        await companion.connection.close(call.body.abrupt)
    return {"dropped": [companion.device for companion in dropped]}


@table.add("POST", "/phones/{number}/history", "Send a history sync", body=bodies.HistoryBody)
async def history(call: RouteCall) -> Any:
    for number in call.body.chats:
        call.context.account(number)
    _phone(call).send_history(call.body.chats)
    return {"devices": [companion.device for companion in _companions(call)]}


@table.add(
    "POST", "/phones/{number}/stream-error", "One stream:error to the linked devices", body=bodies.StreamErrorBody
)
async def stream_error(call: RouteCall) -> Any:
    body, device_ids = call.body, []
    if (body.code is None) == (body.conflict is None):
        raise ValueError("give either code or conflict")
    attrs: Attributes = {"code": body.code}
    children = [element("conflict", {"type": body.conflict})] if body.conflict else []
    close = body.close if body.close is not None else bool(body.conflict) or body.code in CLOSING_CODES
    for companion in _companions(call):
        if companion.connection is not None:
            companion.connection.send(element("stream:error", attrs, *children))
            if close:
                call.context.world.service.login_handler.close(companion.connection)
            device_ids.append(companion.device)
    if not device_ids:
        raise Conflict("no linked device of this phone is connected")
    return {"devices": device_ids}


@table.add("POST", "/phones/{number}/stanza", "Send any stanza to the linked devices", body=bodies.StanzaBody)
async def stanza(call: RouteCall) -> Any:
    delivery, node, devices = call.context.world.network.delivery, _node(call.body), _companions(call)
    for companion in devices:
        if node.text("id"):
            delivery.deliver(companion, node)
        else:
            delivery.deliver_if_online(companion, node)
    return {"devices": [companion.device for companion in devices]}


def _node(body: bodies.StanzaBody) -> Node:
    attributes = {name: _attribute(value) for name, value in body.attributes.items()}
    if body.text:
        return leaf(body.tag, body.text.encode(), attributes)
    return element(body.tag, attributes, *[_node(child) for child in body.children])


def _attribute(value: str | int) -> str | int | Jid:
    return Jid.parse(value) if isinstance(value, str) and "@" in value else value


@table.add("GET", "/phones/{number}/faults", "What is set to go wrong for this account")
async def faults(call: RouteCall) -> Any:
    return dataclasses.asdict(_phone(call).account.faults)


@table.add("PUT", "/phones/{number}/faults", "Set what goes wrong; {} = nothing", body=bodies.FaultsBody)
async def set_faults(call: RouteCall) -> Any:
    account, values = _phone(call).account, call.body.model_dump()
    if values["fail_login"] is not None:
        values["fail_login"] = {name: str(value) for name, value in values["fail_login"].items()}
        if "reason" not in values["fail_login"]:
            raise ValueError("fail_login needs a reason: 401, 402 (with code, expire), 403, 405, 406, 503, 400 ...")
    account.faults = Faults(**values)
    call.context.world.network.mark_changed(account)
    return dataclasses.asdict(account.faults)


@table.add("GET", "/phones/{number}/acknowledged", "Ids of contacts' messages that the devices acknowledged")
async def acknowledged(call: RouteCall) -> Any:
    return {"ids": call.context.world.network.delivery.ledger(_phone(call).account.number).acknowledged_ids()}


@table.add("GET", "/phones/{number}/received", "Messages the network accepted from the linked devices")
async def received(call: RouteCall) -> Any:
    return {"messages": call.context.world.network.delivery.ledger(_phone(call).account.number).received}


@table.add("GET", "/phones/{number}/inbox", "What the phone itself can read", query=("after", "wait"))
async def inbox(call: RouteCall) -> Any:
    after, wait = int(call.number("after", 0, 1e9)), call.number("wait", 0, 60)
    return {"messages": await _phone(call).inbox.after(after, wait)}


@table.add("GET", "/phones/{number}/stanzas", "The last stanzas of a linked device, as text", query=("device",))
async def stanzas(call: RouteCall) -> Any:
    device = int(call.number("device", next(iter(_phone(call).account.companions), 0), 1e6))
    companion = _phone(call).account.companions.get(device)
    if companion is None or companion.connection is None:
        raise NotFound(f"device {device} of this phone is not connected")
    return {"stanzas": [f"{direction} {node}" for direction, node in companion.connection.stanza_log]}
