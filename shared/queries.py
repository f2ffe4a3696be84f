"""Questions between services, answered by NATS request/reply on `wa.query.*`."""

from typing import ClassVar

from pydantic import BaseModel

from shared.message import Query


class VerifyApiKey(Query):
    """realtime → api: whose key is this? `organization_id` is unknown to the asker and sent as `unknown`."""

    subject: ClassVar[str] = "wa.query.api-key.verify"
    key: str


class ApiKeyOwner(BaseModel):
    """Answer to VerifyApiKey; all empty when the key is unknown, expired or revoked."""

    organization_id: str | None = None
    key_id: str | None = None
    scopes: list[str] = []
