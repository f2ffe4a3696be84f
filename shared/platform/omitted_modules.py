"""Keeps modules out of the memory of a service that its libraries would load and that no service uses.

The libraries load each of these only when it is installed, and work without it. `None` in `sys.modules` makes such an
import fail as if it were not installed. To be imported before the libraries, so first in the main module of a service;
never in tests, which use some of these modules.
"""

import os
import sys
from collections.abc import Iterable, Mapping

_OMITTED = (
    "httpx._main",  # the command line of httpx, with rich and pygments
    "pymongo.pyopenssl_context",  # loads cryptography, then fails: pyOpenSSL is not installed
    "requests",  # only the synchronous client of Socket.IO uses it
    "watchfiles",  # uvicorn restarts a server with it when a file changes
)
_WEBSOCKET_CLIENT = "aiohttp"
"""Needed for a NATS server whose address starts with ws:// or wss://, and for clients of Socket.IO."""


def omitted_modules(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the modules that a service with these environment variables does not load."""
    uses_websocket = any(url.strip().startswith("ws") for url in environ.get("NATS_URL", "").split(","))
    return _OMITTED if uses_websocket else (*_OMITTED, _WEBSOCKET_CLIENT)


def omit_modules(names: Iterable[str]) -> None:
    """From now on, an import of one of these raises ModuleNotFoundError, unless it has been loaded before."""
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = None  # type: ignore[assignment]


omit_modules(omitted_modules(os.environ))
