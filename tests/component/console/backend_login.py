"""The routes of the backend that are used before a login: registration, forgotten password, links."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.component.console.backend import AT, Backend, Record

TOKEN = "secret-token-4711"
INVITATION: Record = {
    "organization_name": "Café Lua",
    "email": "new@example.org",
    "role": "agent",
    "invited_by": "Ana Silva",
    "expires_at": AT,
}
RESET: Record = {"email": "me@example.org", "name": "Me", "organization_name": "Café Lua", "expires_at": AT}
PATHS = ("register", "forgot-password", "invitation", "accept-invitation", "password-reset/inspect", "password-reset")


class LoginBackend(Backend):
    """`bodies`: of the requests by path after /api/auth/; `refusals`: what a path answers instead."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[Record]] = {path: [] for path in PATHS}
        self.refusals: dict[str, Record] = {}
        super().__init__()

    def offer(self, **settings: Any) -> None:
        """Settings that /api/config tells."""
        vars(self._api.state.context.settings).update(settings)

    def _auth_routes(self, api: FastAPI) -> None:
        self._api = api
        super()._auth_routes(api)
        answers = {"invitation": lambda: {"data": INVITATION}, "password-reset/inspect": lambda: {"data": RESET}}
        answers |= dict.fromkeys(("register", "accept-invitation", "password-reset"), self._logged_in)

        @api.post("/api/auth/{path:path}")
        async def act(path: str, request: Request) -> JSONResponse:
            self.bodies[path].append(await request.json())
            if path in self.refusals:
                return JSONResponse(self.refusals[path], self.refusals[path]["status"])
            return JSONResponse(answers.get(path, lambda: {"success": True})())
