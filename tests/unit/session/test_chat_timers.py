"""The timers of chats with disappearing messages: which messages set them, and how they are stored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.session.worker.chat_timers import MAX_CHATS, MAX_TIMER_S, ChatTimer, ChatTimers, timer_from_event
from tests.unit.session.messages import BOB_LID, BOB_PHONE, OWN_LID, e2e, jid, message

DAY, SET_AT = 86_400, 1_780_000_000
GROUP = {"Chat": jid("120363021033254949", "g.us"), "IsGroup": True}
FROM_OWNER = {
    "IsFromMe": True,
    "Sender": jid(OWN_LID, "lid"),
    "Chat": jid(BOB_LID, "lid"),
    "RecipientAlt": jid(BOB_PHONE, "s.whatsapp.net"),
}


def text(seconds: int = DAY, set_at: int = SET_AT) -> Any:
    context = e2e.ContextInfo(expiration=seconds, ephemeralSettingTimestamp=set_at)
    return e2e.Message(extendedTextMessage=e2e.ExtendedTextMessage(text="hello", contextInfo=context))


def setting(seconds: int, set_at: int = SET_AT) -> Any:
    """Somebody changes the timer of the chat."""
    body = e2e.ProtocolMessage(type=3, ephemeralExpiration=seconds, ephemeralSettingTimestamp=set_at)
    return e2e.Message(protocolMessage=body)


def image(seconds: int) -> Any:
    return e2e.Message(imageMessage=e2e.ImageMessage(contextInfo=e2e.ContextInfo(expiration=seconds)))


@pytest.fixture
def timers(tmp_path: Path) -> Iterator[ChatTimers]:
    timers = ChatTimers(tmp_path / "timers.sqlite")
    yield timers
    timers.close()


@pytest.mark.parametrize("source", [{}, FROM_OWNER], ids=["contact", "owner"])
@pytest.mark.parametrize("body", [text(), setting(DAY)], ids=["text", "setting"])
def test_a_message_of_either_side_sets_the_timer(timers: ChatTimers, body: Any, source: dict[str, Any]) -> None:
    timers.record(message(body, **source))
    assert timers.timer_for(BOB_PHONE) == timers.timer_for(f"{BOB_LID}@lid") == ChatTimer(DAY, SET_AT)
    assert timers.timer_for("4915199999999") is None


def test_a_file_sets_it_too_at_its_own_time_when_it_has_no_time_of_the_setting(timers: ChatTimers) -> None:
    timers.record(message(image(7 * DAY), timestamp=SET_AT))
    assert timers.timer_for(BOB_PHONE) == ChatTimer(7 * DAY, SET_AT)


def test_the_latest_setting_counts_in_any_order(timers: ChatTimers) -> None:
    for body in (setting(0, SET_AT + 2), text(7 * DAY, SET_AT + 1), text(DAY, SET_AT)):
        timers.record(message(body))
    assert timers.timer_for(BOB_PHONE) is None
    timers.record(message(setting(90 * DAY, SET_AT + 3)))
    assert timers.timer_for(BOB_PHONE) == ChatTimer(90 * DAY, SET_AT + 3)


@pytest.mark.parametrize(
    ("body", "source"),
    [
        (e2e.Message(conversation="hello"), {}),
        (text(MAX_TIMER_S + 1), {}),
        (text(), GROUP),
        (text(), {"Chat": jid("status", "broadcast")}),
        (e2e.Message(protocolMessage=e2e.ProtocolMessage(type=0, ephemeralExpiration=DAY)), {}),
    ],
    ids=["plain", "too long", "group", "status", "revoke"],
)
def test_a_message_without_a_timer_of_this_chat_changes_nothing(body: Any, source: dict[str, Any]) -> None:
    assert timer_from_event(message(body, **source)) is None


def test_timers_survive_a_restart_until_the_account_is_linked_again(timers: ChatTimers, tmp_path: Path) -> None:
    timers.record(message(text()))
    reopened = ChatTimers(tmp_path / "timers.sqlite")
    assert reopened.timer_for(BOB_PHONE) == ChatTimer(DAY, SET_AT)
    reopened.close()
    other_phone = ChatTimers(tmp_path / "timers.sqlite", reset=True)
    assert other_phone.timer_for(BOB_PHONE) is None
    other_phone.close()


def test_the_number_of_timers_is_bounded(timers: ChatTimers, monkeypatch: pytest.MonkeyPatch) -> None:
    """An attack: a stranger with many numbers fills the disk. The timers set longest ago are deleted first."""
    assert MAX_CHATS <= 10_000
    monkeypatch.setattr("services.session.worker.chat_timers.MAX_CHATS", 4)
    for number in range(10):
        sender = {"Sender": jid(f"49151123456{number}", "s.whatsapp.net"), "SenderAlt": jid("", "")}
        timers.record(message(text(DAY, SET_AT + number), **sender))
    stored = [timers.timer_for(f"49151123456{number}") is not None for number in range(10)]
    assert stored == [False] * 6 + [True] * 4


def test_a_broken_database_loses_the_timer_and_raises_nothing(timers: ChatTimers) -> None:
    timers.close()
    timers.record(message(text()))
    assert timers.timer_for(BOB_PHONE) is None
