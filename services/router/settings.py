"""What can be set for the router (`WA_*`)."""

from pydantic import Field

from shared.settings import Settings


class RouterSettings(Settings):
    router_concurrency: int = Field(default=64, ge=1, le=1000)
    """Messages of one kind that are handled at the same time."""
