"""Errors of the control interface, answered as application/problem+json."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import ValidationError

from simulator.people.phone import WrongPhoneState
from simulator.protocol.link_code import WrongCode


class ControlError(Exception):
    """Base. `status` and `title` are fixed per class; the text says what was wrong and what to do."""

    status, title = 400, "Bad request"


class NotFound(ControlError):
    status, title = 404, "Unknown"


class Conflict(ControlError):
    status, title = 409, "Wrong state"


class BadInput(ControlError):
    status, title = 422, "Bad input"


def problem(status: int, title: str, detail: str) -> web.Response:
    """RFC 9457."""
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    return web.Response(status=status, text=body, content_type="application/problem+json")


def _explain(error: ValidationError) -> str:
    lines = [f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors()]
    return "; ".join(lines)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns what handlers raise into problem documents."""
    try:
        return await handler(request)
    except ControlError as error:
        return problem(error.status, error.title, str(error))
    except ValidationError as error:
        return problem(BadInput.status, BadInput.title, _explain(error))
    except (WrongPhoneState, WrongCode, TimeoutError) as error:
        return problem(Conflict.status, Conflict.title, str(error) or "the device did not answer in time")
    except ValueError as error:
        return problem(BadInput.status, BadInput.title, str(error))
    except web.HTTPException as error:
        detail = f"{request.method} {request.path}: {error.reason}; /docs lists what there is"
        return problem(error.status, error.reason, detail)
