"""The backend of the console's tests, in memory: the REST routes and Socket.IO events that the page needs."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import socketio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from playwright.async_api import Page
from starlette.datastructures import QueryParams
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response

from services.api.routes.console import router
from tests.component.console.backend_people import PeopleBackend
from tests.component.console.lists import answer

AT = "2026-03-02T10:00:00+00:00"
OWN_ID = "u1"
PICTURE = "data:image/png;base64,AAAA"
Record = dict[str, Any]


class Backend:
    """One organization with one account and one conversation; `refusal` is what sends and bookings answer when set."""

    def __init__(self) -> None:
        self.socket = socketio.AsyncServer(async_mode="asgi")
        self.refusal: Record | None = None
        self.codes: dict[str, Record] = {}
        """What …/qr and …/pairing-code of the account answer."""
        self.connects: list[Record] = []
        """The bodies of its connects; a disconnect is `{}`."""
        self.page_queries: list[dict[str, str]] = []
        """The queries of requests for pages of messages."""
        self.before_page: Callable[[], Awaitable[object]] = _no_delay_of_pages
        """Awaited before a page of messages is made."""
        self.customer: Record = {}
        """Fields that replace those of the simulated customer."""
        self.login_refusal: Record | None = None
        self.outage: Record | None = None
        """When set, every request except the login gets this error."""
        self.requests: list[str] = []
        """The requested lists and records: path after /api/, and query."""
        self.before_answer: Callable[[str, QueryParams], Awaitable[None]] = _no_delay
        """Awaited before a list or record is answered, so that a test can delay it."""
        self.expired = False
        self.sent: list[Record] = []
        self.events: list[tuple[str, Record]] = []
        """The event stream; the index of an event is its sequence minus one."""
        self.first_sequence = 0
        """Number of the first events that the stream no longer has."""
        self.resume_positions: list[object] = []
        """The `since` of every socket."""
        self.logins = 0
        self.claims: Record = {}
        """Further claims of the access tokens, such as `scopes`."""
        self.refresh_tokens: list[str] = []
        """The refresh tokens that were used."""
        self.logouts: list[str] = []
        self.passwords: list[Record] = []
        self.conversation_actions: list[tuple[str, str]] = []
        """(conversation id, action) of every POST for a conversation."""
        contact = {"id": "c1", "phone_number": "4917612345678", "name": "<b>Anna</b>", "created_at": AT}
        self.lists: dict[str, list[Record]] = {
            "whatsapp/instances": [_instance()],
            "contacts": [contact],
            "conversations": [
                {"id": "v1", "instance_id": "i1", "contact_id": "c1", "contact": contact, "updated_at": AT}
            ],
            "bookings": [
                {
                    "id": "b1",
                    "instance_id": "i1",
                    "contact_id": "c1",
                    "status": "pending",
                    "text": "Hi",
                    "created_at": AT,
                }
            ],
            "conversations/v1/messages": [],
            "messages": [],
        }
        api = FastAPI()
        api.include_router(router)
        settings = SimpleNamespace(simulator_url="http://127.0.0.1:1", registration_policy="closed", sends_mail=False)
        api.state.context = SimpleNamespace(settings=settings)
        api.middleware("http")(self._refuse)
        self.people = PeopleBackend(self.lists, lambda: self.refusal)
        self._add_routes(api)
        self.socket.on("connect", self._connect)
        self.socket.on("send_message", self._send)
        self.socket.on("join-organization", self._join)
        self.app = socketio.ASGIApp(self.socket, api)

    def _add_routes(self, api: FastAPI) -> None:
        self._auth_routes(api)
        self._linking_routes(api)
        self._simulator_routes(api)
        self._thread_routes(api)
        self.people.add_routes(api)
        self._routes(api)  # the last, because it answers every path

    async def _refuse(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        if self.outage and request.url.path.startswith("/api/") and request.url.path != "/api/auth/login":
            return JSONResponse(self.outage, self.outage["status"])
        return await answer(request)

    def _auth_routes(self, api: FastAPI) -> None:
        @api.post("/api/auth/login")
        async def login(request: Request) -> JSONResponse:
            if self.login_refusal:
                return JSONResponse(self.login_refusal, self.login_refusal["status"])
            if (await request.json())["password"] != "right":
                return JSONResponse({"status": 401, "code": "login_failed", "detail": "Wrong e-mail or password."}, 401)
            return JSONResponse(self._logged_in())

        @api.post("/api/auth/refresh")
        async def refresh(request: Request) -> JSONResponse:
            self.refresh_tokens.append((await request.json())["refresh_token"])
            if self.refresh_tokens[-1] != f"r{self.logins}":
                refused = {"status": 401, "code": "refresh_token_reused", "detail": "The login is ended; log in again."}
                return JSONResponse(refused, 401)
            self.expired = False
            return JSONResponse(self._logged_in())

        @api.post("/api/auth/password")
        async def password(request: Request) -> JSONResponse:
            self.passwords.append(await request.json())
            if self.passwords[-1]["old_password"] != "right":
                wrong = {
                    "field": "old_password",
                    "code": "wrong_password",
                    "message": "instance_id: wa.command.x was not taken (E4711)",
                }
                return JSONResponse({"status": 403, "code": "wrong_password", "detail": "", "errors": [wrong]}, 403)
            return JSONResponse({"success": True})

        @api.post("/api/auth/logout")
        async def logout(request: Request) -> JSONResponse:
            self.logouts.append((await request.json())["refresh_token"])
            return JSONResponse({"success": True})

    def _linking_routes(self, api: FastAPI) -> None:
        @api.get("/api/whatsapp/instances/i1/{name}")
        async def code(name: str) -> JSONResponse:
            if name not in self.codes:
                refused = {"status": 404, "code": f"{name.replace('-', '_')}_not_available", "detail": "none"}
                return JSONResponse(refused, 404)
            return JSONResponse({"success": True, "data": self.codes[name]})

        @api.post("/api/whatsapp/instances/i1/disconnect")
        async def disconnect() -> JSONResponse:
            self.connects.append({})
            await self.set_status("disconnected", "as_asked")
            return JSONResponse({"success": True, "status": "disconnected"})

        @api.post("/api/whatsapp/instances/i1/connect")
        async def connect(request: Request) -> JSONResponse:
            body = await request.json()
            self.connects.append(body)
            if self.refusal:
                return JSONResponse(self.refusal, self.refusal["status"])
            if body["method"] == "qr":
                await self.issue_qr(1)
                return JSONResponse({"success": True, "method": "qr", "message": "wait"})
            code = await self.issue_code(f"NEW{len(self.connects):05}", body["phone_number"])
            answer = {"success": True, "method": "code", "message": "type it", "pairingCode": code["code"]}
            return JSONResponse(answer | {"expires_at": code["expires_at"]})

    def _simulator_routes(self, api: FastAPI) -> None:
        person = {"number": "4915155555555", "name": "Clara Customer"}

        @api.post("/api/simulator/contacts")
        @api.get("/api/simulator/contacts/{number}")
        async def contact() -> JSONResponse:
            return JSONResponse(person | self.customer)

        @api.get("/api/simulator/contacts/{number}/inbox")
        async def inbox() -> JSONResponse:
            await asyncio.sleep(0.5)
            return JSONResponse({"messages": []})

        @api.post("/api/simulator/contacts/{number}/{action}")
        async def act() -> JSONResponse:
            return JSONResponse({"id": "x"})

    def _thread_routes(self, api: FastAPI) -> None:
        @api.get("/api/conversations/{conversation_id}/messages")
        async def messages(conversation_id: str, request: Request) -> JSONResponse:
            query = dict(request.query_params)
            self.page_queries.append(query)
            if self.expired:
                refused = {"status": 401, "code": "token_expired", "detail": "The token expired; log in again."}
                return JSONResponse(refused, 401)
            await self.before_page()
            return _page(self.lists.get(f"conversations/{conversation_id}/messages") or [], query)

    def _routes(self, api: FastAPI) -> None:
        @api.get("/api/contacts/{contact_id}/picture")
        async def picture() -> JSONResponse:
            return JSONResponse({"status": 404, "code": "no_picture", "detail": "There is no picture."}, 404)

        @api.post("/api/conversations/{conversation_id}/{action}")
        async def act_on_conversation(conversation_id: str, action: str, request: Request) -> JSONResponse:
            conversation = next(one for one in self.lists["conversations"] if one["id"] == conversation_id)
            self.conversation_actions.append((conversation_id, action))
            if self.refusal:
                return JSONResponse(self.refusal, 409)
            changes: dict[str, Record] = {
                "read": {"unread_count": 0},
                "close": {"status": "closed"},
                "reopen": {"status": "open"},
                "assign": {"assigned_to": OWN_ID if (await request.json()).get("user_id") else None},
            }
            conversation.update(changes[action])
            return JSONResponse({"success": True, "data": conversation})

        @api.get("/api/{name:path}")
        async def read_list(name: str, request: Request) -> JSONResponse:
            if self.expired:
                refused = {"status": 401, "code": "token_expired", "detail": "The token expired; log in again."}
                return JSONResponse(refused, 401)
            self.requests.append(f"{name}?{request.url.query}" if request.url.query else name)
            await self.before_answer(name, request.query_params)
            result = answer(self.lists, name, request.query_params, OWN_ID)
            missing = {"status": 404, "code": "not_found", "detail": "There is no such record."}
            return JSONResponse(result) if result else JSONResponse(missing, 404)

    def _logged_in(self) -> Record:
        self.logins += 1
        until = datetime.now(UTC) + timedelta(hours=1)
        claims = base64.urlsafe_b64encode(json.dumps({"sub": OWN_ID, **self.claims}).encode()).decode().rstrip("=")
        tokens = {
            "token": f"h.{claims}.t{self.logins}",
            "refresh_token": f"r{self.logins}",
            "expires_at": until.isoformat(),
        }
        return {"success": True, "organization_id": "o1", **tokens}

    async def _connect(self, sid: str, _environ: Record, auth: Record) -> None:
        if self.expired:
            raise socketio.exceptions.ConnectionRefusedError("the token has expired", {"code": "token_expired"})
        self.resume_positions.append(auth.get("since"))
        await self.socket.save_session(sid, {"since": auth.get("since", len(self.events))})

    async def _join(self, sid: str, _data: object) -> Record:
        since = (await self.socket.get_session(sid))["since"]
        if since < self.first_sequence:
            await self.socket.emit("resync", {"sequence": len(self.events)}, to=sid)
            since = len(self.events)
        for name, payload in self.events[since:]:
            await self.socket.emit(name, payload, to=sid)
        return {"success": True, "sequence": len(self.events)}

    async def emit(self, name: str, payload: Record) -> None:
        """Appends an event to the stream and emits it to the connected sockets."""
        self.events.append((name, payload | {"sequence": len(self.events) + 1}))
        await self.socket.emit(*self.events[-1])

    async def _send(self, _sid: str, data: Record) -> Record:
        self.sent.append(data)
        if self.refusal:
            return {"success": False, **self.refusal}
        return {"success": True, "messageId": f"m{len(self.sent)}", "timestamp": AT, "clientId": data["clientId"]}

    async def receive(self, text: str, message_id: str = "m0") -> None:
        """The contact writes: updates the conversation and emits the event."""
        message = {"id": message_id, "content": text, "isOutgoing": False, "conversationId": "v1", "timestamp": AT}
        last = {"id": message_id, "text": text, "type": "text", "direction": "inbound", "timestamp": AT}
        conversation = self.lists["conversations"][0]
        conversation.update(last_message=last, unread_count=conversation.get("unread_count", 0) + 1, status="open")
        await self.emit("new_message", {**message, "status": "received", "type": "text", "from": "4917612345678"})

    async def progress(self, status: str) -> None:
        """Our message m1 gets this status."""
        await self.socket.emit("message_status", {"messageId": "m1", "status": status, "timestamp": AT})

    async def set_status(self, status: str, reason: str | None = None) -> None:
        """The account's status changes."""
        if status not in ("qr_pending", "pairing"):
            self.codes = {}
        self.lists["whatsapp/instances"][0] |= {"status": status, "reason": reason}
        await self.socket.emit("whatsapp:status", {"instanceId": "i1", "status": status, "reason": reason})

    async def issue_qr(self, attempt: int, lasts: float = 60) -> None:
        """WhatsApp shows a new code for the account."""
        await self.set_status("qr_pending")
        code = {"qr": "2@x", "attempt": attempt, "expires_at": _in(lasts)}
        self.codes = {"qr": code | {"data_url": PICTURE, "ascii": ""}}
        event = {"instanceId": "i1", "qr": "2@x", "dataUrl": PICTURE, "attempt": attempt}
        await self.socket.emit("whatsapp:qr", event | {"expiresAt": code["expires_at"]})

    async def issue_code(self, code: str, phone_number: str = "4930901820", lasts: float = 160) -> Record:
        """WhatsApp shows a code to type on the phone of this number."""
        await self.set_status("pairing")
        code_data = {"code": code, "phone_number": phone_number, "expires_at": _in(lasts)}
        self.codes = {"pairing-code": code_data}
        event = {"instanceId": "i1", "pairingCode": code, "phoneNumber": phone_number}
        await self.socket.emit("whatsapp:pairing-code", event | {"expiresAt": code_data["expires_at"]})
        return code_data

    async def drop(self) -> None:
        """Disconnects every socket, like a restart of the service."""
        for sid, _ in list(self.socket.manager.get_participants("/", None)):
            await self.socket.disconnect(sid)
        await asyncio.sleep(0)


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def _no_delay(_name: str, _asked: QueryParams) -> None:
    pass


