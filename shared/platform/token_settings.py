"""Settings of the services that read or issue access tokens. The others load no cryptography."""

import os
from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from shared.platform.settings import Settings
from shared.platform.token_keys import InvalidKey, SigningKey, VerificationKeys


class WebSettings(Settings):
    """For the services that are reachable from outside, through a reverse proxy or directly."""

    token_ttl: timedelta = timedelta(hours=12)
    """How long an access token is valid."""
    cors_origins: list[str] = Field(default=[])
    """Origins of front ends on other hosts, as JSON: `["https://app.example.com"]`. Empty: same origin only."""


class TokenReaderSettings(WebSettings):
    """For a service that verifies access tokens and issues none."""

    token_public_key: str = ""
    """Public half of the api's key pair (base64 of DER), which verifies access tokens. Several, separated by commas,
    while the pair is being replaced."""

    @property
    def verification_keys(self) -> VerificationKeys:
        return VerificationKeys.parse(self.token_public_key)

    @model_validator(mode="after")
    def _a_public_key(self) -> Self:
        try:
            VerificationKeys.parse(self.token_public_key)
        except InvalidKey as error:
            raise ValueError(f"WA_TOKEN_PUBLIC_KEY: {error}{retired_secret()}") from error
        return self


class TokenSignerSettings(WebSettings):
    """For the api, the only service that issues access tokens."""

    token_private_key: str = Field(default="", repr=False)
    """Private half of the Ed25519 key pair of the access tokens (base64 of PKCS#8 DER). Secret, for the api only."""
    token_former_public_keys: str = ""
    """Public halves of former key pairs, separated by commas: their tokens stay valid until you remove them here."""

    @property
    def signing_key(self) -> SigningKey:
        return SigningKey.parse(self.token_private_key)

    @property
    def verification_keys(self) -> VerificationKeys:
        """The public half of the signing key, and the former ones."""
        own = self.signing_key.private.public_key()
        former = self.token_former_public_keys.strip()
        return VerificationKeys.of([own, *(VerificationKeys.parse(former).by_kid.values() if former else ())])

    @model_validator(mode="after")
    def _a_private_key(self) -> Self:
        try:
            SigningKey.parse(self.token_private_key)
        except InvalidKey as error:
            raise ValueError(f"WA_TOKEN_PRIVATE_KEY: {error}{retired_secret()}") from error
        try:
            if self.token_former_public_keys.strip():
                VerificationKeys.parse(self.token_former_public_keys)
        except InvalidKey as error:
            raise ValueError(f"WA_TOKEN_FORMER_PUBLIC_KEYS: {error}") from error
        return self


def retired_secret() -> str:
    """A remedy for installations that still set WA_TOKEN_SECRET; empty otherwise."""
    if not os.environ.get("WA_TOKEN_SECRET"):
        return ""
    return (
        "; WA_TOKEN_SECRET is no longer used: remove it, tokens are signed with a key pair now"
        " (WA_TOKEN_PRIVATE_KEY for the api, WA_TOKEN_PUBLIC_KEY for realtime), and everybody logs in once more"
    )
