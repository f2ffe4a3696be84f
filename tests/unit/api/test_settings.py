"""Settings of the api: what holds when nothing is said, and what cannot be combined."""

from typing import Literal

import pytest
from pydantic import ValidationError

from services.api.settings import ApiSettings, RegistrationPolicy

SECRET = "a secret of at least thirty-two characters"


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        ("local", None, "open"),
        ("production", None, "first"),
        ("local", "closed", "closed"),
        ("production", "open", "open"),
    ],
)
def test_registration_is_open_only_locally_unless_said(
    environment: Literal["local", "production"], given: RegistrationPolicy | None, expected: str
) -> None:
    settings = ApiSettings(environment=environment, token_secret=SECRET, registration=given)
    assert settings.registration_policy == expected


def test_a_short_secret_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match="openssl rand"):
        ApiSettings(token_secret="short")


def test_the_simulator_stays_out_of_production() -> None:
    with pytest.raises(ValidationError, match="remove one of the two"):
        ApiSettings(token_secret=SECRET, simulator_url="http://127.0.0.1:3005")
