"""Ask another service something on NATS and get its answer, or its refusal as the Problem it is."""

import json
from typing import Any

from nats.errors import NoRespondersError

from shared.contracts.errors import Problem
from shared.contracts.message import Query, Request
from shared.messaging.client import NatsClient, NatsError
from shared.messaging.publisher import request_header


async def rpc_request(client: NatsClient, asked: Query | Request, timeout: float = 5.0) -> dict[str, Any]:
    """The answer's JSON, `{"success": true, …}`. `timeout` in seconds. Of a request only what was set is asked for.

    Raises Problem: the one that was answered, 503 `nobody_answers` without a running api, 504 `no_answer`.
    """
    left_out = (
        type(asked).model_fields.keys() - asked.model_fields_set - {"id"} if isinstance(asked, Request) else set()
    )
    body = asked.model_dump_json(exclude=left_out).encode()
    try:
        headers = request_header(asked) or None
        reply = await client.request(asked.full_subject, body, timeout=timeout, headers=headers)
        answer = json.loads(reply.data)
    except NoRespondersError as error:
        raise Problem(503, "nobody_answers", "the service that answers this is not running; try again") from error
    except TimeoutError as error:
        raise Problem(504, "no_answer", f"no answer within {timeout:g} seconds; try again") from error
    except (NatsError, OSError, ValueError) as error:
        raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error
    if not isinstance(answer, dict) or not answer.get("success"):
        raise _problem(answer if isinstance(answer, dict) else {})
    return answer


def _problem(answer: dict[str, Any]) -> Problem:
    detail = str(answer.get("detail", "the answer could not be understood"))
    return Problem(int(answer.get("status", 502)), str(answer.get("code", "answer_invalid")), detail)
