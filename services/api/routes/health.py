"""Liveness and readiness, for load balancers and people. Without authentication."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from shared.contracts.message import utc_now
from shared.platform.readiness import failed_checks

router = APIRouter(prefix="/health", tags=["health"])


class Health(BaseModel):
    """`failed`: by name, the dependencies that do not respond, with the reason."""

    status: Literal["ok", "unavailable"] = "ok"
    timestamp: datetime
    failed: dict[str, str] | None = None


@router.get("", response_model_exclude_none=True)
@router.get("/live", response_model_exclude_none=True)
async def live() -> Health:
    """The process responds."""
    return Health(timestamp=utc_now())


@router.get("/ready", response_model_exclude_none=True, responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """MongoDB and NATS respond too; 503 otherwise."""
    failed = await failed_checks(request.app.state.checks)
    response.status_code = 503 if failed else 200
    return Health(status="unavailable" if failed else "ok", timestamp=utc_now(), failed=failed or None)
