"""Which pages of browsers may open sockets: those of this server, and those of the origins that the settings name."""

from collections.abc import Callable, Collection
from typing import Any

Environ = dict[str, Any]


def allowed_origins(named: Collection[str]) -> Callable[[str | None, Environ], bool] | None:
    """For Engine.IO's `cors_allowed_origins`; None: only the own one, as the library does by itself.

    With a list of origins the library would refuse the own one, so that the console loses its socket when
    `WA_CORS_ORIGINS` names another front end.
    """
    if not named:
        return None
    others = frozenset(origin.rstrip("/").lower() for origin in named)

    def allows(origin: str | None, environ: Environ) -> bool:
        return "*" in others or (origin is not None and (origin.lower() in others or origin in _own_origins(environ)))

    return allows


def _own_origins(environ: Environ) -> set[str]:
    """The origin as the server sees it, and as the front server says the browser does."""
    scheme, host = environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "")
    forwarded_scheme = _first_value(environ.get("HTTP_X_FORWARDED_PROTO")) or scheme
    forwarded_host = _first_value(environ.get("HTTP_X_FORWARDED_HOST")) or host
    return {f"{scheme}://{host}", f"{forwarded_scheme}://{forwarded_host}"}


def _first_value(header: str | None) -> str:
    return (header or "").split(",")[0].strip()
