"""Maps the library's events and errors to connection updates, send results and codes."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.session.ipc.messages import ConnectionUpdate, Send
from services.session.worker import send_results
from services.session.worker.connection_events import (
    FINAL_EVENTS,
    MAX_BAN_S,
    update_from_event,
    update_from_login_failure,
    update_from_pairing_status,
)
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.library.whatsapp_port import AcceptedMessage
from services.session.worker.pairing import format_pairing_code, qr_code_frame
from services.session.worker.preload import preload_protobufs

preload_protobufs()
pb: Any = sys.modules["neonize.proto.Neonize_pb2"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SEND = Send(instance_id="sales", call_id="m1", to="4915112345678", text="hello")


def update(name: str, event: Any = None) -> ConnectionUpdate | None:
    return update_from_event("sales", name, event)


@pytest.mark.parametrize(
    ("name", "event", "state", "reason"),
    [
        ("Connected", None, "connected", None),
        ("Disconnected", None, "disconnected", None),
        ("StreamReplaced", None, "replaced", None),
        ("ClientOutdated", None, "outdated", None),
        ("LoggedOut", pb.LoggedOut(OnConnect=True, Reason=4), "logged_out", "main_device_gone"),
        ("PairStatus", pb.PairStatus(ID=pb.JID(), Status=1, Error="nope"), "pairing_failed", "nope"),
    ],
)
def test_events_become_connection_updates(name: str, event: Any, state: str, reason: str | None) -> None:
    result = update(name, event)
    assert result is not None
    assert (result.event, result.reason) == (state, reason)


def login_failure(
    number: int, code: int | None = None, expires_in_s: int | None = None, message: str = ""
) -> ConnectionUpdate:
    return update_from_login_failure("sales", LoginFailure(number, code, expires_in_s, message), NOW)


@pytest.mark.parametrize(
    ("number", "message", "reason"),
    [(400, "bad", "400 generic: bad"), (501, "", "501 experimental"), (415, "", "415 not_found"), (999, "", "999")],
)
def test_every_other_number_is_a_refused_login(number: int, message: str, reason: str) -> None:
    result = login_failure(number, message=message)
    assert (result.event, result.reason) == ("refused", reason)


@pytest.mark.parametrize(("code", "reason"), [(102, "blocked_by_users"), (107, "code 107"), (None, "code None")])
def test_a_temporary_ban_has_its_reason_and_end(code: int | None, reason: str) -> None:
    result = login_failure(402, code, 3600)
    assert (result.event, result.reason, result.until) == ("restricted", reason, NOW + timedelta(hours=1))


@pytest.mark.parametrize("expires_in_s", [None, 0])
def test_a_temporary_ban_without_an_end_has_none(expires_in_s: int | None) -> None:
    assert login_failure(402, 102, expires_in_s).until is None


def test_a_temporary_ban_of_absurd_length_is_cut() -> None:
    assert login_failure(402, 102, 10**14).until == NOW + timedelta(seconds=MAX_BAN_S)


def test_a_pairing_reports_the_device() -> None:
    jid = pb.JID(User="4915112345678", Device=3, Server="s.whatsapp.net")
    result = update("PairStatus", pb.PairStatus(ID=jid, Status=2))
    assert result is not None
    assert (result.event, result.jid, result.phone_number) == (
        "paired",
        "4915112345678:3@s.whatsapp.net",
        "4915112345678",
    )


def test_other_events_are_no_connection_updates() -> None:
    assert update("Presence") is None


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [("timeout", "pairing_timeout", None), ("err-unexpected-state", "pairing_failed", "err-unexpected-state")],
)
def test_the_end_of_a_pairing_is_a_connection_update(status: str, state: str, reason: str | None) -> None:
    result = update_from_pairing_status("sales", status)
    assert result is not None
    assert (result.event, result.reason) == (state, reason)
    assert update_from_pairing_status("sales", "success") is None


def test_a_lost_connection_is_not_final() -> None:
    assert not FINAL_EVENTS & {"paired", "connected", "disconnected"}
    assert {"logged_out", "unreachable", "replaced", "pairing_timeout"} <= FINAL_EVENTS


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        ("server returned error 463", "failed", "new_chats_restricted"),
        ("failed to send: server returned error 463", "failed", "new_chats_restricted"),
        ("server returned error 429", "failed", "too_many_messages"),
        ("server returned error 403", "failed", "refused_by_whatsapp"),
        ("server returned error 479", "failed", "refused_by_whatsapp"),
        ("server returned error 4631", "failed", "refused_by_whatsapp"),
        ("no LID found for 49151@s.whatsapp.net from server", "failed", "not_on_whatsapp"),
        ("websocket not connected", "failed", "not_connected"),
        ("failed to get device list: failed to send usync query: websocket not connected", "failed", "not_connected"),
        ("failed to get device list: failed to send usync query: info query timed out", "failed", "timeout"),
        ("timed out waiting for message send response", "unconfirmed", "timeout"),
        ("websocket disconnected before message send returned response", "unconfirmed", "timeout"),
        ("context deadline exceeded", "unconfirmed", "timeout"),
        ("can't send message type", "failed", "library_error"),
    ],
)
def test_an_error_is_a_failure_only_when_nothing_was_sent(error: str, outcome: str, code: str) -> None:
    result = send_results.result_of_error(SEND, error)
    assert (result.outcome, result.code, result.call_id) == (outcome, code, "m1")
    assert result.detail == error or (
        code in ("new_chats_restricted", "too_many_messages") and "later" in str(result.detail)
    )


def test_an_accepted_message_has_its_id_and_time() -> None:
    result = send_results.accepted(SEND, AcceptedMessage("3EB0", NOW))
    assert (result.outcome, result.wa_id, result.timestamp, result.code) == ("accepted", "3EB0", NOW, None)


def test_the_first_qr_code_is_valid_longer_than_the_later_ones() -> None:
    first, later = qr_code_frame("sales", "2@x", 1, NOW), qr_code_frame("sales", "2@y", 2, NOW)
    assert (first.expires_at - NOW, later.expires_at - NOW) == (timedelta(seconds=60), timedelta(seconds=20))
    assert (later.attempt, later.code, later.kind) == (2, "2@y", "qr")


@pytest.mark.parametrize("code", ["ABCDEFGH", "ABCD-EFGH"])
def test_a_pairing_code_is_written_as_the_phone_shows_it(code: str) -> None:
    assert format_pairing_code(code) == "ABCD-EFGH"
