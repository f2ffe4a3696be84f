"""The type of a message: an open list."""

import copy
import json
import pickle

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.contracts.message_type import MessageType

TYPE = TypeAdapter(MessageType)


@pytest.mark.parametrize("value", ["hologram", "", "Text", "a b"])
def test_an_unknown_type_is_kept(value: str) -> None:
    unknown = TYPE.validate_python(value)
    assert isinstance(unknown, MessageType)
    assert unknown == value == MessageType(value)
    assert (str(unknown), hash(unknown), TYPE.dump_json(unknown)) == (value, hash(value), json.dumps(value).encode())
    assert {unknown, MessageType(value), value} == {value}
    assert copy.deepcopy(unknown) == pickle.loads(pickle.dumps(unknown)) == unknown
    assert unknown not in set(MessageType)


def test_a_known_type_is_its_member() -> None:
    for known in MessageType:
        assert TYPE.validate_python(known.value) is TYPE.validate_json(TYPE.dump_json(known)) is known


def test_only_strings_are_types() -> None:
    for value in (None, 1, ["text"]):
        with pytest.raises(ValidationError):
            TYPE.validate_python(value)


def test_the_schema_refuses_no_type() -> None:
    schema = TYPE.json_schema()
    assert schema["type"] == "string"
    assert "enum" not in schema
    assert all(f"`{known}`" in schema["description"] for known in MessageType)
