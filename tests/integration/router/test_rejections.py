"""Commands to send that cannot be carried out, each with its code."""

from typing import Any

import pytest

from shared.contracts.commands import SendText
from shared.contracts.events import CommandRefused
from shared.contracts.ids import new_id
from shared.contracts.records import Party
from tests.integration.router.conftest import Router, add_account, command, received


async def refusal(router: Router, **fields: Any) -> tuple[int, str]:
    asked = command(new_id(), **fields)
    await router.handle(asked)
    refused = router.of(CommandRefused)[-1]
    assert refused.cause == asked.id
    assert await router.rows("messages", _id=asked.message_id) == []
    return refused.status, refused.code


async def test_what_cannot_be_sent_is_refused_with_a_code(router: Router) -> None:
    assert await refusal(router, to=None) == (422, "missing_recipient")
    assert await refusal(router, to="nobody") == (422, "invalid_phone")
    assert await refusal(router, to="4915112345678@broadcast") == (422, "invalid_phone")
    assert await refusal(router, to="9" * 100 + "@lid") == (422, "invalid_phone")
    assert await refusal(router, text="\u200b\u3164 ") == (422, "empty_text")
    assert await refusal(router, instance_id="other") == (404, "instance_not_found")
    assert await refusal(router, organization_id="empty") == (404, "instance_not_found")
    assert await refusal(router, conversation_id="unknown") == (404, "conversation_not_found")
    await add_account(router.database, "two", Party(phone="4915188888888"))
    assert await refusal(router) == (409, "instance_ambiguous")
    await router.database["connections"].update_many({}, {"$set": {"status": "logged_out"}})
    assert await refusal(router) == (409, "instance_not_connected")
    assert await refusal(router, instance_id="two") == (409, "instance_not_connected")
    assert router.of(SendText) == []


async def test_a_conversation_of_another_instance_or_organization_is_refused(router: Router) -> None:
    await router.handle(received("A1"))
    conversation = (await router.only("conversations"))["_id"]
    assert await refusal(router, conversation_id=conversation, instance_id="two") == (422, "instance_mismatch")
    assert await refusal(router, conversation_id=conversation, organization_id="b") == (404, "conversation_not_found")


@pytest.mark.parametrize("fields", [{"text": "other"}, {"organization_id": "other"}, {"conversation_id": "Bob's"}])
async def test_a_message_id_used_for_something_else_is_a_conflict(router: Router, fields: dict[str, Any]) -> None:
    bob = received("B1", Party(phone="4915133333333"))
    await router.handle(command(), bob)
    if "conversation_id" in fields:
        fields = {"conversation_id": (await router.only("messages", wa_id="B1"))["conversation_id"]}
    await router.handle(command(**{"id": "again", **fields}))
    refused = router.of(CommandRefused)[0]
    assert (refused.status, refused.code) == (422, "idempotency_conflict")
