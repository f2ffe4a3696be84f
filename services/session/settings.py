"""Settings of the session service (`WA_*`)."""

import platform
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from services.session.supervisor.relinking import OtherNumber
from shared.contracts.ids import is_slug
from shared.platform.settings import Settings


def _host_name() -> str:
    name = "".join(c if c.isalnum() else "-" for c in platform.node().lower())[:32].strip("-")
    return name if is_slug(name) else "node"


class SessionSettings(Settings):
    data_dir: Path = Path("data")
    """Folder of the device keys and journals, on a persistent disk. Only one session node may run (decision 33)."""
    node_name: str = Field(default_factory=_host_name)
    """Name of this node, the same after a restart. Unset: the host's name."""
    simulator_url: str | None = None
    """Control interface of the simulator, `http://127.0.0.1:3005`; local mode only."""
    accounts_per_worker: int = Field(default=25, ge=1, le=500)
    """Instances that share one worker process, and are all disconnected when it crashes."""
    start_interval: float = Field(default=0.1, ge=0)
    """Seconds between the starts of two instances after a restart."""
    lease_ttl: float = Field(default=30.0, ge=5)
    """Seconds after which other nodes may take ownership of the instances of a node that stopped renewing its lease."""

    other_number: OtherNumber = "refuse_relinked"
    """What to do when a phone with another number than the instance's scans the code: `follow` (the instance gets the
    new number, and its status says so), `refuse_relinked` (unlink it when the instance was linked to another number
    before), `refuse` (unlink it also when another number was only configured)."""

    @model_validator(mode="after")
    def _simulator_is_local(self) -> Self:
        if self.simulator_url and self.environment != "local":
            raise ValueError("WA_SIMULATOR_URL works only with WA_ENVIRONMENT=local; remove one of the two")
        if not is_slug(self.node_name):
            raise ValueError("WA_NODE_NAME is lower-case letters, digits, '-' and '_', at most 32")
        return self
