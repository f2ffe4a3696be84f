"""Records that may be acknowledgements are delayed, all others are not."""

import time

from hypothesis import given
from hypothesis import strategies as st

from services.session.worker.library.ack_delay_policy import (
    ACK_DELAY_S,
    ACK_WINDOW_S,
    MIN_INCOMING_MESSAGE_BYTES,
    MIN_OUTGOING_MESSAGE_BYTES,
    ProxiedClient,
    RecordLengths,
    take_tls_records,
)


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + b"x" * size


@given(sizes=st.lists(st.integers(0, 5000), max_size=8), cut=st.integers(0, 50))
def test_records_are_taken_however_the_stream_is_cut(sizes: list[int], cut: int) -> None:
    stream, expected = b"".join(record(size) for size in sizes), [record(size) for size in sizes]
    split = max(0, len(stream) - cut)
    buffer, taken = bytearray(stream[:split]), list[bytes]()
    taken += take_tls_records(buffer)
    buffer += stream[split:]
    taken += take_tls_records(buffer)
    assert b"".join(taken) + bytes(buffer) == stream
    assert taken == expected[: len(taken)]


def test_an_incomplete_record_stays_until_its_rest_comes() -> None:
    buffer = bytearray(record(100)[:-1])
    assert take_tls_records(buffer) == []
    buffer += b"x"
    assert take_tls_records(buffer) == [record(100)]


def test_bytes_that_are_not_tls_are_one_record() -> None:
    buffer = bytearray(b"GET / HTTP/1.1")
    assert (take_tls_records(buffer), bytes(buffer)) == ([b"GET / HTTP/1.1"], b"")


def test_short_records_are_delayed_after_a_message_came_in() -> None:
    client = ProxiedClient(None, lambda: 1.0)
    now = time.monotonic()
    assert client.delay_for(record(80), now) == 0.0
    client.note_incoming(record(MIN_INCOMING_MESSAGE_BYTES - 6) * 2)  # two receipts in one packet
    assert client.delay_for(record(80), now) == 0.0
    client.note_incoming(record(MIN_INCOMING_MESSAGE_BYTES - 5))
    now = time.monotonic()
    assert client.delay_for(record(80), now) == ACK_DELAY_S
    assert client.delay_for(record(MIN_OUTGOING_MESSAGE_BYTES), now) == 0.0
    assert client.delay_for(record(80), now + ACK_WINDOW_S + 0.1) == 0.0


@given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=8), data=st.data())
def test_lengths_of_records_are_found_however_the_stream_is_cut(sizes: list[int], data: st.DataObject) -> None:
    stream, lengths, position, longest = b"".join(record(size) for size in sizes), RecordLengths(), 0, 0
    while position < len(stream):
        step = data.draw(st.integers(1, len(stream) - position))
        longest = max(longest, lengths.longest(stream[position : position + step]))
        position += step
    assert longest == 5 + max(sizes)


def test_a_record_counts_as_soon_as_its_header_is_there() -> None:
    lengths = RecordLengths()
    assert lengths.longest(record(3000)[:4]) == 0
    assert lengths.longest(record(3000)[4:6]) == 3005
    assert lengths.longest(record(3000)[6:] + record(10)) == 15


def test_bytes_that_are_no_tls_count_by_their_number() -> None:
    assert RecordLengths().longest(b"m" * 200) == 200
