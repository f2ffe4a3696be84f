"""Settings every service has. A service's own class extends this one and is read once, in its main.py."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from environment variables with the prefix `WA_`, e.g. `WA_HTTP_PORT`; NATS_URL and MONGO_URL stand bare."""

    model_config = SettingsConfigDict(
        env_prefix="WA_", frozen=True, extra="ignore", populate_by_name=True, use_attribute_docstrings=True
    )

    environment: Literal["local", "production"] = "production"
    """`local` allows the simulated network, and anybody to register."""
    nats_url: str = Field(default="nats://127.0.0.1:4222", validation_alias="NATS_URL")
    """Server, or several with commas."""
    mongo_url: str = Field(default="mongodb://127.0.0.1:27017/?replicaSet=rs0", validation_alias="MONGO_URL")
    """A replica set, one member is enough."""
    mongo_database: str = "switchboard"
    """Name of the database."""
    http_host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    http_port: int = 8000
    """Of the service's own routes and of /livez, /readyz, /metrics."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe line that is written."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object per line, or plain lines for people."""
    stream_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of every stream; 3 on a NATS cluster."""
    events_max_age: timedelta = timedelta(days=7)
    """How long events stay in the stream."""
    dead_max_age: timedelta = timedelta(days=30)
    """How long what could not be handled is kept."""
    ack_wait: timedelta = timedelta(seconds=30)
    """How long a handler may take before its message is delivered again."""
    shutdown_grace: timedelta = timedelta(seconds=5)
    """What is under way has this long to finish when the service is stopped."""


class TokenSettings(Settings):
    """For the services that read access tokens."""

    token_secret: str = ""
    """Key of the access tokens (HS256), at least 32 characters."""
    token_ttl: timedelta = timedelta(hours=12)
    """How long an access token is valid."""
    cors_origins: list[str] = []
    """Origins of front ends on other hosts, as JSON: `["https://app.example.com"]`. Empty: only the own origin."""

    @model_validator(mode="after")
    def _a_real_secret(self) -> Self:
        if len(self.token_secret) < 32:
            raise ValueError("set WA_TOKEN_SECRET to at least 32 random characters, e.g. `openssl rand -hex 32`")
        return self


def private_directory(path: Path) -> Path:
    """The directory, made when missing, readable by its owner only."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
