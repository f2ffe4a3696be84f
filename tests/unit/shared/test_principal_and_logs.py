"""Access tokens (forged ones: tests/security/test_tokens.py), and that log lines never show a whole phone number."""

import json
import logging
from datetime import timedelta

import pytest

from shared.contracts.access_tokens import issue_token, read_token
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.logs import LineFormatter
from tests.token_keys import SIGNING_KEY, VERIFICATION_KEYS


def test_a_token_names_its_principal() -> None:
    principal = Principal(organization_id="acme", subject="anna", scopes=frozenset({"read"}))
    read = read_token(issue_token(principal, SIGNING_KEY, timedelta(hours=1)), VERIFICATION_KEYS)
    assert (read.organization_id, read.subject, read.scopes) == ("acme", "anna", frozenset({"read"}))
    assert read.expires_at is not None


def test_an_expired_token_says_so() -> None:
    token = issue_token(Principal(organization_id="acme", subject="anna"), SIGNING_KEY, timedelta(seconds=-1))
    with pytest.raises(Problem) as refused:
        read_token(token, VERIFICATION_KEYS)
    assert refused.value.code == "token_expired"


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_log_line_hides_phone_numbers_wherever_they_stand(style: str) -> None:
    record = logging.makeLogRecord(
        {"msg": "from %s", "args": ("4915112345678",), "levelname": "INFO", "chat": "+4915112345678"}
    )
    line = LineFormatter("router", style).format(record)
    assert "4915112345678" not in line
    assert line.count("678") == 2
    if style == "json":
        assert json.loads(line)["service"] == "router"
