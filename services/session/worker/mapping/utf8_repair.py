"""Repairs strings that are not valid UTF-8: some clients cut a text inside a character, and the library keeps it so."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor


def repair_strings(message: Any) -> Any:
    """Replace each invalid sequence by U+FFFD, in every string of a protobuf; returns the same message.

    The Python protobuf library returns such a string as bytes. Its parser limits how deep messages are nested.
    """
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            _repair_field(message, field, value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.GetOptions().map_entry:
            for part in value if field.is_repeated else (value,):
                repair_strings(part)
    return message


def _repair_field(message: Any, field: Any, value: Any) -> None:
    if not field.is_repeated:
        if isinstance(value, bytes):
            setattr(message, field.name, value.decode(errors="replace"))
        return
    for index, item in enumerate(value):
        if isinstance(item, bytes):
            value[index] = item.decode(errors="replace")
