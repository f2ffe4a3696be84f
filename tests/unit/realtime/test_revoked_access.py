"""Which principals a revocation applies to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.realtime.revoked_access import RevocationList
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal, Role

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def person(login_id: str | None = "one", role: Role = "agent", organization_id: str = "acme") -> Principal:
    return Principal(organization_id=organization_id, subject="nina", session_id=login_id, role=role)


def revocations_after(*events: dict[str, Any]) -> RevocationList:
    revocations = RevocationList(timedelta(hours=1))
    for fields in events:
        revocations.add(
            AccessRevoked.model_validate(
                {"organization_id": "acme", "code": "login_ended", "reason": "", "at": NOON} | fields
            )
        )
    return revocations


def test_a_revoked_login_applies_to_no_other_login() -> None:
    revocations = revocations_after({"login_ids": ("one", "two")})
    assert revocations.revocation_for(person("one"))
    assert not revocations.revocation_for(person("three"))
    assert not revocations.revocation_for(person(None))
    assert not revocations.revocation_for(person("one", organization_id="globex"))


def test_a_new_role_revokes_tokens_with_another_role() -> None:
    revocations = revocations_after({"holder": "nina", "role": "viewer"})
    assert revocations.revocation_for(person(role="agent"))
    assert not revocations.revocation_for(person(role="viewer"))
    back = revocations_after({"holder": "nina", "role": "viewer"}, {"holder": "nina", "role": "agent"})
    assert not back.revocation_for(person(role="agent"))


def test_the_removal_of_a_user_is_final() -> None:
    revocations = revocations_after({"holder": "nina"}, {"holder": "nina", "role": "agent"})
    assert revocations.revocation_for(person(role="agent"))


def test_revocations_older_than_any_token_are_forgotten() -> None:
    revocations = revocations_after(
        {"login_ids": ("one",), "holder": "nina"}, {"login_ids": ("two",), "at": NOON + timedelta(hours=2)}
    )
    assert not revocations.revocation_for(person("one"))
    assert revocations.revocation_for(person("two"))
