"""Binary XML: whatever is written can be read, and broken bytes are refused."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.protocol.binary_xml import decode, encode
from simulator.protocol.jid import Jid
from simulator.protocol.node import Node, element, leaf

texts = st.text(min_size=1, max_size=20)
jids = st.builds(
    Jid,
    user=st.text("0123456789", min_size=1, max_size=15),
    server=st.sampled_from(["s.whatsapp.net", "lid"]),
    device=st.integers(0, 255),
)
attributes = st.dictionaries(texts, texts | jids, max_size=4)
nodes = st.recursive(
    st.builds(Node, tag=texts, attrs=attributes, content=st.none() | st.binary(max_size=400)),
    lambda inner: st.builds(Node, tag=texts, attrs=attributes, content=st.lists(inner, max_size=4)),
    max_leaves=10,
)


@settings(deadline=None)  # the first example reads the token tables
@given(nodes)
def test_every_node_survives_the_round_trip(node: Node) -> None:
    assert decode(encode(node)) == node


def test_large_contents_and_many_children_survive() -> None:
    node = element("list", None, *[leaf("item", bytes(2000)) for _ in range(300)])
    assert decode(encode(node)) == node


def test_numbers_become_text_and_missing_attributes_are_not_sent() -> None:
    assert decode(encode(Node("a", {"t": 5, "none": None, "empty": ""}))).attrs == {"t": "5"}


def test_compressed_payloads_are_read() -> None:
    node = element("iq", {"type": "get"})
    assert decode(b"\x02" + zlib.compress(encode(node)[1:])) == node


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_stanza_raise_a_value_error_or_give_a_node(data: bytes) -> None:
    try:
        assert isinstance(decode(b"\0" + data), Node)
    except ValueError:
        return


def test_packed_numbers_are_read() -> None:
    packed = bytes([0, 248, 3, 252, 1, 97, 252, 1, 98, 255, 0x82, 0x12, 0x3F])
    assert decode(packed) == Node("a", {"b": "123"})


@pytest.mark.parametrize("text", ["49151@s.whatsapp.net", "49151:7@lid", "s.whatsapp.net", "120@g.us"])
def test_addresses_survive_as_text(text: str) -> None:
    assert str(Jid.parse(text)) == text


def test_a_missing_child_or_attribute_is_named() -> None:
    with pytest.raises(ValueError, match="<iq> has no <a/b>"):
        element("iq", None, element("a")).require_child("a", "b")
    with pytest.raises(ValueError, match="no address in 'to'"):
        element("iq").jid("to")
