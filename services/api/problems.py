"""Every error as application/problem+json (RFC 9457), with `success` and `error` for the clients of earlier systems."""

import logging
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from services.api.route_matching import routes_at
from shared.contracts.errors import Problem, problem_body
from shared.contracts.ids import InvalidPhone
from shared.messaging.client import NatsError
from shared.platform.mongo import TRANSIENT_ERRORS

MEDIA_TYPE = "application/problem+json"
_INSTANCES_PATH = "/api/whatsapp/instances"
"""Here an absent field is a 400, as clients of these routes expect."""
_MAX_REPORTED_FIELDS = 20
"""Wrong fields that are named in one answer."""

OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError)
"""A part is away; the same request may succeed in a moment."""

log = logging.getLogger(__name__)


class FieldError(BaseModel):
    """`field` is a path such as `to` or `scopes.0`; `code` is stable, `message` is for people."""

    field: str
    code: str
    message: str


class ProblemBody(BaseModel):
    """Every error of this API. `code` is stable; `detail` says what was wrong and what to do."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    success: Literal[False] = False
    error: str
    errors: list[FieldError] | None = None


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))


def problem_response(problem: Problem, request_id: str) -> JSONResponse:
    """The answer for a problem; `retry_after` (seconds) among its extras becomes a header."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    if "retry_after" in problem.extra:
        headers["Retry-After"] = str(problem.extra["retry_after"])
    body = problem_body(problem, request_id)
    return JSONResponse(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def _readable(part: object) -> str:
    """A place in the request; a field's name may be anything a client makes up."""
    return str(part)[:64].encode(errors="replace").decode()


def _field_error(error: dict[str, Any]) -> FieldError:
    place = [_readable(part) for part in error["loc"]]
    field = ".".join(place[1:]) or place[0]
    cause = error.get("ctx", {}).get("error")
    code = "invalid_phone" if isinstance(cause, InvalidPhone) else str(error["type"])
    return FieldError(field=field, code=code, message=str(error["msg"]).removeprefix("Value error, "))


def validation_problem(path: str, errors: list[dict[str, Any]]) -> Problem:
    """One problem for all that is wrong with a request; never repeats what was sent (it may be a password)."""
    if errors[0]["type"] == "json_invalid":
        place = f"the body is not valid JSON: {errors[0].get('ctx', {}).get('error', 'it cannot be read')}"
        return Problem(422, "invalid_json", place)
    fields = [_field_error(error) for error in errors[:_MAX_REPORTED_FIELDS]]
    detail = "; ".join(f"{found.field}: {found.message}" for found in fields)
    shown = [found.model_dump() for found in fields]
    if path.startswith(_INSTANCES_PATH) and all(found.code == "missing" for found in fields):
        return Problem(400, "missing_field", detail, errors=shown)
    phone = all(found.code == "invalid_phone" for found in fields)
    return Problem(422, "invalid_phone" if phone else "validation_failed", detail, errors=shown)


def to_problem(error: Exception) -> Problem:
    """What a caller is told of an error; what nobody expected is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _http_problem(error)
    if isinstance(error, OUTAGES):
        log.warning("a part is away: %s", type(error).__name__)
        detail = "the database or the message bus is not reachable; try again in a moment"
        return Problem(503, "unavailable", detail, retry_after=2)
    log.error("a request failed", exc_info=error)
    return Problem(500, "internal_error", "something went wrong here; the request id leads to the reason in the log")


def _http_problem(error: HTTPException) -> Problem:
    if error.status_code == 400:  # the one thing FastAPI says 400 to
        return Problem(422, "invalid_json", "the body is not valid JSON in UTF-8")
    if error.status_code == 404:
        return Problem(404, "not_found", "there is no such route; all of them are at /docs")
    if error.status_code == 405:
        return Problem(405, "method_not_allowed", "this route has no such method; all of them are at /docs")
    if error.status_code == 413:
        return Problem(413, "body_too_large", str(error.detail))
    return Problem(error.status_code, "http_error", str(error.detail))


def _methods_at(app: FastAPI, scope: Scope) -> list[str]:
    """What this path answers, whichever of the routes that share it."""
    found = {method for route in routes_at(app, scope["path"]) for method in route.methods or ()}
    if "GET" in found and not scope["path"].startswith("/api/"):
        found.add("HEAD")
    return sorted(found)


def install(app: FastAPI) -> None:
    """Route every error of the app through `problem_response`."""

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(error, request_id_of(request))

    async def on_invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem_response(validation_problem(request.url.path, list(error.errors())), request_id_of(request))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        answer = problem_response(to_problem(error), request_id_of(request))
        answer.headers.update(error.headers or {})
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(_methods_at(app, request.scope))
        return answer

    async def on_other(request: Request, error: Exception) -> JSONResponse:
        return problem_response(to_problem(error), request_id_of(request))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    for outage in OUTAGES:
        app.add_exception_handler(outage, on_other)
    app.add_exception_handler(Exception, on_other)
