"""Which answers are compressed. The size of a compressed answer tells how much of it repeats: whoever sees sizes on the
wire and can put guesses into an answer (a name, a message, a query) reads a secret that stands in it. So what may show
a secret is never compressed, whatever its size (docs/decisions/0044)."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.middleware.idempotency import may_contain_secrets

COMPRESSED_FROM_BYTES, COMPRESSION_LEVEL = 500, 5


class CompressionMiddleware:
    """ASGI middleware around everything that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._compressing = GZipMiddleware(app, COMPRESSED_FROM_BYTES, COMPRESSION_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        compressed = scope["type"] == "http" and may_be_compressed(scope)
        await (self._compressing if compressed else self._plain)(scope, receive, send)


def may_be_compressed(scope: Scope) -> bool:
    """Pages, scripts and documents hold no secrets. Of the API only what has a class of answers without a `Secret`."""
    return not scope["path"].startswith("/api/") or not may_contain_secrets(scope)
