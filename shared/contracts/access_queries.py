"""Queries of the realtime service about API keys and rate limits; re-exported by shared/contracts/queries.py."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, Field, StringConstraints

from shared.contracts.message import Query

MAX_KEY = 128


class VerifyApiKey(Query):
    """realtime → api: whose API key is this? `organization_id` is sent as `unknown`.

    `client`: the IP address of the client, for the count of wrong credentials.
    """

    subject: ClassVar[str] = "wa.query.api-key.verify"
    key: Annotated[str, StringConstraints(max_length=MAX_KEY)]
    client: Annotated[str, StringConstraints(max_length=64)] | None = None


class ApiKeyOwner(BaseModel):
    """Reply to VerifyApiKey; all null when the key is unknown, expired or revoked.

    `limited`: the key is restricted to some instances, so it opens no socket, which shows the whole organization.
    `expires_at`: epoch seconds. `retry_after`: set when too many wrong keys came from the address, in seconds.
    """

    success: bool = True
    organization_id: str | None = None
    key_id: str | None = None
    scopes: list[str] = []
    limited: bool = False
    expires_at: float | None = None
    retry_after: float | None = None


class TakeRateLimit(Query):
    """realtime → api: count requests of a caller, a user id or `key:<id>`, as if they had come over REST.

    The answer is RateLimitTaken; fewer are granted when the limit of the caller or of the organization is near.
    """

    subject: ClassVar[str] = "wa.query.rate-limit.take"
    caller: Annotated[str, StringConstraints(min_length=1, max_length=128)]
    count: Annotated[int, Field(ge=1, le=100)] = 1


class RateLimitTaken(BaseModel):
    """Reply to TakeRateLimit. `retry_after`: seconds until one more is granted, when fewer were."""

    success: bool = True
    granted: int
    retry_after: float = 0


class CountFailedCredential(Query):
    """realtime → api: a wrong token came from the address `client`. `organization_id` is sent as `unknown`."""

    subject: ClassVar[str] = "wa.query.credential.failed"
    client: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class FailedCredentialCounted(BaseModel):
    """Reply to CountFailedCredential. `retry_after`: seconds, when too many came from there; else 0."""

    success: bool = True
    retry_after: float = 0
