"""Answers to other services who ask whose API key they were shown (VerifyApiKey, NATS request/reply)."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from services.api.store.api_keys import ApiKeys
from shared.mongo import TRANSIENT_ERRORS
from shared.queries import ApiKeyOwner, VerifyApiKey
from shared.replies import may_answer

log = logging.getLogger(__name__)


@asynccontextmanager
async def serving(client: Client, keys: ApiKeys) -> AsyncIterator[None]:
    """Answer as long as the context lasts; replicas share the questions."""

    async def answer(message: Msg) -> None:
        if not may_answer(message):
            return
        try:
            question = VerifyApiKey.model_validate_json(message.data)
            owner = await keys.owner(question.key)
        except ValidationError:
            log.warning("unreadable question on %s", message.subject)
            owner = None
        except TRANSIENT_ERRORS:
            log.warning("a question about an API key stays unanswered: MongoDB is away")
            return
        reply = ApiKeyOwner()
        if owner and owner.instance_ids is not None:
            reply = ApiKeyOwner(limited=True)
        elif owner:
            key_id = owner.subject.removeprefix("key:")
            reply = ApiKeyOwner(organization_id=owner.organization_id, key_id=key_id, scopes=sorted(owner.scopes))
        await message.respond(reply.model_dump_json().encode())

    subscription = await client.subscribe(VerifyApiKey.pattern(), queue="api", cb=answer)
    try:
        yield
    finally:
        if client.is_connected:
            await subscription.unsubscribe()
