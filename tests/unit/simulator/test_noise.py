"""Noise: both sides in memory, frames, the certificate chain."""

import pytest
from cryptography.exceptions import InvalidTag

from simulator.protocol.curve import KeyPair, verify
from simulator.protocol.frames import CONNECTION_HEADER, FrameSplitter, frame
from simulator.protocol.noise import NoiseInitiator, NoiseKeys, NoiseResponder
from simulator.protocol.protos import CertChain, ClientPayload

KEYS = NoiseKeys.new()
CHAIN = KEYS.certificate_chain()


def test_both_sides_agree_and_the_server_learns_who_the_client_is() -> None:
    static = KeyPair.new()
    client, server = NoiseInitiator(static), NoiseResponder(KEYS, CHAIN)
    payload = ClientPayload(username=4915).SerializeToString()
    finish, client_side = client.finish(server.hello(client.hello()), payload)
    known, received, server_side = server.finish(finish)
    assert (known, received.username) == (static.public, 4915)
    for number in range(3):
        words = f"message {number}".encode()
        assert server_side.decrypt(client_side.encrypt(words)) == words
        assert client_side.decrypt(server_side.encrypt(words)) == words


def test_a_frame_that_was_changed_or_repeated_is_refused() -> None:
    client, server = NoiseInitiator(KeyPair.new()), NoiseResponder(KEYS, CHAIN)
    finish, client_side = client.finish(server.hello(client.hello()), b"")
    _, _, server_side = server.finish(finish)
    sealed = client_side.encrypt(b"once")
    server_side.decrypt(sealed)
    with pytest.raises(InvalidTag):
        server_side.decrypt(sealed)


def test_the_chain_shown_leads_from_the_root_to_the_static_key() -> None:
    client, server = NoiseInitiator(KeyPair.new()), NoiseResponder(KEYS, CHAIN)
    client.finish(server.hello(client.hello()), b"")
    chain = CertChain.FromString(client.chain)
    details = CertChain.NoiseCertificate.Details
    middle, last = details.FromString(chain.intermediate.details), details.FromString(chain.leaf.details)
    assert verify(KEYS.root.public, chain.intermediate.details, chain.intermediate.signature)
    assert verify(middle.key, chain.leaf.details, chain.leaf.signature)
    assert last.key == KEYS.static.public
    assert not verify(KeyPair.new().public, chain.intermediate.details, chain.intermediate.signature)


@pytest.mark.parametrize("preamble", [b"", b"ED\x00\x01\x00\x00\x03abc"])
def test_frames_are_split_from_any_stream(preamble: bytes) -> None:
    stream, framer, found = (
        preamble + CONNECTION_HEADER + frame(b"one") + frame(b"") + frame(b"three"),
        FrameSplitter(),
        [],
    )
    for byte in stream:
        found += framer.feed(bytes([byte]))
    assert found == [b"one", b"", b"three"]


def test_a_stream_without_the_header_is_refused() -> None:
    with pytest.raises(ValueError, match="does not begin with"):
        FrameSplitter().feed(b"GET / HTTP/1.1")


def test_a_frame_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        frame(bytes(1 << 24))
