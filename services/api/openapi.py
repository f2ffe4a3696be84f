"""The OpenAPI document: errors as problem+json, and the Idempotency-Key header of every POST."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from services.api.middleware.idempotency import IDEMPOTENCY_KEY_HEADER
from services.api.problems import MEDIA_TYPE, ProblemBody

DESCRIPTION = (
    "REST API of Switchboard. Phone numbers are accepted in any usual spelling with the country code and shown as "
    "E.164 digits without the plus. Lists come in pages: pass `next_cursor` back as `cursor`. Every error is "
    "`application/problem+json` with a stable `code`. Answers to a token carry `RateLimit-Limit`, "
    "`RateLimit-Remaining` and `RateLimit-Reset` (seconds). "
    "A POST with an `Idempotency-Key` is carried out once, however often it is repeated; a response with a secret (a "
    "token, a key, a code to scan or to type) is not stored, so its repetition is refused with 409 `shown_once`. "
    "Bodies are JSON with at most 32 levels and no field twice."
)
_IDEMPOTENCY_KEY_SCHEMA = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": 255}, {"type": "null"}],
    "description": "The same key with the same request within a day: carried out once, answered with the same response",
}
_STATUS_DESCRIPTIONS = {
    400: "A required field is missing",
    401: "No or no valid token",
    403: "Not allowed",
    404: "Not found, or another organization's",
    409: "Not possible in the present state",
    410: "Not valid any more",
    413: "The body is too large",
    414: "The path or the query is too long",
    422: "Something in the request is not valid; `errors` names the fields",
    429: "Too many attempts; see Retry-After",
    431: "The headers are too large",
    500: "A fault of this server",
    502: "WhatsApp or the simulator refused",
    503: "The database or the message bus is unreachable",
    504: "No answer in time",
}
_TOKEN_OPTIONAL_OPERATIONS = {"logout_api_auth_logout_post"}
"""The refresh token in the body identifies the login."""
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemBody, "description": meaning} for status, meaning in _STATUS_DESCRIPTIONS.items()
}


def install(app: FastAPI) -> None:
    """Generate the document on first use and keep it."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            for operations in schema["paths"].values():
                for method, operation in operations.items():
                    _use_problem_media_type(operation["responses"])
                    if operation["operationId"] in _TOKEN_OPTIONAL_OPERATIONS:
                        operation["security"].append({})
                    if method == "post" and "security" in operation:
                        _add_idempotency_key(operation.setdefault("parameters", []))
            app.openapi_schema = schema
        return app.openapi_schema

    app.__dict__["openapi"] = document


def _add_idempotency_key(parameters: list[dict[str, Any]]) -> None:
    if all(parameter["name"] != IDEMPOTENCY_KEY_HEADER for parameter in parameters):
        parameters.append(
            {"name": IDEMPOTENCY_KEY_HEADER, "in": "header", "required": False, "schema": _IDEMPOTENCY_KEY_SCHEMA}
        )


def _use_problem_media_type(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        content = response.get("content", {})
        if status.isdigit() and int(status) >= 400 and "application/json" in content:
            response["content"] = {MEDIA_TYPE: content["application/json"]}
