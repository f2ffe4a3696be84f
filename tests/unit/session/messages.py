"""The library's events for tests of the mapping: the protobuf classes are real, the native library is not loaded."""

import sys
from typing import Any

from services.session.worker.mapping.event_mapping import InstanceIdentity, map_message
from services.session.worker.preload import preload_protobufs
from shared.contracts.events import MessageReceived

preload_protobufs()
pb: Any = sys.modules["neonize.proto.Neonize_pb2"]
e2e: Any = sys.modules["waE2E.WAWebProtobufsE2E_pb2"]
INSTANCE = InstanceIdentity("acme", "sales")
BOB_PHONE, BOB_LID, OWN_PHONE, OWN_LID = "4915112345678", "97191792939824", "4915112345600", "111222333"


def jid(user: str, server: str) -> Any:
    return pb.JID(User=user, Server=server, RawAgent=0, Device=0, Integrator=0, IsEmpty=False)


def message(body: Any = None, *, timestamp: int = 1_790_000_000, name: str = "Bob", **source: Any) -> Any:
    defaults = {
        "Chat": jid(BOB_LID, "lid"),
        "Sender": jid(BOB_LID, "lid"),
        "SenderAlt": jid(BOB_PHONE, "s.whatsapp.net"),
        "IsFromMe": False,
        "IsGroup": False,
    }
    event = pb.Message()
    event.Info.ID, event.Info.Pushname, event.Info.Timestamp = "3EB0AA", name, timestamp
    event.Info.MessageSource.CopyFrom(pb.MessageSource(**(defaults | source)))
    event.Message.CopyFrom(body if body is not None else e2e.Message(conversation="hello"))
    return event


def mapped(event: Any) -> MessageReceived:
    result = map_message(event, INSTANCE)
    assert isinstance(result, MessageReceived), result
    return result


def with_required_fields(message: Any) -> Any:
    """Set the fields that the protobuf requires and that have no value yet; returns the same message."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required:
            continue
        if field.message_type:
            with_required_fields(getattr(message, field.name)).SetInParent()
        elif not message.HasField(field.name):
            setattr(message, field.name, field.default_value)
    return message
