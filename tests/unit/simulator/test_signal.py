"""Sessions between two devices: in order, out of order, skipped, repeated, reopened; and sender keys."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.protocol.device import SignalDevice, pad, unpad
from simulator.protocol.sender_keys import SenderKey
from simulator.protocol.session import MAX_SKIP
from simulator.serial import from_plain, to_plain


@pytest.fixture
def pair() -> tuple[SignalDevice, SignalDevice]:
    alice, bob = SignalDevice.new(), SignalDevice.new()
    alice.start_session("bob", bob.bundle())
    return alice, bob


def _talk(sender: SignalDevice, receiver: SignalDevice, names: tuple[str, str], words: bytes) -> str:
    kind, message = sender.encrypt(names[1], words)
    assert receiver.decrypt(names[0], kind, message) == words
    return kind


def test_prekey_messages_end_with_the_first_answer(pair: tuple[SignalDevice, SignalDevice]) -> None:
    alice, bob = pair
    there, back = ("alice", "bob"), ("bob", "alice")
    assert [_talk(alice, bob, there, b"1"), _talk(alice, bob, there, b"2")] == ["pkmsg", "pkmsg"]
    assert _talk(bob, alice, back, b"3") == "msg"
    assert _talk(alice, bob, there, b"4") == "msg"


def test_one_time_keys_are_handed_out_once_and_sessions_open_without_them() -> None:
    bob = SignalDevice.new()
    numbers = [bob.bundle().one_time_id for _ in range(21)]
    assert numbers == [*range(1, 21), None]
    alice = SignalDevice.new()
    alice.start_session("bob", bob.bundle())
    _talk(alice, bob, ("alice", "bob"), b"no one-time key")


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)), st.integers(0, 7))
def test_messages_may_arrive_in_any_order_and_some_never(order: list[int], lost: int) -> None:
    alice, bob = SignalDevice.new(), SignalDevice.new()
    alice.start_session("bob", bob.bundle())
    sealed = [alice.encrypt("bob", bytes([number])) for number in range(8)]
    for number in order:
        if number != lost:
            assert bob.decrypt("alice", *sealed[number]) == bytes([number])


def test_a_long_conversation_with_turns_and_losses_stays_readable(
    pair: tuple[SignalDevice, SignalDevice], seed: int
) -> None:
    alice, bob = pair
    dice = random.Random(seed)
    _talk(alice, bob, ("alice", "bob"), b"begin")
    for number in range(60):
        words = str(number).encode()
        if dice.random() < 0.3:
            alice.encrypt("bob", b"lost on the way")
        if dice.random() < 0.5:
            _talk(alice, bob, ("alice", "bob"), words)
        else:
            _talk(bob, alice, ("bob", "alice"), words)


def test_a_repeated_or_changed_message_is_refused_and_harms_nothing(pair: tuple[SignalDevice, SignalDevice]) -> None:
    alice, bob = pair
    kind, message = alice.encrypt("bob", b"once")
    bob.decrypt("alice", kind, message)
    with pytest.raises(ValueError, match="decrypted before"):
        bob.decrypt("alice", kind, message)
    _talk(bob, alice, ("bob", "alice"), b"answer")
    kind, message = alice.encrypt("bob", b"next")
    with pytest.raises(ValueError, match="authentication"):
        bob.decrypt("alice", kind, message[:-1] + bytes([message[-1] ^ 1]))
    assert bob.decrypt("alice", kind, message) == b"next"


def test_sessions_opened_by_both_sides_at_once_are_both_readable(pair: tuple[SignalDevice, SignalDevice]) -> None:
    alice, bob = pair
    bob.start_session("alice", alice.bundle())
    from_alice, from_bob = alice.encrypt("bob", b"a"), bob.encrypt("alice", b"b")
    assert bob.decrypt("alice", *from_alice) == b"a"
    assert alice.decrypt("bob", *from_bob) == b"b"
    _talk(alice, bob, ("alice", "bob"), b"again")
    _talk(bob, alice, ("bob", "alice"), b"and back")


def test_a_message_too_far_in_the_future_is_refused(pair: tuple[SignalDevice, SignalDevice]) -> None:
    alice, bob = pair
    for _ in range(MAX_SKIP + 1):
        alice.encrypt("bob", b"")
    with pytest.raises(ValueError, match="future"):
        bob.decrypt("alice", *alice.encrypt("bob", b"late"))


def test_devices_survive_json_in_the_middle_of_a_conversation(pair: tuple[SignalDevice, SignalDevice]) -> None:
    alice, bob = pair
    late = alice.encrypt("bob", b"late")
    _talk(alice, bob, ("alice", "bob"), b"1")
    alice, bob = from_plain(SignalDevice, to_plain(alice)), from_plain(SignalDevice, to_plain(bob))
    assert bob.decrypt("alice", *late) == b"late"
    _talk(bob, alice, ("bob", "alice"), b"2")
    _talk(alice, bob, ("alice", "bob"), b"3")


def test_without_a_session_nothing_is_written_or_read() -> None:
    device = SignalDevice.new()
    with pytest.raises(ValueError, match="no session with bob"):
        device.encrypt("bob", b"")
    with pytest.raises(ValueError, match="no session with bob"):
        device.decrypt("bob", "msg", b"\x33" + bytes(20))


@given(st.binary(max_size=100))
def test_padding_can_be_removed(data: bytes) -> None:
    assert unpad(pad(data)) == data


def test_a_group_text_is_read_in_any_order_but_only_once() -> None:
    own = SenderKey.new()
    own.encrypt(b"before the others joined")
    theirs = SenderKey.from_distribution(own.distribution())
    first, second, third = (own.encrypt(words) for words in (b"1", b"2", b"3"))
    assert [theirs.decrypt(item) for item in (third, first, second)] == [b"3", b"1", b"2"]
    with pytest.raises(ValueError, match="decrypted before"):
        theirs.decrypt(first)


def test_a_group_text_with_a_wrong_signature_is_refused() -> None:
    own = SenderKey.new()
    theirs = SenderKey.from_distribution(own.distribution())
    message = own.encrypt(b"words")
    with pytest.raises(ValueError, match="signature"):
        theirs.decrypt(message[:10] + bytes([message[10] ^ 1]) + message[11:])
    with pytest.raises(ValueError, match="owner"):
        theirs.encrypt(b"not mine")
