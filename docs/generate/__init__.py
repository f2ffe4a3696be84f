"""The pages that are generated from the code: `python -m docs.generate` (`--check` only compares)."""

from pathlib import Path

from docs.generate.asyncapi import asyncapi_json
from docs.generate.errors import errors_page
from docs.generate.events import events_page
from docs.generate.nats_users import nats_users
from docs.generate.settings import compose_file, env_example, settings_page

_DOCS = Path(__file__).resolve().parents[1]
_COMPOSE = _DOCS.parent / "docker-compose.yml"


def pages() -> dict[Path, str]:
    """Every generated page and its text."""
    return {
        _DOCS / "asyncapi.json": asyncapi_json(),
        _DOCS / "errors.md": errors_page(),
        _DOCS / "events.md": events_page(),
        _DOCS / "settings.md": settings_page(),
        _DOCS.parent / "deploy" / "nats.production.conf": nats_users(),
        _DOCS.parent / ".env.example": env_example(),
        _COMPOSE: compose_file(_COMPOSE.read_text()),
    }


def stale_pages() -> dict[Path, str]:
    """The pages that are not what the code says, with the text they should have."""
    return {path: text for path, text in pages().items() if not path.is_file() or path.read_text() != text}
