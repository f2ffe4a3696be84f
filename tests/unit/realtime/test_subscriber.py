"""What a socket is told when, in which order, exactly once: the rules without a network."""

import random

from hypothesis import given
from hypothesis import strategies as st

from services.realtime.subscriber import OrganizationRoom, SocketPosition


def joined(room: OrganizationRoom, since: int | None = None) -> SocketPosition:
    follower = room.sockets["a"] = SocketPosition("a", room.sequence)
    if since is not None:
        follower.request_since(since)
    return follower


def test_a_held_socket_hears_nothing_until_it_is_up_to_date() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room)
    assert room.receivers_of(11) == []
    assert follower.next_range(room.sequence) == (10, 11)
    follower.advance_to(10, 11)
    assert follower.next_range(room.sequence) is None
    assert room.receivers_of(12) == [follower]


def test_what_was_read_ahead_of_the_room_is_not_told_again() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room, since=8)
    assert follower.next_range(room.sequence) == (8, 10)
    follower.advance_to(8, 12)
    assert follower.next_range(room.sequence) is None
    assert [room.receivers_of(sequence) for sequence in (11, 12, 13)] == [[], [], [follower]]


def test_another_replica_may_have_told_it_more_than_this_one() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room, since=11)
    assert follower.next_range(room.sequence) is None
    assert [room.receivers_of(sequence) for sequence in (11, 12)] == [[], [follower]]


def test_a_wish_of_a_socket_that_heard_the_room_leaves_out_what_it_heard() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room)
    assert follower.next_range(room.sequence) is None
    assert room.receivers_of(11) == [follower]
    follower.pause()
    follower.request_since(4)
    assert follower.next_range(room.sequence) == (4, 10)
    follower.advance_to(4, 6)
    follower.request_since(4)
    assert follower.next_range(room.sequence) == (6, 10)
    follower.advance_to(6, 10)
    assert follower.next_range(room.sequence) is None


def test_a_stream_that_was_made_anew_is_heard_from_its_first_event() -> None:
    room = OrganizationRoom("acme", 1000)
    follower = joined(room)
    assert follower.next_range(room.sequence) is None
    assert [room.receivers_of(sequence) for sequence in (1, 2)] == [[follower], [follower]]


def test_who_reads_slowly_goes_on_behind_what_it_was_told() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room)
    assert follower.next_range(room.sequence) is None
    assert [room.receivers_of(sequence) for sequence in (11, 12)] == [[follower], [follower]]
    follower.mark_behind(12)
    assert room.receivers_of(13) == []
    assert follower.next_range(room.sequence) == (11, 13)


def test_who_must_load_anew_hears_only_what_is_new() -> None:
    room = OrganizationRoom("acme", 10)
    follower = joined(room, since=2)
    follower.skip_to(room.sequence)
    assert (follower.must_reload, follower.next_range(room.sequence)) == (True, None)
    assert room.receivers_of(11) == [follower]


@given(st.integers(0, 10**6), st.integers(0, 20))
def test_in_any_interleaving_every_event_is_told_once_and_in_order(seed: int, since: int) -> None:
    chance = random.Random(seed)
    stored, room = 20, OrganizationRoom("acme", chance.randint(10, 20))
    follower, told = joined(room, since), list[int]()
    while len(told) < 40 - since:
        stored = min(40, stored + chance.randint(0, 2))
        if room.sequence < stored and chance.random() < 0.5:
            told += [room.sequence] if room.receivers_of(room.sequence + 1) else []
        elif not follower.is_live and (span := follower.next_range(room.sequence)):
            reached = chance.randint(span[0] + 1, stored)
            told += range(span[0] + 1, reached + 1)
            follower.advance_to(span[0], reached)
    assert told == list(range(since + 1, 41))
