"""Contacts and phones answer, react, edit and revoke; messages that the linked devices cannot read."""

from typing import Any

from simulator.control import bodies
from simulator.control.routes import RouteCall, RouteTable
from simulator.people import content, message_context

table = RouteTable()


def _from_contact(call: RouteCall, text: content.OutgoingContent) -> dict[str, Any]:
    message_id, sent_at = call.context.contact(call.path["number"]).write(
        call.context.phone(call.body.to).account, text
    )
    return {"id": message_id, "sent_at": sent_at}


@table.add("POST", "/contacts/{number}/answer", "Answer a message by its id", body=bodies.AboutMessage)
async def answer(call: RouteCall) -> Any:
    return _from_contact(call, message_context.answer(call.body.text, call.body.id))


@table.add("POST", "/contacts/{number}/react", "React to a message; no text takes it back", body=bodies.AboutMessage)
async def react(call: RouteCall) -> Any:
    return _from_contact(call, message_context.reaction(call.body.text, call.body.id))


@table.add("POST", "/contacts/{number}/edit", "Change the text of an own message", body=bodies.AboutMessage)
async def edit(call: RouteCall) -> Any:
    return _from_contact(call, message_context.edit(call.body.text, call.body.id))


@table.add("POST", "/contacts/{number}/revoke", "Delete an own message for everyone", body=bodies.AboutMessage)
async def revoke(call: RouteCall) -> Any:
    return _from_contact(call, message_context.revoke(call.body.id))


@table.add("POST", "/contacts/{number}/write-unreadable", "A message that cannot be read", body=bodies.UnreadableBody)
async def write_unreadable(call: RouteCall) -> Any:
    contact, to = call.context.contact(call.path["number"]), call.context.phone(call.body.to).account
    if call.body.kind == "unavailable":
        return {"id": contact.write_unavailable(to)}
    text = content.text(call.body.text)
    return {"id": contact.write_undecryptable(to, text, resends=call.body.resends, hide=call.body.hide)}


@table.add("POST", "/phones/{number}/edit", "The owner changes the text of an own message", body=bodies.AboutMessage)
async def edit_own(call: RouteCall) -> Any:
    phone, to = call.context.phone(call.path["number"]), call.context.account(call.body.to)
    return {"id": phone.write_own_content(to, message_context.edit(call.body.text, call.body.id))}


@table.add("POST", "/phones/{number}/revoke", "The owner deletes an own message for everyone", body=bodies.AboutMessage)
async def revoke_own(call: RouteCall) -> Any:
    phone, to = call.context.phone(call.path["number"]), call.context.account(call.body.to)
    return {"id": phone.write_own_content(to, message_context.revoke(call.body.id))}
