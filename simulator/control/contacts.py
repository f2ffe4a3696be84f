"""Routes of contacts (people who write to the users' phones) and of groups."""

import base64
import binascii
from typing import Any

from aiohttp import web
from google.protobuf.json_format import ParseDict, ParseError

from simulator.control import bodies
from simulator.control.errors import Conflict, NotFound
from simulator.control.routes import RouteCall, RouteTable
from simulator.people import content, message_context
from simulator.people.broadcast_lists import write_through_list
from simulator.people.calls import SimulatedCall
from simulator.people.contact import SimulatedContact
from simulator.people.content import MediaFile
from simulator.protocol.protos import Message
from simulator.server.accounts import SimulatedGroup

table = RouteTable()


def describe(contact: SimulatedContact) -> dict[str, Any]:
    account = contact.account
    return {
        "number": account.number,
        "name": account.name,
        "lid": account.lid_user,
        "addressing": account.addressing,
        "auto_receipts": account.auto_receipts,
        "messages": len(contact.inbox),
    }


def _bytes_of(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"{name} is not base64") from error


def _contact(call: RouteCall) -> SimulatedContact:
    return call.context.contact(call.path["number"])


@table.add("POST", "/contacts", "A new contact", body=bodies.NewContact, status=201)
async def create(call: RouteCall) -> Any:
    world, body = call.context.world, call.body
    if body.number in world.network.accounts:
        raise Conflict(f"the number {body.number} is taken: use GET /contacts/{body.number}")
    contact = world.add_contact(body.number, body.name)
    contact.account.addressing, contact.account.auto_receipts = body.addressing, body.auto_receipts
    return describe(contact)


@table.add("GET", "/contacts", "All contacts")
async def index(call: RouteCall) -> Any:
    return {"contacts": [describe(contact) for contact in call.context.world.contacts.values()]}


@table.add("GET", "/contacts/{number}", "One contact")
async def show(call: RouteCall) -> Any:
    return describe(_contact(call))


@table.add("PATCH", "/contacts/{number}", "Change name, addressing, automatic receipts", body=bodies.ContactChange)
async def change(call: RouteCall) -> Any:
    contact = _contact(call)
    for name, value in call.body.model_dump(exclude_none=True).items():
        setattr(contact.account, name, value)
    call.context.world.network.mark_changed(contact.account)
    return describe(contact)


@table.add("POST", "/contacts/{number}/write", "Write a text to a phone", body=bodies.ContactWrites)
async def write(call: RouteCall) -> Any:
    to = call.context.phone(call.body.to).account
    message_id, sent_at = _contact(call).write(to, content.text(call.body.text), call.body.id or "")
    return {"id": message_id, "sent_at": sent_at}


@table.add("POST", "/contacts/{number}/write-media", "Send a file to a phone", body=bodies.ContactSendsFile)
async def write_media(call: RouteCall) -> Any:
    body = call.body
    data = _bytes_of(body.data_base64, "data_base64")
    contact, to = _contact(call), call.context.phone(body.to).account
    file = MediaFile(body.kind, body.mime_type, data, body.caption)
    message = content.media(call.context.world.service.media, file, to.number)
    message_id, sent_at = contact.write(to, message)
    return {"id": message_id, "sent_at": sent_at}


@table.add("POST", "/contacts/{number}/write-message", "Send any message", body=bodies.ContactWritesMessage)
async def write_message(call: RouteCall) -> Any:
    body = call.body
    contact, to = _contact(call), call.context.phone(body.to).account
    message = content.raw(_payload(body))
    if body.through_list:
        return {"id": write_through_list(contact, to, message)}
    message_id, sent_at = contact.write(to, message, extra=None if body.t is None else {"t": body.t})
    return {"id": message_id, "sent_at": sent_at}


def _payload(body: bodies.ContactWritesMessage) -> bytes:
    if (body.message is None) == (body.payload_base64 is None):
        raise ValueError("give either message or payload_base64")
    if body.message is None:
        return _bytes_of(body.payload_base64 or "", "payload_base64")
    try:
        return bytes(ParseDict(body.message, Message()).SerializeToString())
    except ParseError as error:
        raise ValueError(f"message is no protobuf JSON of a Message: {error}") from error


