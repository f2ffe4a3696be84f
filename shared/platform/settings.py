"""Settings of every service. Each service has a subclass, read once in its main.py."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.platform.weak_secrets import REMEDY, weak_password_in
from shared.web.allowed_hosts import parse_hosts
from shared.web.trusted_proxies import parse_networks


class Settings(BaseSettings):
    """Read from environment variables with the prefix `WA_`, e.g. `WA_HTTP_PORT`; NATS_URL and MONGO_URL have no
    prefix."""

    model_config = SettingsConfigDict(
        env_prefix="WA_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # an input may be a password
    )

    environment: Literal["local", "production"] = "production"
    """`local` allows the simulated network and open registration."""
    nats_url: str = Field(default="nats://127.0.0.1:4222", validation_alias="NATS_URL")
    """Server, or several separated by commas."""
    mongo_url: str = Field(default="mongodb://127.0.0.1:27017/?replicaSet=rs0", validation_alias="MONGO_URL")
    """A replica set; one member is enough."""
    mongo_database: str = "switchboard"
    """Name of the database."""
    http_host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 in a container."""
    http_port: int = 8000
    """For the service's own routes and /livez, /readyz, /metrics."""
    trusted_proxies: str = ""
    """Addresses and networks of the reverse proxies, separated by commas: `172.30.0.0/24,10.0.0.5`. X-Forwarded-For,
    X-Forwarded-Proto and X-Forwarded-Host of other peers are ignored."""
    allowed_hosts: str = ""
    """Host names of this service, separated by commas: `chat.example.com,*.example.org`; loopback names always work.
    Requests for other names are answered 421. Empty: any name; in local mode loopback names only."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""
    log_format: Literal["json", "console"] = "json"
    """One JSON object per line, or plain lines for people."""
    stream_replicas: int = Field(default=1, ge=1, le=5)
    """Copies of every stream; 3 on a NATS cluster."""
    events_max_age: timedelta = timedelta(days=7)
    """Retention of the event stream."""
    dead_max_age: timedelta = timedelta(days=30)
    """Retention of dead letters."""
    ack_wait: timedelta = timedelta(seconds=30)
    """How long JetStream waits for an ack before it delivers a message again. A handler may take longer: the time is
    extended while it runs."""
    shutdown_grace: timedelta = timedelta(seconds=5)
    """How long running handlers and requests may take when the service is stopped."""

    @model_validator(mode="after")
    def _addresses_and_hosts_are_readable(self) -> Self:
        for name, parse in (("trusted_proxies", parse_networks), ("allowed_hosts", parse_hosts)):
            try:
                parse(getattr(self, name))
            except ValueError as error:
                raise ValueError(f"WA_{name.upper()}: {error}") from error
        return self

    @model_validator(mode="after")
    def _no_weak_password_outside_local_mode(self) -> Self:
        for name, url in (("NATS_URL", self.nats_url), ("MONGO_URL", self.mongo_url)):
            if self.environment != "local" and (why := weak_password_in(url)):
                raise ValueError(f"{name}: its password {why}; {REMEDY}, here and at the server")
        return self


def private_directory(path: Path) -> Path:
    """Create the directory if it is missing, readable by its owner only."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
