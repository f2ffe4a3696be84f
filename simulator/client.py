"""Python client of the control interface, for tests and the launcher: the same calls with `await` and without."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

LONG_POLL_S = 30.0


@dataclass(frozen=True)
class ControlRequest:
    """One call of the control interface. `wait`: seconds that the server may take to answer."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    wait: float = 0


class SimulatorError(Exception):
    """An error response of the simulator: its status and its detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"{status}: {detail}")
        self.status, self.detail = status, detail


def scan(number: str, qr: str) -> ControlRequest:
    return ControlRequest("POST", f"/phones/{number}/scan", {"qr": qr}, wait=20)


def enter_code(number: str, code: str) -> ControlRequest:
    return ControlRequest("POST", f"/phones/{number}/enter-code", {"code": code}, wait=30)


def owner_writes(number: str, text: str, to: str | None = None) -> ControlRequest:
    return ControlRequest("POST", f"/phones/{number}/write", {"text": text, "to": to})


def owner_reads(number: str, sender: str, ids: Sequence[str]) -> ControlRequest:
    return ControlRequest("POST", f"/phones/{number}/read", {"sender": sender, "ids": list(ids)})


def contact_writes(number: str, to: str, text: str) -> ControlRequest:
    return ControlRequest("POST", f"/contacts/{number}/write", {"to": to, "text": text})


def typing(number: str, to: str, state: str) -> ControlRequest:
    return ControlRequest("POST", f"/contacts/{number}/typing", {"to": to, "state": state})


def receipts(number: str, to: str, ids: Sequence[str], kind: str) -> ControlRequest:
    return ControlRequest("POST", f"/contacts/{number}/receipts", {"to": to, "ids": list(ids), "kind": kind})


def inbox(number: str, after: int = 0, wait: float = LONG_POLL_S) -> ControlRequest:
    return ControlRequest("GET", f"/contacts/{number}/inbox?after={after}&wait={wait}", wait=wait)


def set_faults(number: str, **faults: Any) -> ControlRequest:
    """Sets the faults of an account; without arguments removes all."""
    return ControlRequest("PUT", f"/phones/{number}/faults", faults)


def _answer(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        detail = response.text
        if response.headers.get("content-type", "").startswith("application/problem+json"):
            detail = response.json()["detail"]
        raise SimulatorError(response.status_code, detail)
    answer: dict[str, Any] = response.json()
    return answer


class SimulatorClient:
    """Asynchronous client. `get`, `post` and `put` are for paths without a function above."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=control_url, trust_env=False)

    async def __aenter__(self) -> "SimulatorClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def call(self, request: ControlRequest) -> dict[str, Any]:
        """Raises SimulatorError when the simulator refuses, httpx.HTTPError when it cannot be reached."""
        timeout = 10 + request.wait
        return _answer(await self._http.request(request.method, request.path, json=request.body, timeout=timeout))

    async def get(self, path: str, wait: float = 0) -> dict[str, Any]:
        return await self.call(ControlRequest("GET", path, wait=wait))

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        return await self.call(ControlRequest("POST", path, body, wait=20))

    async def put(self, path: str, **body: Any) -> dict[str, Any]:
        return await self.call(ControlRequest("PUT", path, body))


class BlockingSimulatorClient:
    """Blocking client with the same methods."""

    def __init__(self, control_url: str) -> None:
        self._http = httpx.Client(base_url=control_url, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def call(self, request: ControlRequest) -> dict[str, Any]:
        """Raises SimulatorError when the simulator refuses, httpx.HTTPError when it cannot be reached."""
        timeout = 10 + request.wait
        return _answer(self._http.request(request.method, request.path, json=request.body, timeout=timeout))

    def get(self, path: str, wait: float = 0) -> dict[str, Any]:
        return self.call(ControlRequest("GET", path, wait=wait))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        return self.call(ControlRequest("POST", path, body, wait=20))

    def put(self, path: str, **body: Any) -> dict[str, Any]:
        return self.call(ControlRequest("PUT", path, body))
