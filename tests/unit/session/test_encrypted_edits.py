"""Edits encrypted with the secret of their message: which secret decrypts them, and how many are stored."""

import sys
from typing import Any

import pytest

from services.session.worker.mapping.encrypted_edits import MAX_SECRETS, EditDecryptor
from services.session.worker.preload import preload_protobufs
from simulator.people import message_context

preload_protobufs()
pb: Any = sys.modules["neonize.proto.Neonize_pb2"]
e2e: Any = sys.modules["waE2E.WAWebProtobufsE2E_pb2"]
SECRET, BOB = b"s" * 32, "97191792939824"


def event(payload: bytes, wa_id: str = "A1", sender: str = BOB) -> Any:
    result = pb.Message()
    result.Info.ID = wa_id
    jid = pb.JID(User=sender, Server="lid", RawAgent=0, Device=0, Integrator=0, IsEmpty=False)
    result.Info.MessageSource.Sender.CopyFrom(jid)
    result.Message.ParseFromString(payload)
    return result


def sealed(wa_id: str = "A1", secret: bytes = SECRET) -> bytes:
    return message_context.encrypted_edit("new", wa_id, f"{BOB}@lid", secret).payload


def test_an_edit_is_decrypted_with_the_secret_of_its_message() -> None:
    edits = EditDecryptor()
    edits.decrypt(event(message_context.with_secret("old", SECRET).payload))
    edit = edits.decrypt(event(sealed(), "A2")).Message.protocolMessage
    assert (edit.key.ID, edit.editedMessage.conversation) == ("A1", "new")


@pytest.mark.parametrize(
    "secret_event",
    [
        event(message_context.with_secret("old", SECRET).payload, sender="555"),
        event(message_context.with_secret("old", SECRET).payload, "OTHER"),
        event(message_context.with_secret("old", b"x" * 32).payload),
        event(message_context.with_secret("old", b"short").payload),
    ],
    ids=["of another sender", "of another message", "another one", "of another length"],
)
def test_no_other_secret_decrypts_it(secret_event: Any) -> None:
    edits = EditDecryptor()
    edits.decrypt(secret_event)
    assert edits.decrypt(event(sealed(), "A2")).Message.HasField("secretEncryptedMessage")


@pytest.mark.parametrize(("field", "value"), [("encIV", b""), ("encIV", b"x" * 300), ("encPayload", b"")])
def test_a_broken_edit_is_not_changed(field: str, value: bytes) -> None:
    edits, broken = EditDecryptor(), event(sealed(), "A2")
    edits.decrypt(event(message_context.with_secret("old", SECRET).payload))
    setattr(broken.Message.secretEncryptedMessage, field, value)
    assert edits.decrypt(broken).Message.HasField("secretEncryptedMessage")


def test_the_secrets_of_the_newest_messages_are_stored() -> None:
    edits = EditDecryptor()
    for number in range(MAX_SECRETS + 1):
        edits.decrypt(event(message_context.with_secret("old", SECRET).payload, f"A{number}"))
    assert edits.decrypt(event(sealed("A0"), "E1")).Message.HasField("secretEncryptedMessage")
    assert edits.decrypt(event(sealed("A1"), "E2")).Message.HasField("protocolMessage")