@table.add("POST", "/contacts/{number}/call", "Call a phone; nobody speaks", body=bodies.ContactCalls)
async def make_call(call: RouteCall) -> Any:
    simulated_call = SimulatedCall(_contact(call), call.context.phone(call.body.to).account, video=call.body.video)
    simulated_call.offer()
    simulated_call.end(call.body.end)
    return {"id": simulated_call.id}


@table.add("POST", "/contacts/{number}/typing", "Show or end typing", body=bodies.TypingBody)
async def typing(call: RouteCall) -> Any:
    _contact(call).typing(call.context.phone(call.body.to).account, call.body.state, call.body.media)
    return {}


@table.add("POST", "/contacts/{number}/receipts", "Say that messages arrived or were read", body=bodies.ReceiptsBody)
async def receipts(call: RouteCall) -> Any:
    _contact(call).receipt(call.context.phone(call.body.to).account, call.body.ids, call.body.kind)
    return {}


@table.add("GET", "/contacts/{number}/inbox", "Decrypted messages; waits for the first", query=("after", "wait"))
async def inbox(call: RouteCall) -> Any:
    after, wait = int(call.number("after", 0, 1e9)), call.number("wait", 0, 60)
    return {"messages": await _contact(call).inbox.after(after, wait)}


@table.add("GET", "/contacts/{number}/inbox/{index}/media", "The decrypted file of a message")
async def file(call: RouteCall) -> Any:
    index = call.path["index"]
    received = _contact(call).inbox.get(int(index)) if index.isdecimal() else None
    if received is None or received.decoded.part is None:
        raise NotFound(f"message {index} does not exist or carries no file")
    data = received.decoded.file(call.context.world.service.media)
    return web.Response(body=data, content_type=received.decoded.part.mimetype.split(";")[0])


@table.add("GET", "/contacts/{number}/seen", "Receipts and typing that reached the contact")
async def received_signals(call: RouteCall) -> Any:
    contact = _contact(call)
    return {"receipts": contact.receipts, "typing": contact.typing_states}


@table.add("POST", "/groups", "A new group; the first member owns it", body=bodies.NewGroup, status=201)
async def create_group(call: RouteCall) -> Any:
    for number in call.body.members:
        call.context.account(number)
    group = call.context.world.network.add_group(call.body.subject, call.body.members)
    return {"id": group.id, "jid": str(group.jid), "subject": group.subject, "members": group.members}


@table.add("GET", "/groups", "All groups")
async def groups(call: RouteCall) -> Any:
    items = call.context.world.network.groups.values()
    return {"groups": [{"id": item.id, "subject": item.subject, "members": item.members} for item in items]}


@table.add("POST", "/groups/{id}/write", "A contact writes to a group", body=bodies.GroupText)
async def write_group(call: RouteCall) -> Any:
    group, contact = _member(call)
    return {"id": contact.write_to_group(group, call.body.text)}


@table.add("POST", "/groups/{id}/revoke", "An author or an admin deletes a message of a group", body=bodies.GroupRevoke)
async def revoke_in_group(call: RouteCall) -> Any:
    """The first member, who owns the group, is its admin."""
    group, contact = _member(call)
    if call.body.author in (None, contact.account.number):
        return {"id": contact.write_to_group(group, message_context.revoke(call.body.id))}
    if contact.account.number != group.members[0]:
        raise Conflict(f"{contact.account.number} is no admin of this group")
    author = call.context.account(call.body.author)
    return {
        "id": contact.write_to_group(group, message_context.revoke_of(call.body.id, str(author.lid), str(group.jid)))
    }


def _member(call: RouteCall) -> tuple[SimulatedGroup, SimulatedContact]:
    group = call.context.world.network.groups.get(call.path["id"].removesuffix("@g.us"))
    if group is None:
        raise NotFound(f"there is no group {call.path['id']}: make it with POST /groups")
    contact = call.context.contact(call.body.sender)
    if contact.account.number not in group.members:
        raise Conflict(f"{contact.account.number} is not a member of this group")
    return group, contact
