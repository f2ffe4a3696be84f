"""Forwards requests of the console to the simulator's control interface. Local mode only.

The simulated phones and contacts are shared by all organizations of a server.
"""

import re
from typing import Annotated

import httpx
from fastapi import APIRouter, Path, Request, Response

from services.api.context import Ctx, Manager
from shared.contracts.errors import Problem

router = APIRouter(prefix="/api/simulator", tags=["simulator"])

_ALLOWED_PATHS = re.compile(r"(phones|contacts|groups|demo)(/[A-Za-z0-9-]+){0,3}")
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_MAX_RESPONSE_BYTES = 4 << 20
"""Of the simulator."""
SIMULATOR_TIMEOUT = httpx.Timeout(35, connect=3)
"""Longer than a long poll for a contact's messages, which takes up to MAX_POLL_WAIT_S."""
MAX_POLL_WAIT_S = 25.0


@router.api_route("/{path:path}", methods=_METHODS, include_in_schema=False)
async def forward(
    context: Ctx, _caller: Manager, request: Request, path: Annotated[str, Path(max_length=200)]
) -> Response:
    """Forward the request to the simulator and return its response."""
    if context.simulator is None:
        raise Problem(404, "simulator_disabled", "there is no simulated network here; it exists only in local mode")
    if not _ALLOWED_PATHS.fullmatch(path):
        raise Problem(404, "not_found", "the simulated network has no such route here")
    try:
        return await _forward(context.simulator, request, path)
    except httpx.HTTPError as error:
        raise Problem(502, "simulator_unreachable", "the simulator does not answer; is it running?") from error


def bounded_wait(query: dict[str, str]) -> dict[str, str]:
    """Limit `wait` to MAX_POLL_WAIT_S. Raises Problem 422 `validation_failed`."""
    if "wait" not in query:
        return query
    try:
        return query | {"wait": str(max(0.0, min(float(query["wait"]), MAX_POLL_WAIT_S)))}
    except ValueError as error:
        raise Problem(422, "validation_failed", "wait: seconds as a number") from error


async def _forward(simulator: httpx.AsyncClient, request: Request, path: str) -> Response:
    forwarded = simulator.build_request(
        request.method,
        f"/{path}",
        params=bounded_wait(dict(request.query_params)),
        content=await request.body(),
        headers={"Content-Type": "application/json"},
    )
    response = await simulator.send(forwarded, stream=True)
    try:
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _MAX_RESPONSE_BYTES:
                raise Problem(502, "simulator_answer_too_large", "the simulator's answer is too large")
    finally:
        await response.aclose()
    return Response(body, response.status_code, media_type=response.headers.get("content-type"))
