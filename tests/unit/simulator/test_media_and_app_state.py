"""Media encryption, the running hash of app state, key derivation, pairing codes."""

import os
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.protocol import link_code, media
from simulator.protocol.appstate import AppState, lt_hash
from simulator.protocol.curve import KeyPair, verify
from simulator.protocol.kdf import hkdf, hmac256
from simulator.protocol.media import EncryptedMedia
from simulator.protocol.protos import SyncActionValue, SyncdPatch


@given(st.binary(max_size=200), st.sampled_from(sorted(media.INFO)))
def test_files_survive_encryption(data: bytes, kind: str) -> None:
    assert media.decrypt(media.encrypt(data, kind), kind) == data


def test_a_changed_file_or_another_kind_is_refused() -> None:
    sealed = media.encrypt(b"picture", "image")
    with pytest.raises(ValueError, match="authentication"):
        media.decrypt(EncryptedMedia(sealed.key, bytes([sealed.blob[0] ^ 1]) + sealed.blob[1:]), "image")
    with pytest.raises(ValueError, match="authentication"):
        media.decrypt(sealed, "video")


def test_the_running_hash_does_not_depend_on_the_order_and_removal_undoes_adding() -> None:
    items, start = [os.urandom(32) for _ in range(3)], bytes(128)
    sums = set()
    for order in permutations(items):
        total = start
        for item in order:
            total = lt_hash(total, item, 1)
        sums.add(total)
    (total,) = sums
    for item in items:
        total = lt_hash(total, item, -1)
    assert total == start


def test_patches_count_up_replace_values_and_carry_the_right_codes() -> None:
    state = AppState()
    for name in ("Anna", "Anna B."):
        value = SyncActionValue()
        value.pushNameSetting.name = name
        state.set("critical_block", ["setting_pushName"], value)
    first, second = (SyncdPatch.FromString(raw) for raw in state.since("critical_block", 0))
    assert (first.version.version, second.version.version) == (1, 2)
    assert state.since("critical_block", 2) == []
    only_last = lt_hash(bytes(128), second.mutations[0].record.value.blob[-32:], 1)
    assert state.collections["critical_block"].hash == only_last
    snapshot_key = hkdf(state.key, 160, info=b"WhatsApp Mutation Keys")[96:128]
    signed = only_last + (2).to_bytes(8, "big") + b"critical_block"
    assert second.snapshotMAC == hmac256(snapshot_key, signed)


def test_key_derivation_follows_the_published_vector() -> None:
    # RFC 5869, test case 1
    salt, info = bytes.fromhex("000102030405060708090a0b0c"), bytes.fromhex("f0f1f2f3f4f5f6f7f8f9")
    expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert hkdf(b"\x0b" * 22, 42, salt=salt, info=info).hex() == expected


def test_signatures_verify_and_a_changed_message_does_not() -> None:
    pair = KeyPair.new()
    signature = pair.sign(b"words")
    assert verify(pair.typed_public, b"words", signature)
    assert not verify(pair.public, b"other words", signature)


def test_both_sides_of_a_pairing_code_agree_and_a_wrong_code_is_noticed() -> None:
    companion, phone = KeyPair.new(), KeyPair.new()
    wrapped = link_code.wrap("ABCDEFGH", companion.public)
    assert link_code.unwrap("ABCDEFGH", wrapped) == companion.public
    assert link_code.unwrap("AAAAAAAA", wrapped) != companion.public
    with pytest.raises(link_code.WrongCode, match="type it again"):
        link_code.open_bundle(bytes(140), phone.agree(companion.public))
