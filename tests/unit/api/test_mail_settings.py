"""Settings of mails: what is refused at the start, and with which sentence."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.api.settings import ApiSettings
from tests.token_keys import PRIVATE_KEY

COMPLETE = {
    "smtp_host": "mail.example.com",
    "smtp_from": "switchboard@example.com",
    "public_url": "https://chat.example.com/",
}


def settings(**fields: Any) -> ApiSettings:
    return ApiSettings(environment="local", token_private_key=PRIVATE_KEY, **fields)


def test_complete_settings_are_taken() -> None:
    complete = settings(**COMPLETE)
    assert complete.sends_mail
    assert complete.public_url == "https://chat.example.com"
    assert not settings().sends_mail


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"public_url": ""}, "WA_PUBLIC_URL is not"),
        ({"public_url": "chat.example.com"}, "WA_PUBLIC_URL: write scheme and host"),
        ({"public_url": "javascript:alert(1)"}, "WA_PUBLIC_URL: write scheme and host"),
        ({"public_url": "https://chat.example.com/landing#"}, "WA_PUBLIC_URL: write scheme and host"),
        ({"public_url": "https://a@evil.example"}, "WA_PUBLIC_URL: write scheme and host"),
        ({"smtp_from": ""}, "WA_SMTP_FROM is not"),
        ({"smtp_from": "a@example.com\nBcc: b@example.com"}, "WA_SMTP_FROM: write an e-mail address"),
        ({"smtp_user": "x"}, "WA_SMTP_USER and WA_SMTP_PASSWORD both"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        settings(**COMPLETE | change)


def test_the_password_is_not_shown() -> None:
    secret = settings(**COMPLETE, smtp_user="x", smtp_password="hidden value")
    assert "hidden value" not in repr(secret)
    with pytest.raises(ValidationError) as refused:
        settings(smtp_password="hidden value")
    assert "hidden value" not in str(refused.value)
