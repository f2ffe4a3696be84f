"""Which replies are taken for an answer, and which for a refusal."""

import json
from typing import Any, cast

import pytest

from shared.contracts.errors import Problem
from shared.contracts.queries import ApiKeyOwner, VerifyApiKey
from shared.messaging.client import NatsClient
from shared.messaging.rpc_client import rpc_request

QUERY = VerifyApiKey(organization_id="unknown", key="sbk_x")


class RepliesWith:
    """A NATS client whose requests get this body."""

    def __init__(self, body: object) -> None:
        self.data = json.dumps(body).encode()

    async def request(self, *_: Any, **__: Any) -> "RepliesWith":
        return self


def replying(body: object) -> NatsClient:
    return cast(NatsClient, RepliesWith(body))


async def test_the_owner_of_a_key_from_an_api_of_the_previous_version_is_read() -> None:
    """During an upgrade a new realtime service asks an old api, whose reply has no `success`."""
    body = {"organization_id": "acme", "key_id": "k", "scopes": ["read"], "limited": False}
    owner = ApiKeyOwner.model_validate(await rpc_request(replying(body), QUERY))
    assert (owner.organization_id, owner.key_id) == ("acme", "k")


@pytest.mark.parametrize("body", [{}, [], "text", None, {"success": False}, {"code": "gone", "status": 404}])
async def test_anything_else_without_success_is_a_problem(body: object) -> None:
    with pytest.raises(Problem):
        await rpc_request(replying(body), QUERY)
