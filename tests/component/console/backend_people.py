"""What the backend of the console's tests answers when bookings and contacts are changed."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

Record = dict[str, Any]
_AT = "2026-03-02T10:00:00+00:00"
_STATUS_AFTER = {"confirm": "confirmed", "cancel": "cancelled", "complete": "completed", "no-show": "no_show"}
_CLOSED = ("cancelled", "completed", "no_show")


def _problem(status: int, code: str, **extra: object) -> JSONResponse:
    return JSONResponse(
        {"status": status, "code": code, "detail": "wa.command.x was not taken (E4711)", **extra}, status
    )


class PeopleBackend:
    """Works on the lists of the backend. `refusal()`: what every change answers; None: it is carried out."""

    def __init__(self, lists: dict[str, list[Record]], refusal: Callable[[], Record | None]) -> None:
        self._lists = lists
        self._refusal = refusal
        self.changes: list[tuple[str, Record]] = []
        """(path after /api/, body) of every change that was carried out."""
        self.keys: list[str | None] = []
        """The idempotency keys of new bookings, also of refused ones."""
        self.dismissed: list[frozenset[str]] = []

    def add_routes(self, api: FastAPI) -> None:
        api.add_api_route("/api/bookings", self._create_booking, methods=["POST"])
        api.add_api_route("/api/bookings/{booking_id}/{action}", self._change_booking, methods=["POST"])
        api.add_api_route("/api/contacts/merge-suggestions/dismiss", self._dismiss, methods=["POST"])
        api.add_api_route("/api/contacts/{contact_id}/merge", self._merge, methods=["POST"])
        api.add_api_route("/api/contacts/{contact_id}/split", self._split, methods=["POST"])
        api.add_api_route("/api/contacts/{contact_id}", self._rename, methods=["PATCH"])

    def _one(self, name: str, record_id: str) -> Record:
        return next(record for record in self._lists[name] if record["id"] == record_id)

    async def _asked(self, request: Request) -> tuple[Record, JSONResponse | None]:
        body: Record = await request.json() if await request.body() else {}
        refusal = self._refusal()
        return body, JSONResponse(refusal, refusal.get("status", 409)) if refusal else None

    def _done(self, request: Request, body: Record, data: object) -> JSONResponse:
        self.changes.append((request.url.path.removeprefix("/api/"), body))
        return JSONResponse({"success": True, "data": data})

    async def _create_booking(self, request: Request) -> JSONResponse:
        self.keys.append(request.headers.get("Idempotency-Key"))
        body, refused = await self._asked(request)
        if refused:
            return refused
        opened = [one for one in self._lists["bookings"] if one["contact_id"] == body["contact_id"]]
        if before := next((one for one in opened if one["status"] not in _CLOSED), None):
            return _problem(409, "booking_open", booking_id=before["id"])
        booking: Record = {"id": f"b{len(self._lists['bookings']) + 100}", "instance_id": "i1", "status": "confirmed"}
        booking |= {"text": None, "created_at": _AT, "updated_at": _AT, **body}
        note = booking.pop("note", None)
        booking["history"] = [{"status": "confirmed", "at": _AT, "by": "u1", "note": note}]
        self._lists["bookings"].append(booking)
        return self._done(request, body, booking)

    async def _change_booking(self, booking_id: str, action: str, request: Request) -> JSONResponse:
        body, refused = await self._asked(request)
        if refused:
            return refused
        booking = self._one("bookings", booking_id)
        status = _STATUS_AFTER.get(action, booking["status"])
        if booking["status"] in _CLOSED and (action == "reschedule" or status != booking["status"]):
            return _problem(409, "booking_status_conflict")
        booking |= {"status": status, **({"starts_at": body["starts_at"]} if action == "reschedule" else {})}
        step = {"status": status, "at": _AT, "by": "u1", **body}
        booking["history"] = [*booking.get("history", []), step]
        return self._done(request, body, booking)

    async def _rename(self, contact_id: str, request: Request) -> JSONResponse:
        body, refused = await self._asked(request)
        if refused:
            return refused
        contact = self._one("contacts", contact_id)
        if "expected_name" in body and body["expected_name"] != contact.get("name"):
            return _problem(409, "contact_changed", contact=contact)
        contact.setdefault("whatsapp_name", contact.get("name"))
        contact |= {"given_name": body["name"], "name": body["name"] or contact["whatsapp_name"]}
        return self._done(request, body, contact)

    async def _merge(self, contact_id: str, request: Request) -> JSONResponse:
        body, refused = await self._asked(request)
        if refused:
            return refused
        contact, other = self._one("contacts", contact_id), self._one("contacts", body["other_id"])
        numbers = [one["phone_number"] for one in (contact, other) if one.get("phone_number")]
        if len(numbers) == 2 and not body.get("anyway"):
            return _problem(409, "contacts_have_numbers", phone_numbers=numbers)
        self._lists["contacts"].remove(other)
        for name in ("conversations", "bookings"):
            for record in self._lists[name]:
                if record["contact_id"] == other["id"]:
                    record["contact_id"] = contact_id
        contact["merges"] = [*contact.get("merges", []), {**other, "merged_at": _AT}]
        return self._done(request, body, contact)

    async def _split(self, contact_id: str, request: Request) -> JSONResponse:
        body, refused = await self._asked(request)
        if refused:
            return refused
        contact = self._one("contacts", contact_id)
        merged = next(one for one in contact["merges"] if one["id"] == body["merged_id"])
        contact["merges"] = [one for one in contact["merges"] if one is not merged]
        self._lists["contacts"].append({name: value for name, value in merged.items() if name != "merged_at"})
        return self._done(request, body, self._lists["contacts"][-1])

    async def _dismiss(self, request: Request) -> JSONResponse:
        body, refused = await self._asked(request)
        if refused:
            return refused
        self.dismissed.append(frozenset({body["contact_id"], body["other_id"]}))
        return self._done(request, body, None)
