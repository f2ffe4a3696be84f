"""Which web pages may open sockets: those of this server, and those of the origins in the settings."""

from collections.abc import Callable, Collection
from typing import Any

Environ = dict[str, Any]


def allowed_origins(named: Collection[str]) -> Callable[[str | None, Environ], bool] | None:
    """For Engine.IO's `cors_allowed_origins`; None: the library allows the server's own origin only.

    Given a list, the library would refuse the server's own origin, and the console would lose its socket as soon as
    `WA_CORS_ORIGINS` names another front end.
    """
    if not named:
        return None
    others = frozenset(origin.rstrip("/").lower() for origin in named)

    def allows(origin: str | None, environ: Environ) -> bool:
        return "*" in others or (origin is not None and (origin.lower() in others or origin in _own_origins(environ)))

    return allows


def _own_origins(environ: Environ) -> set[str]:
    """The server's origin as it sees it itself, and as browsers see it, according to the front server's headers."""
    scheme, host = environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "")
    forwarded_scheme = _first_value(environ.get("HTTP_X_FORWARDED_PROTO")) or scheme
    forwarded_host = _first_value(environ.get("HTTP_X_FORWARDED_HOST")) or host
    return {f"{scheme}://{host}", f"{forwarded_scheme}://{forwarded_host}"}


def _first_value(header: str | None) -> str:
    return (header or "").split(",")[0].strip()
