"""Repairs strings that are not valid UTF-8: some clients cut a text inside a character, and the library keeps it so."""

from collections.abc import MutableSequence
from typing import TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)


def repair_strings(message: M) -> M:
    """Replace each invalid sequence by U+FFFD, in every string of a protobuf; returns the same message.

    The Python protobuf library returns such a string as bytes. Its parser limits how deep messages are nested.
    """
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            _repair_field(message, field, value)
        elif field.message_type and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else (value,):
                repair_strings(part)
    return message


def _repair_field(message: Message, field: FieldDescriptor, value: str | bytes | MutableSequence[str | bytes]) -> None:
    if isinstance(value, bytes):
        setattr(message, field.name, value.decode(errors="replace"))
    elif not isinstance(value, str):
        for index, item in enumerate(value):
            if isinstance(item, bytes):
                value[index] = item.decode(errors="replace")
