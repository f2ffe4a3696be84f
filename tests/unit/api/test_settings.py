"""Settings of the api: defaults, and combinations that are refused."""

from typing import Literal

import pytest
from pydantic import ValidationError

from services.api.settings import ApiSettings, RegistrationPolicy
from tests.token_keys import PRIVATE_KEY


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        ("local", None, "open"),
        ("production", None, "first"),
        ("local", "closed", "closed"),
        ("production", "open", "open"),
    ],
)
def test_registration_is_open_only_locally_by_default(
    environment: Literal["local", "production"], given: RegistrationPolicy | None, expected: str
) -> None:
    settings = ApiSettings(environment=environment, token_private_key=PRIVATE_KEY, registration=given)
    assert settings.registration_policy == expected


def test_a_missing_key_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValidationError, match=r"WA_TOKEN_PRIVATE_KEY: .*openssl genpkey -algorithm ed25519"):
        ApiSettings()


def test_the_simulator_is_refused_in_production() -> None:
    with pytest.raises(ValidationError, match="remove one of the two"):
        ApiSettings(token_private_key=PRIVATE_KEY, simulator_url="http://127.0.0.1:3005")
