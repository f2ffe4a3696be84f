"""docker-compose.yml as Docker Compose reads it: which variables with which values a service gets from .env."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("router", "session", "api", "realtime")
ONCE = ("storage", "mongo-setup")
"""Steps that end before the services start."""
_PLACE = re.compile(r"\$\$|\$\{(\w+)(?:(:?[-?])([^}]*))?\}")


class MissingVariable(KeyError):
    """Compose refuses to start: a variable that is required is not set."""


def interpolated(text: str, env: Mapping[str, str]) -> str:
    """`${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in."""

    def value(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        name, kind, rest = found.groups()
        given = env.get(name, "")
        if given or kind is None:
            return given
        if kind.endswith("?"):
            raise MissingVariable(f"{name}: {rest}")
        return str(rest)

    return _PLACE.sub(value, text)


def environment(service: str, env: Mapping[str, str]) -> dict[str, str]:
    """What the container gets; a name without a value comes from .env when it is set there, and else is not set."""
    declared: dict[str, Any] = SERVICES[service].get("environment") or {}
    given = {name: env.get(name) if text is None else interpolated(str(text), env) for name, text in declared.items()}
    return {name: text for name, text in given.items() if text is not None}


def read_env(path: Path) -> dict[str, str]:
    """The variables of an .env file."""
    lines = (line for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}
