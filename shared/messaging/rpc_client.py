"""Request/reply client: sends a query or request to another service and returns its reply, or raises its problem."""

import json
from typing import Any

from nats.errors import NoRespondersError

from shared.contracts.errors import Problem
from shared.contracts.message import Query, Request
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient
from shared.messaging.publisher import request_header

MAX_REPLY_WAIT_S = 5.0
_UNREADABLE_OR_UNREACHABLE: tuple[type[Exception], ...] = (*NATS_OUTAGE_ERRORS, ValueError)


async def rpc_request(
    client: NatsClient, message: Query | Request, timeout: float = MAX_REPLY_WAIT_S
) -> dict[str, Any]:
    """The JSON of the reply, `{"success": true, …}`. `timeout` in seconds. Only fields that were set are sent of a
    Request.

    Raises Problem: that of the reply, 503 `nobody_answers` when no responder runs, 504 `no_answer`.
    """
    unset: set[str] = set()
    if isinstance(message, Request):
        unset = type(message).model_fields.keys() - message.model_fields_set - {"id"}
    body = message.model_dump_json(exclude=unset).encode()
    try:
        headers = request_header(message) or None
        raw = await client.request(message.full_subject, body, timeout=timeout, headers=headers)
        reply = json.loads(raw.data)
    except NoRespondersError as error:
        raise Problem(503, "nobody_answers", "the service that answers this is not running; try again") from error
    except TimeoutError as error:
        raise Problem(504, "no_answer", f"no answer within {timeout:g} seconds; try again") from error
    except _UNREADABLE_OR_UNREACHABLE as error:
        raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error
    if not isinstance(reply, dict) or not reply.get("success", _is_unmarked_reply(reply)):
        raise _problem(reply if isinstance(reply, dict) else {})
    return reply


def _is_unmarked_reply(reply: dict[str, Any]) -> bool:
    """The api of the previous version, during an upgrade, replies to VerifyApiKey without `success`."""
    return "organization_id" in reply


def _problem(reply: dict[str, Any]) -> Problem:
    detail = str(reply.get("detail", "the answer could not be understood"))
    return Problem(int(reply.get("status", 502)), str(reply.get("code", "answer_invalid")), detail)