async def _no_delay_of_pages() -> None:
    """A page does not wait."""


def _page(messages: list[Record], query: dict[str, str]) -> JSONResponse:
    """Answers like the route for messages of a conversation: newest first, with cursors for both directions."""
    ordered = sorted(messages, key=lambda one: (one.get("order_key", 0), one["timestamp"], one["id"]), reverse=True)
    places = {one["id"]: place for place, one in enumerate(ordered)}
    limit, cursor, around = int(query.get("limit", 50)), query.get("cursor"), query.get("around")
    if around is not None and around not in places:
        return JSONResponse({"status": 404, "code": "message_not_found", "detail": "no such message"}, 404)
    first = 0
    if around is not None:
        first = max(0, places[around] - limit // 2)
    elif cursor and cursor.startswith("~"):
        first = max(0, places[cursor[1:]] - limit)
        limit = places[cursor[1:]] - first
    elif cursor:
        first = places[cursor] + 1
    page = ordered[first : first + limit]
    older = page[-1]["id"] if page and first + limit < len(ordered) else None
    newer = f"~{page[0]['id']}" if page and first > 0 else None
    return JSONResponse({"success": True, "data": page, "next_cursor": older, "newer_cursor": newer})


def _instance() -> Record:
    name = {"id": "i1", "organization_id": "o1", "instance_name": "Front desk", "phone_number": "4930901820"}
    return {**name, "network": "whatsapp", "status": "connected", "created_at": AT}


async def until(done: Callable[[], object], page: Page) -> None:
    """Waits at most a minute until the condition is true."""
    for _ in range(1_200):
        if done():
            return
        await page.wait_for_timeout(50)
    raise AssertionError("the condition did not become true")
