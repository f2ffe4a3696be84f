"""`Idempotency-Key` on every POST: the same request again is answered with the first answer and not done again."""

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import problem_of, render
from services.api.store.answers import Answer, Answers, Claim, claim_of
from shared.auth import Principal
from shared.errors import Problem
from shared.mongo import Database

HEADER = "Idempotency-Key"
_LONGEST_KEY = 255
_SENDS = re.compile(r"/send(-message)?/?$")
"""Here the key is the message: a repetition tells how far the message is now."""
_SHOWING_SECRETS = re.compile(r"/api/(api-keys|invitations)/?$")


class Repeats:
    """ASGI middleware behind the gate. Only what was done is kept: a refused request may be repeated with its key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if scope["type"] == "http" and scope["method"] == "POST" else None
        caller = scope.get("state", {}).get("caller")
        if key is None or not isinstance(caller, Principal) or _SENDS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        database: Database = scope["app"].state.context.database
        try:
            body = await _whole(receive)
            claim = _claim(scope, caller, key, body)
            known = await Answers(database.answers).take(claim)
            if known is not None:
                await _repeated(known)(scope, receive, send)
                return
        except Exception as error:
            await render(problem_of(error), scope["state"]["request_id"])(scope, receive, send)
            return
        await self._first(Answers(database.answers), claim, (scope, _replayed(body, receive), send))

    async def _first(self, answers: Answers, claim: Claim, call: tuple[Scope, Receive, Send]) -> None:
        """Do it, and keep the answer before anybody sees it."""
        scope, receive, send = call
        said: list[Message] = []

        async def hear(message: Message) -> None:
            said.append(message)

        kept = False
        try:
            await self._app(scope, receive, hear)
            kept = await _keep(answers, claim, said, bool(_SHOWING_SECRETS.search(scope["path"])))
        finally:
            if not kept:
                await answers.release(claim)
        for message in said:
            await send(message)


def _claim(scope: Scope, caller: Principal, key: str, body: bytes) -> Claim:
    if not 0 < len(key) <= _LONGEST_KEY:
        raise Problem(422, "validation_failed", f"{HEADER}: 1 to {_LONGEST_KEY} characters, for example a UUID")
    request = (scope["path"], scope["query_string"].decode("latin-1"), body.decode("latin-1"))
    return claim_of(caller.organization_id, caller.subject, key, *request)


async def _keep(answers: Answers, claim: Claim, said: list[Message], secret: bool) -> bool:
    start = said[0]
    if not 200 <= start["status"] < 300:
        return False
    body = b"".join(message.get("body", b"") for message in said[1:])
    media_type = Headers(raw=start["headers"]).get("content-type", "application/json")
    await answers.keep(claim, Answer(start["status"], media_type, None if secret else body))
    return True


def _repeated(known: Answer) -> Response:
    """Raises Problem 409 `shown_once`."""
    if known.body is None:
        detail = (
            "this was done, and its answer showed a secret that is kept nowhere; delete what was made, make it anew"
        )
        raise Problem(409, "shown_once", detail)
    return Response(known.body, known.status, {"Idempotency-Replayed": "true"}, known.media_type)


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
