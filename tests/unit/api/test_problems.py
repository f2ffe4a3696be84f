"""Which errors of a request are answered "try again", and which are faults."""

import httpx
import pytest
from fastapi import FastAPI
from nats.errors import MaxPayloadError, NoRespondersError
from pymongo.errors import AutoReconnect, OperationFailure

from services.api.problems import install


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AutoReconnect("mongod is gone"), 503, "unavailable"),
        (NoRespondersError(), 503, "unavailable"),
        (ConnectionRefusedError(), 503, "unavailable"),
        (MaxPayloadError(), 500, "internal_error"),
        (OperationFailure("not authorized"), 500, "internal_error"),
        (TimeoutError("a bug"), 500, "internal_error"),
    ],
    ids=repr,
)
async def test_only_an_outage_is_answered_try_again(error: Exception, status: int, code: str) -> None:
    app = FastAPI()
    install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)
