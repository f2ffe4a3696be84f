"""What a socket is told when, in which order, exactly once: the rules without a network."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.realtime.subscriber import OrganizationRoom, SocketPosition


def joined(room: OrganizationRoom, since: int | None = None) -> SocketPosition:
    socket = room.sockets["a"] = SocketPosition("a", room.sequence)
    if since is not None:
        socket.request_since(since)
    return socket


def test_a_held_socket_hears_nothing_until_it_is_up_to_date() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room)
    assert room.advance_to(11) == []
    assert socket.next_range(room.sequence) == (10, 11)
    socket.advance_to(11, after=10)
    assert socket.next_range(room.sequence) is None
    assert room.advance_to(12) == [socket]


def test_what_was_read_ahead_of_the_room_is_not_told_again() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room, since=8)
    assert socket.next_range(room.sequence) == (8, 10)
    socket.advance_to(12, after=8)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12, 13)] == [[], [], [socket]]


def test_another_replica_may_have_told_it_more_than_this_one() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room, since=11)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12)] == [[], [socket]]


def test_a_wish_of_a_socket_that_heard_the_room_leaves_out_what_it_heard() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room)
    assert socket.next_range(room.sequence) is None
    assert room.advance_to(11) == [socket]
    socket.pause()
    socket.request_since(4)
    assert socket.next_range(room.sequence) == (4, 10)
    socket.advance_to(6, after=4)
    socket.request_since(4)
    assert socket.next_range(room.sequence) == (6, 10)
    socket.advance_to(10, after=6)
    assert socket.next_range(room.sequence) is None


def test_a_stream_that_was_made_anew_is_heard_from_its_first_event() -> None:
    room = OrganizationRoom("acme", 1000)
    socket = joined(room)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (1, 2)] == [[socket], [socket]]


def test_who_reads_slowly_goes_on_behind_what_it_was_told() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12)] == [[socket], [socket]]
    socket.mark_behind(12)
    assert room.advance_to(13) == []
    assert socket.next_range(room.sequence) == (11, 13)


def test_who_must_load_anew_hears_only_what_is_new() -> None:
    room = OrganizationRoom("acme", 10)
    socket = joined(room, since=2)
    socket.skip_to(room.sequence)
    assert (socket.must_reload, socket.next_range(room.sequence)) == (True, None)
    assert room.advance_to(11) == [socket]


@given(st.integers(0, 10**6), st.integers(0, 20))
def test_in_any_interleaving_every_event_is_told_once_and_in_order(seed: int, since: int) -> None:
    chance = random.Random(seed)
    stored, room = 20, OrganizationRoom("acme", chance.randint(10, 20))
    socket, told = joined(room, since), list[int]()
    while len(told) < 40 - since:
        stored = min(40, stored + chance.randint(0, 2))
        if room.sequence < stored and chance.random() < 0.5:
            told += [room.sequence] if room.advance_to(room.sequence + 1) else []
        elif not socket.is_live and (span := socket.next_range(room.sequence)):
            reached = chance.randint(span[0] + 1, stored)
            told += range(span[0] + 1, reached + 1)
            socket.advance_to(reached, after=span[0])
    assert told == list(range(since + 1, 41))
