"""Slows down requests for mails with links: of one client, and to one address. Whether the address is known makes no
difference."""

import hashlib

from services.api.store.login_attempts import LoginAttempts, LoginBucket
from shared.contracts.errors import Problem

FREE_MAILS_PER_ADDRESS = 3
FREE_MAILS_PER_NETWORK = 20
MAX_MAIL_DELAY_MS = 900_000


async def take_mail_request(attempts: LoginAttempts, email: str, network: str) -> None:
    """Count a request. Raises Problem 429 `too_many_password_requests`."""
    digest = hashlib.sha256(email.encode()).hexdigest()
    buckets = (
        LoginBucket(f"mail-network:{network}", FREE_MAILS_PER_NETWORK, MAX_MAIL_DELAY_MS),
        LoginBucket(f"mail-address:{digest}", FREE_MAILS_PER_ADDRESS, MAX_MAIL_DELAY_MS),
    )
    for bucket in buckets:
        if wait_s := (await attempts.take(bucket)).wait_s:
            detail = f"a link was asked for too often; look into your mailbox, or try again in {wait_s} s"
            raise Problem(429, "too_many_password_requests", detail, retry_after=wait_s)
