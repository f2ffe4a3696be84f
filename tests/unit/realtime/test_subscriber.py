"""Delivery to sockets, complete, in order and exactly once: the rules without a network."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.realtime.subscriber import OrganizationRoom, SocketPosition


def join(room: OrganizationRoom, since: int | None = None) -> SocketPosition:
    socket = room.sockets["a"] = SocketPosition("a", room.sequence)
    if since is not None:
        socket.request_since(since)
    return socket


def test_a_new_socket_is_live_once_it_is_up_to_date() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room)
    assert room.advance_to(11) == []
    assert socket.next_range(room.sequence) == (10, 11)
    socket.advance_to(11, after=10)
    assert socket.next_range(room.sequence) is None
    assert room.advance_to(12) == [socket]


def test_events_read_ahead_of_the_room_are_not_delivered_again() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room, since=8)
    assert socket.next_range(room.sequence) == (8, 10)
    socket.advance_to(12, after=8)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12, 13)] == [[], [], [socket]]


def test_another_replica_may_have_delivered_more_than_this_one() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room, since=11)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12)] == [[], [socket]]


def test_a_live_socket_that_asks_for_older_events_gets_only_those() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room)
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


def test_a_stream_declared_again_is_delivered_from_its_first_event() -> None:
    room = OrganizationRoom("acme", 1000)
    socket = join(room)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (1, 2)] == [[socket], [socket]]


def test_a_slow_socket_continues_behind_the_last_delivered_event() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room)
    assert socket.next_range(room.sequence) is None
    assert [room.advance_to(sequence) for sequence in (11, 12)] == [[socket], [socket]]
    socket.mark_behind(12)
    assert room.advance_to(13) == []
    assert socket.next_range(room.sequence) == (11, 13)


def test_after_a_resync_only_new_events_are_delivered() -> None:
    room = OrganizationRoom("acme", 10)
    socket = join(room, since=2)
    socket.skip_to(room.sequence)
    assert (socket.must_reload, socket.next_range(room.sequence)) == (True, None)
    assert room.advance_to(11) == [socket]


@given(st.integers(0, 10**6), st.integers(0, 20))
def test_in_any_interleaving_every_event_is_delivered_once_and_in_order(seed: int, since: int) -> None:
    random_choices = random.Random(seed)
    stored, room = 20, OrganizationRoom("acme", random_choices.randint(10, 20))
    socket, delivered = join(room, since), list[int]()
    while len(delivered) < 40 - since:
        stored = min(40, stored + random_choices.randint(0, 2))
        if room.sequence < stored and random_choices.random() < 0.5:
            delivered += [room.sequence] if room.advance_to(room.sequence + 1) else []
        elif not socket.is_live and (span := socket.next_range(room.sequence)):
            reached = random_choices.randint(span[0] + 1, stored)
            delivered += range(span[0] + 1, reached + 1)
            socket.advance_to(reached, after=span[0])
    assert delivered == list(range(since + 1, 41))
