"""Whose sockets end, and whose do not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.realtime.revoked_access import EndedAccess
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal, Role

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def person(login_id: str | None = "one", role: Role = "agent", organization_id: str = "acme") -> Principal:
    return Principal(organization_id=organization_id, subject="nina", session_id=login_id, role=role)


def ended(*events: dict[str, Any]) -> EndedAccess:
    known = EndedAccess(timedelta(hours=1))
    for fields in events:
        known.note(
            AccessRevoked.model_validate(
                {"organization_id": "acme", "code": "login_ended", "reason": "", "at": NOON} | fields
            )
        )
    return known


def test_an_ended_login_ends_its_sockets_and_no_others() -> None:
    known = ended({"login_ids": ("one", "two")})
    assert known.why(person("one"))
    assert not known.why(person("three"))
    assert not known.why(person(None))
    assert not known.why(person("one", organization_id="globex"))


def test_a_new_role_ends_what_was_opened_in_another() -> None:
    known = ended({"holder": "nina", "role": "viewer"})
    assert known.why(person(role="agent"))
    assert not known.why(person(role="viewer"))
    back = ended({"holder": "nina", "role": "viewer"}, {"holder": "nina", "role": "agent"})
    assert not back.why(person(role="agent"))


def test_a_removed_user_stays_out() -> None:
    known = ended({"holder": "nina"}, {"holder": "nina", "role": "agent"})
    assert known.why(person(role="agent"))


def test_what_is_older_than_any_token_is_forgotten() -> None:
    known = ended({"login_ids": ("one",), "holder": "nina"}, {"login_ids": ("two",), "at": NOON + timedelta(hours=2)})
    assert not known.why(person("one"))
    assert known.why(person("two"))
