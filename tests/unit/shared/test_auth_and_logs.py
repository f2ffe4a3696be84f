"""Access tokens, and that log lines never show a whole phone number."""

import json
import logging
from datetime import timedelta

import jwt
import pytest
from pydantic import ValidationError

from shared.auth import Principal, issue_token, read_token
from shared.errors import Problem
from shared.logs import LineFormatter
from shared.settings import TokenSettings

SECRET = "s" * 32


def test_a_token_names_its_principal() -> None:
    principal = Principal(organization_id="acme", subject="anna", scopes=frozenset({"read"}))
    read = read_token(issue_token(principal, SECRET, timedelta(hours=1)), SECRET)
    assert (read.organization_id, read.subject, read.scopes) == ("acme", "anna", frozenset({"read"}))
    assert read.expires_at is not None


@pytest.mark.parametrize("broken", ["", "x.y.z", jwt.encode({"sub": "a"}, SECRET), jwt.encode({"sub": "a"}, "t" * 32)])
def test_a_token_that_is_not_ours_is_refused(broken: str) -> None:
    with pytest.raises(Problem) as refused:
        read_token(broken, SECRET)
    assert (refused.value.status, refused.value.code) == (401, "token_invalid")


def test_an_expired_token_says_so() -> None:
    token = issue_token(Principal(organization_id="acme", subject="anna"), SECRET, timedelta(seconds=-1))
    with pytest.raises(Problem) as refused:
        read_token(token, SECRET)
    assert refused.value.code == "token_expired"


def test_a_service_does_not_start_without_a_secret() -> None:
    with pytest.raises(ValidationError, match="WA_TOKEN_SECRET"):
        TokenSettings(token_secret="short")


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
