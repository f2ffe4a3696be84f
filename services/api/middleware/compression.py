"""Compresses responses that cannot contain a secret. The size of a compressed response reveals repetitions: whoever
sees sizes on the wire and can place guesses in a response (a name, a message, a query) could recover a secret in it.
So a response that may contain a secret is never compressed, whatever its size (docs/decisions/0044)."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.middleware.idempotency import may_contain_secrets

MIN_COMPRESSED_BYTES = 500
COMPRESSION_LEVEL = 5


class CompressionMiddleware:
    """ASGI middleware outside of all others that may answer a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressing = GZipMiddleware(app, MIN_COMPRESSED_BYTES, COMPRESSION_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compressed = scope["type"] == "http" and may_be_compressed(scope)
        await (self._compressing if compressed else self._plain)(scope, receive, send)


def may_be_compressed(scope: Scope) -> bool:
    """Pages, scripts and documents contain no secrets. Of the API only routes whose response class has no `Secret`."""
    return not scope["path"].startswith("/api/") or not may_contain_secrets(scope)
