"""Sticky sessions of the local front server."""

import pytest

from deploy.local import sticky_replicas
from deploy.local.sticky_replicas import StickyReplicas


def test_new_sessions_go_round_robin_and_remembered_ones_stay() -> None:
    both = StickyReplicas(["one", "two"])
    assert [both.url_for(None) for _ in range(3)] == ["one", "two", "one"]
    both.remember_session(b'0{"sid":"abc-1","upgrades":["websocket"]}', "two")
    assert [both.url_for("abc-1") for _ in range(3)] == ["two"] * 3


def test_a_response_without_a_session_id_is_ignored() -> None:
    one = StickyReplicas(["one"])
    one.remember_session(b'{"code":1,"message":"Unknown session ID"}', "one")
    assert one.url_for("Unknown session ID") == "one"


def test_the_least_recently_used_session_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticky_replicas, "MAX_REMEMBERED_SESSIONS", 2)
    both = StickyReplicas(["one", "two"])
    for session in ("a", "b"):
        both.remember_session(b'0{"sid":"%s"}' % session.encode(), "two")
    both.url_for("a")
    both.remember_session(b'0{"sid":"c"}', "two")
    assert [both.url_for(session) for session in ("a", "c", "b")] == ["two", "two", "one"]
