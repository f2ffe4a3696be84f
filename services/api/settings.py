"""Settings of the api (`WA_*`)."""

import re
from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from services.api.store.logins import LoginLifetime
from shared.platform.token_settings import TokenSignerSettings

SmtpTls = Literal["starttls", "tls", "none"]
RegistrationPolicy = Literal["open", "first", "closed"]
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")
_SENDER = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class ApiSettings(TokenSignerSettings):
    registration: RegistrationPolicy | None = None
    """Who may register: anybody, only the very first user, nobody. Unset: `first`, and `open` in local mode."""
    refresh_idle: timedelta = timedelta(days=14)
    """A login that is not refreshed for this long ends."""
    refresh_longest: timedelta = timedelta(days=90)
    """A login ends after this long, however often it is refreshed."""
    invitation_ttl: timedelta = timedelta(days=7)
    """How long an invitation may be accepted."""
    password_reset_ttl: timedelta = timedelta(hours=24)
    """How long the link for a forgotten password works."""
    audit_kept: timedelta = timedelta(days=365)
    """How long the audit log keeps an entry."""
    simulator_url: str | None = None
    """Control interface of the simulator, `http://127.0.0.1:3005`; local mode only."""
    rate_limit_caller: int = Field(default=1_800, ge=0)
    """Requests a minute of one user or API key, over all replicas; 0: no limit."""
    rate_limit_organization: int = Field(default=6_000, ge=0)
    """Requests a minute of all users and keys of an organization together; 0: no limit."""
    rate_limit_failures: int = Field(default=60, ge=1)
    """Wrong tokens and keys a minute from one address, over REST and sockets; more are refused with 429."""
    body_limit: int = Field(default=1 << 20, ge=1024)
    """Bytes a request's body may have."""
    login_failures: int = Field(default=10, ge=1)
    """Failed logins of one account before the next one has to wait: 1 s, then 2, 4 and so on up to a minute, over all
    replicas. Devices and addresses the user logged in from before have counters of their own: failures of others do not
    delay them."""
    login_failures_address: int = Field(default=50, ge=1)
    """Failed logins of one address, over all accounts, before its next one has to wait; the delay grows up to 15
    minutes."""
    device_ttl: timedelta = timedelta(days=90)
    """How long a device is recognized after its last login."""

    smtp_host: str = ""
    """Host name of the SMTP server for invitations and forgotten passwords. Empty: no mails are sent."""
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    """Its port: 587 for `starttls`, 465 for `tls`."""
    smtp_tls: SmtpTls = "starttls"
    """`starttls`: encrypted after the greeting; `tls`: from the beginning; `none`: not encrypted."""
    smtp_user: str = ""
    """User at the SMTP server; empty: none."""
    smtp_password: str = Field(default="", repr=False)
    """Password of this user. Secret, for the api only."""
    smtp_from: str = ""
    """E-mail address from which mails are sent: `switchboard@example.com`."""
    public_url: str = ""
    """Address of the console in the links of mails: `https://chat.example.com`. Never taken from a request."""

    @property
    def sends_mail(self) -> bool:
        return bool(self.smtp_host)

    @property
    def login_lifetime(self) -> LoginLifetime:
        """`refresh_idle` and `refresh_longest`."""
        return LoginLifetime(self.refresh_idle, self.refresh_longest)

    @property
    def registration_policy(self) -> RegistrationPolicy:
        """`registration`, or its default for the environment."""
        return self.registration or ("open" if self.environment == "local" else "first")

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, value: str) -> str:
        url = value.strip().rstrip("/")
        if url and not _ORIGIN.fullmatch(url):
            raise ValueError("WA_PUBLIC_URL: write scheme and host only, like https://chat.example.com")
        return url

    @field_validator("smtp_from")
    @classmethod
    def _a_sender(cls, value: str) -> str:
        if value and not _SENDER.fullmatch(value):
            raise ValueError("WA_SMTP_FROM: write an e-mail address without a name, like switchboard@example.com")
        return value

    @model_validator(mode="after")
    def _mail_settings_are_complete(self) -> Self:
        if self.smtp_host and not self.public_url:
            raise ValueError(
                "WA_SMTP_HOST is set and WA_PUBLIC_URL is not: set it to the address of the console, like"
                " https://chat.example.com, for the links in mails"
            )
        if self.smtp_host and not self.smtp_from:
            raise ValueError("WA_SMTP_HOST is set and WA_SMTP_FROM is not: set it to the address mails come from")
        if bool(self.smtp_user) != bool(self.smtp_password):
            raise ValueError("set WA_SMTP_USER and WA_SMTP_PASSWORD both, or none of the two")
        return self

    @model_validator(mode="after")
    def _simulator_is_local(self) -> Self:
        if self.simulator_url and self.environment != "local":
            raise ValueError("WA_SIMULATOR_URL works only with WA_ENVIRONMENT=local; remove one of the two")
        return self
