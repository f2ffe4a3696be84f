"""The arguments of client requests, validated, and the reply to a request that failed."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from services.realtime.payloads import Payload
from shared.contracts.errors import Problem

RETRYABLE_HTTP_STATUSES = frozenset({409, 429, 502, 503, 504})
_SHOWN_EXTRAS = ("retryAfter", "field", "reason", "conversationId")
"""Fields of a Problem that the reply has."""
MAX_CLIENT_ID_LENGTH = 128
"""Characters; a longer `clientId` is not repeated in the reply."""
ShortText = Annotated[str, Field(min_length=1, max_length=128)]


class ClientRequest(BaseModel):
    """Fields in camelCase. Unknown ones are ignored: front ends of earlier systems send some."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


RequestT = TypeVar("RequestT", bound=ClientRequest)


def parse(model: type[RequestT], data: object) -> RequestT:
    """Raises Problem 422 that names the field."""
    if not isinstance(data, dict):
        raise Problem(422, "invalid_payload", f"send an object, not {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        detail = f"{field}: {first['msg'].removeprefix('Value error, ')}"
        raise Problem(422, "invalid_payload", detail, field=field) from error


def parse_since(data: object) -> int | None:
    """The `sequence` of the newest event that the client received earlier. Raises Problem 422."""
    since = data.get("since") if isinstance(data, dict) else None
    if since is not None and (type(since) is not int or not 0 <= since < 2**63):
        raise Problem(422, "invalid_payload", "since: give the `sequence` of the last event you heard, a number")
    return since


def client_id_of(arguments: list[object]) -> Payload:
    """The `clientId` of a request, repeated in the reply: the client recognizes its request by it."""
    first = arguments[0] if arguments else None
    client_id = first.get("clientId") if isinstance(first, dict) else None
    return {"clientId": client_id} if isinstance(client_id, str) and len(client_id) <= MAX_CLIENT_ID_LENGTH else {}


def failure_reply(problem: Problem) -> Payload:
    """The reply to a request that failed."""
    retryable = problem.extra.get("retryable", problem.status in RETRYABLE_HTTP_STATUSES)
    extra = {key: value for key, value in problem.extra.items() if key in _SHOWN_EXTRAS}
    return {"success": False, "error": problem.detail, "code": problem.code, "retryable": retryable} | extra
