"""What may be an acknowledgement waits, what cannot be one does not."""

import time

from hypothesis import given
from hypothesis import strategies as st

from services.session.worker.library.ack_delay_policy import (
    ACK_DELAY_S,
    ACK_WINDOW_S,
    MIN_INCOMING_MESSAGE_BYTES,
    MIN_OUTGOING_MESSAGE_BYTES,
    ProxiedClient,
    take_tls_records,
)


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + b"x" * size


@given(sizes=st.lists(st.integers(0, 5000), max_size=8), cut=st.integers(0, 50))
def test_records_are_found_however_they_come(sizes: list[int], cut: int) -> None:
    whole, wanted = b"".join(record(size) for size in sizes), [record(size) for size in sizes]
    at = max(0, len(whole) - cut)
    buffer, found = bytearray(whole[:at]), list[bytes]()
    found += take_tls_records(buffer)
    buffer += whole[at:]
    found += take_tls_records(buffer)
    assert b"".join(found) + bytes(buffer) == whole
    assert found == wanted[: len(found)]


def test_a_record_that_is_not_complete_waits_for_its_rest() -> None:
    buffer = bytearray(record(100)[:-1])
    assert take_tls_records(buffer) == []
    buffer += b"x"
    assert take_tls_records(buffer) == [record(100)]


def test_what_is_not_tls_is_one_record() -> None:
    buffer = bytearray(b"GET / HTTP/1.1")
    assert (take_tls_records(buffer), bytes(buffer)) == ([b"GET / HTTP/1.1"], b"")


def test_short_records_wait_after_a_message_came_in() -> None:
    line = ProxiedClient(None, lambda: 1.0)
    now = time.monotonic()
    assert line.delay_for(record(80), now) == 0.0
    line.note_incoming(MIN_INCOMING_MESSAGE_BYTES - 1)
    assert line.delay_for(record(80), now) == 0.0
    line.note_incoming(MIN_INCOMING_MESSAGE_BYTES)
    now = time.monotonic()
    assert line.delay_for(record(80), now) == ACK_DELAY_S
    assert line.delay_for(record(MIN_OUTGOING_MESSAGE_BYTES), now) == 0.0
    assert line.delay_for(record(80), now + ACK_WINDOW_S + 0.1) == 0.0
