"""Errors as application/problem+json (RFC 9457), with `success` and `error` for clients of earlier systems."""

import logging
from collections.abc import Sequence
from typing import Literal

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Scope

from services.api.route_matching import routes_at
from shared.contracts.errors import Problem, problem_body
from shared.contracts.ids import InvalidPhone
from shared.platform.outages import UNREACHABLE_ERRORS, is_outage

MEDIA_TYPE = "application/problem+json"
_INSTANCES_PATH = "/api/whatsapp/instances"
"""A missing field is a 400 on these routes, as their clients expect; elsewhere 422."""
_MAX_REPORTED_FIELDS = 20
"""Invalid fields in one response."""
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
    """`retry_after` (seconds) in the extras also becomes the header Retry-After."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    if "retry_after" in problem.extra:
        headers["Retry-After"] = str(problem.extra["retry_after"])
    body = problem_body(problem, request_id)
    return JSONResponse(body, status_code=problem.status, headers=headers, media_type=MEDIA_TYPE)


def _location_part(part: object) -> str:
    """One part of a location in the request, shortened and valid UTF-8: a client may send any field name."""
    return str(part)[:64].encode(errors="replace").decode()


def _field_error(error: ErrorDetails) -> FieldError:
    place = [_location_part(part) for part in error["loc"]]
    field = ".".join(place[1:]) or place[0]
    cause = error.get("ctx", {}).get("error")
    code = "invalid_phone" if isinstance(cause, InvalidPhone) else str(error["type"])
    return FieldError(field=field, code=code, message=str(error["msg"]).removeprefix("Value error, "))


def validation_problem(path: str, errors: Sequence[ErrorDetails]) -> Problem:
    """One problem for all errors of a request, without the values that were sent: they may be passwords."""
    if errors[0]["type"] == "json_invalid":
        place = f"the body is not valid JSON: {errors[0].get('ctx', {}).get('error', 'it cannot be read')}"
        return Problem(422, "invalid_json", place)
    fields = [_field_error(error) for error in errors[:_MAX_REPORTED_FIELDS]]
    detail = "; ".join(f"{field.field}: {field.message}" for field in fields)
    errors_in_body = [field.model_dump() for field in fields]
    if path.startswith(_INSTANCES_PATH) and all(field.code == "missing" for field in fields):
        return Problem(400, "missing_field", detail, errors=errors_in_body)
    only_phones = all(field.code == "invalid_phone" for field in fields)
    return Problem(422, "invalid_phone" if only_phones else "validation_failed", detail, errors=errors_in_body)


def to_problem(error: Exception) -> Problem:
    """The response for an exception. Unexpected ones are logged with their traceback."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _http_problem(error)
    if is_outage(error):
        log.warning("MongoDB or NATS is unreachable: %s", type(error).__name__)
        detail = "the database or the message bus is not reachable; try again in a moment"
        return Problem(503, "unavailable", detail, retry_after=2)
    log.error("a request failed", exc_info=error)
    return Problem(500, "internal_error", "something went wrong here; the request id leads to the reason in the log")


def _http_problem(error: HTTPException) -> Problem:
    if error.status_code == 400:  # FastAPI's only use of 400
        return Problem(422, "invalid_json", "the body is not valid JSON in UTF-8")
    if error.status_code == 404:
        return Problem(404, "not_found", "there is no such route; all of them are at /docs")
    if error.status_code == 405:
        return Problem(405, "method_not_allowed", "this route has no such method; all of them are at /docs")
    if error.status_code == 413:
        return Problem(413, "body_too_large", str(error.detail))
    return Problem(error.status_code, "http_error", str(error.detail))


def _methods_at(app: FastAPI, scope: Scope) -> list[str]:
    """All methods of the routes with this path. A route whose path is exactly this one hides those with a parameter in
    its place."""
    matching = routes_at(app, scope["path"])
    exact = [route for route in matching if route.path == scope["path"]]
    methods = {method for route in exact or matching for method in route.methods or ()}
    if "GET" in methods and not scope["path"].startswith("/api/"):
        methods.add("HEAD")
    return sorted(methods)


def install(app: FastAPI) -> None:
    """Register exception handlers: every error of the app is answered by `problem_response`."""

    async def on_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return problem_response(error, request_id_of(request))

    async def on_invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return problem_response(validation_problem(request.url.path, error.errors()), request_id_of(request))

    async def on_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        response = problem_response(to_problem(error), request_id_of(request))
        response.headers.update(error.headers or {})
        if error.status_code == 405:
            response.headers["Allow"] = ", ".join(_methods_at(app, request.scope))
        return response

    async def on_other(request: Request, error: Exception) -> JSONResponse:
        return problem_response(to_problem(error), request_id_of(request))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    for outage in UNREACHABLE_ERRORS:
        app.add_exception_handler(outage, on_other)
    app.add_exception_handler(Exception, on_other)
