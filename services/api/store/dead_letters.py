"""Dead letters: what a service could not handle, kept in WA_DEAD with the reason; an organization sees its own."""

import json
from datetime import datetime
from typing import Any

from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError
from pydantic import BaseModel

from services.api.views.pagination import PageRequest
from shared.contracts.errors import Problem
from shared.contracts.registry import COMMANDS, DEAD_PREFIX, DEAD_STREAM, EVENTS, class_subject, dead_letters_filter
from shared.messaging.client import JetStreamContext
from shared.messaging.publisher import FULL_SIZE_HEADER


class DeadLetter(BaseModel):
    """`address`: the subject it was published on. `error`: why it could not be handled. `size` in bytes.

    `consumer`: who gave up, as queue-stats names it; empty when it could not be published in the first place.
    `complete`: false when only the head of its body could be kept, and it cannot be replayed.
    """

    sequence: int
    address: str
    kind: str
    consumer: str
    error: str
    attempts: int
    died_at: datetime
    size: int
    complete: bool = True


class DeadLetterWithBody(DeadLetter):
    """`body`: its JSON, or its text when it is none."""

    body: Any


class DeadLetters:
    """The part of WA_DEAD whose subjects name the organization."""

    def __init__(self, js: JetStreamContext) -> None:
        self._jetstream = js

    async def count(self, organization_id: str) -> int:
        info = await self._jetstream.stream_info(DEAD_STREAM, subjects_filter=dead_letters_filter(organization_id))
        return sum((info.state.subjects or {}).values())

    async def page(self, organization_id: str, page: PageRequest) -> tuple[list[DeadLetter], str | None]:
        """Oldest first; the cursor is the last sequence seen. Raises Problem 422 `invalid_cursor`."""
        after = _sequence(page.cursor)
        found: list[DeadLetter] = []
        while len(found) <= page.limit and (letter := await self._next(organization_id, after + 1)):
            found.append(_shown(letter))
            after = found[-1].sequence
        shown = found[: page.limit]
        return shown, str(shown[-1].sequence) if len(found) > page.limit else None

    async def read(self, organization_id: str, sequence: int) -> DeadLetterWithBody:
        """Raises Problem 404 `dead_letter_not_found`."""
        letter = await self._get(organization_id, sequence)
        return DeadLetterWithBody(**_shown(letter).model_dump(), body=_readable(letter.data or b""))

    async def replay(self, organization_id: str, sequence: int) -> None:
        """Publish it again where it was published first, then forget it here; twice within ten minutes is once.

        Raises Problem 404, and 409 `not_replayable` when this version knows no message of that kind, or when only the
        head of its body was kept.
        """
        letter = await self._get(organization_id, sequence)
        address = _address(letter)
        subject = class_subject(address)
        if subject not in EVENTS.keys() | COMMANDS.keys():
            detail = f"this version knows no message {subject}; drop the letter, or install the version before"
            raise Problem(409, "not_replayable", detail)
        if FULL_SIZE_HEADER in (letter.headers or {}):
            detail = "only the head of its body could be kept, the message was too large; read it and drop it"
            raise Problem(409, "not_replayable", detail)
        await self._jetstream.publish(address, letter.data or b"", headers={"Nats-Msg-Id": f"{DEAD_PREFIX}{sequence}"})
        await self._delete(sequence)

    async def drop(self, organization_id: str, sequence: int) -> None:
        """Forget it for good. Raises Problem 404."""
        await self._get(organization_id, sequence)
        await self._delete(sequence)

    async def _get(self, organization_id: str, sequence: int) -> RawStreamMsg:
        letter = await self._next(organization_id, sequence)
        if letter is None or letter.seq != sequence:
            raise Problem(404, "dead_letter_not_found", "there is no such dead letter; it may have been replayed")
        return letter

    async def _next(self, organization_id: str, sequence: int) -> RawStreamMsg | None:
        try:
            return await self._jetstream.get_msg(DEAD_STREAM, sequence, dead_letters_filter(organization_id), next=True)
        except NotFoundError:
            return None

    async def _delete(self, sequence: int) -> None:
        try:
            await self._jetstream.delete_msg(DEAD_STREAM, sequence)
        except APIError as error:
            if error.err_code not in _ALREADY_DELETED_CODES:
                raise


_ALREADY_DELETED_CODES = frozenset({10043, 10057})
"""Another caller deleted it between our look and our deletion."""


SEQUENCE_PATTERN = "^[0-9]{1,18}$"
"""Of a cursor in this list."""


def _sequence(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        detail = "cursor: not a cursor of this list; take next_cursor of the page before, or leave it out"
        raise Problem(422, "invalid_cursor", detail)
    return int(cursor)


def _address(letter: RawStreamMsg) -> str:
    return (letter.subject or "").removeprefix(DEAD_PREFIX)


def _shown(letter: RawStreamMsg) -> DeadLetter:
    headers, address = letter.headers or {}, _address(letter)
    cls = (EVENTS | COMMANDS).get(class_subject(address))
    assert letter.seq is not None
    assert letter.time is not None
    return DeadLetter(
        sequence=letter.seq,
        address=address,
        kind=cls.__name__ if cls else "unknown",
        consumer=headers.get("x-consumer", ""),
        error=headers.get("x-error", ""),
        attempts=int(headers.get("x-attempts", "1")),
        died_at=letter.time,
        size=int(headers.get(FULL_SIZE_HEADER, len(letter.data or b""))),
        complete=FULL_SIZE_HEADER not in headers,
    )


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
