"""Whose sockets end, and whose do not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.realtime.revoked_access import RevocationList
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal, Role

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def person(login_id: str | None = "one", role: Role = "agent", organization_id: str = "acme") -> Principal:
    return Principal(organization_id=organization_id, subject="nina", session_id=login_id, role=role)


def ended(*events: dict[str, Any]) -> RevocationList:
    known = RevocationList(timedelta(hours=1))
    for fields in events:
        known.add(
            AccessRevoked.model_validate(
                {"organization_id": "acme", "code": "login_ended", "reason": "", "at": NOON} | fields
            )
        )
    return known


def test_an_ended_login_ends_its_sockets_and_no_others() -> None:
    known = ended({"login_ids": ("one", "two")})
    assert known.revocation_for(person("one"))
    assert not known.revocation_for(person("three"))
    assert not known.revocation_for(person(None))
    assert not known.revocation_for(person("one", organization_id="globex"))


def test_a_new_role_ends_what_was_opened_in_another() -> None:
    known = ended({"holder": "nina", "role": "viewer"})
    assert known.revocation_for(person(role="agent"))
    assert not known.revocation_for(person(role="viewer"))
    back = ended({"holder": "nina", "role": "viewer"}, {"holder": "nina", "role": "agent"})
    assert not back.revocation_for(person(role="agent"))


def test_a_removed_user_stays_out() -> None:
    known = ended({"holder": "nina"}, {"holder": "nina", "role": "agent"})
    assert known.revocation_for(person(role="agent"))


def test_what_is_older_than_any_token_is_forgotten() -> None:
    known = ended({"login_ids": ("one",), "holder": "nina"}, {"login_ids": ("two",), "at": NOON + timedelta(hours=2)})
    assert not known.revocation_for(person("one"))
    assert known.revocation_for(person("two"))
