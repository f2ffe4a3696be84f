"""Which realtime service a Socket.IO session belongs to."""

import pytest

from deploy.local import sticky_replicas
from deploy.local.sticky_replicas import Replicas


def test_new_sessions_go_round_and_known_ones_stay() -> None:
    both = Replicas(["one", "two"])
    assert [both.of(None) for _ in range(3)] == ["one", "two", "one"]
    both.learn(b'0{"sid":"abc-1","upgrades":["websocket"]}', "two")
    assert [both.of("abc-1") for _ in range(3)] == ["two"] * 3


def test_an_answer_without_a_session_teaches_nothing() -> None:
    one = Replicas(["one"])
    one.learn(b'{"code":1,"message":"Unknown session ID"}', "one")
    assert one.of("Unknown session ID") == "one"


def test_the_longest_unused_session_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sticky_replicas, "REMEMBERED", 2)
    both = Replicas(["one", "two"])
    for session in ("a", "b"):
        both.learn(b'0{"sid":"%s"}' % session.encode(), "two")
    both.of("a")
    both.learn(b'0{"sid":"c"}', "two")
    assert [both.of(session) for session in ("a", "c", "b")] == ["two", "two", "one"]
