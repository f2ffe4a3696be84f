"""Dead letters: messages that a service could not handle, in the stream WA_DEAD with the reason. An organization reads
only its own."""

import json
from datetime import datetime

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

    `consumer`: the consumer that gave up, as queue-stats names it; empty if the message could not even be published.
    `complete`: false when its body was too large and only the beginning is stored; then it cannot be replayed.
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
    """`body`: parsed JSON, or text if it is not JSON."""

    body: object


class DeadLetters:
    """The messages in WA_DEAD whose subject names the organization."""

    def __init__(self, js: JetStreamContext) -> None:
        self._jetstream = js

    async def count(self, organization_id: str) -> int:
        info = await self._jetstream.stream_info(DEAD_STREAM, subjects_filter=dead_letters_filter(organization_id))
        return sum((info.state.subjects or {}).values())

    async def page(self, organization_id: str, page: PageRequest) -> tuple[list[DeadLetter], str | None]:
        """Oldest first; the cursor is the last stream sequence. Raises Problem 422 `invalid_cursor`."""
        after = _sequence(page.cursor)
        letters: list[DeadLetter] = []
        while len(letters) <= page.limit and (letter := await self._next(organization_id, after + 1)):
            letters.append(_dead_letter(letter))
            after = letters[-1].sequence
        page_letters = letters[: page.limit]
        return page_letters, str(page_letters[-1].sequence) if len(letters) > page.limit else None

    async def read(self, organization_id: str, sequence: int) -> DeadLetterWithBody:
        """Raises Problem 404 `dead_letter_not_found`."""
        letter = await self._get(organization_id, sequence)
        return DeadLetterWithBody(**_dead_letter(letter).model_dump(), body=_parsed_body(letter.data or b""))

    async def replay(self, organization_id: str, sequence: int) -> None:
        """Publish it on its original subject again, then delete it here. Twice within ten minutes is stored once.

        Raises Problem 404 `dead_letter_not_found`, 409 `not_replayable` for an unknown message class or an incomplete
        body.
        """
        letter = await self._get(organization_id, sequence)
        subject = _subject(letter)
        message_class = class_subject(subject)
        if message_class not in EVENTS.keys() | COMMANDS.keys():
            detail = f"this version knows no message {message_class}; drop the letter, or install the version before"
            raise Problem(409, "not_replayable", detail)
        if FULL_SIZE_HEADER in (letter.headers or {}):
            detail = "only the head of its body could be kept, the message was too large; read it and drop it"
            raise Problem(409, "not_replayable", detail)
        await self._jetstream.publish(subject, letter.data or b"", headers={"Nats-Msg-Id": f"{DEAD_PREFIX}{sequence}"})
        await self._delete(sequence)

    async def drop(self, organization_id: str, sequence: int) -> None:
        """Delete it for good. Raises Problem 404."""
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
"""JetStream's error codes when another caller deleted it in the meantime."""


SEQUENCE_PATTERN = "^[0-9]{1,18}$"
"""Cursors of this list."""


def _sequence(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        detail = "cursor: not a cursor of this list; take next_cursor of the page before, or leave it out"
        raise Problem(422, "invalid_cursor", detail)
    return int(cursor)


def _subject(letter: RawStreamMsg) -> str:
    return (letter.subject or "").removeprefix(DEAD_PREFIX)


def _dead_letter(letter: RawStreamMsg) -> DeadLetter:
    headers, subject = letter.headers or {}, _subject(letter)
    cls = (EVENTS | COMMANDS).get(class_subject(subject))
    assert letter.seq is not None
    assert letter.time is not None
    return DeadLetter(
        sequence=letter.seq,
        address=subject,
        kind=cls.__name__ if cls else "unknown",
        consumer=headers.get("x-consumer", ""),
        error=headers.get("x-error", ""),
        attempts=int(headers.get("x-attempts", "1")),
        died_at=letter.time,
        size=int(headers.get(FULL_SIZE_HEADER, len(letter.data or b""))),
        complete=FULL_SIZE_HEADER not in headers,
    )


def _parsed_body(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
