"""Strings that are no valid UTF-8: some clients cut a text inside a character, and the library passes it on."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor


def repair_strings(message: Any) -> Any:
    """Put U+FFFD for each invalid sequence, in every string of a protobuf; the same message.

    The Python library gives such a string as bytes. Its parser bounds the depth of messages.
    """
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_STRING:
            _repair_field(message, field, value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not _is_map(field):
            for part in value if field.is_repeated else (value,):
                repair_strings(part)
    return message


def _repair_field(message: Any, field: Any, value: Any) -> None:
    if not field.is_repeated:
        if isinstance(value, bytes):
            setattr(message, field.name, value.decode(errors="replace"))
        return
    for place, item in enumerate(value):
        if isinstance(item, bytes):
            value[place] = item.decode(errors="replace")


def _is_map(field: Any) -> bool:
    return bool(field.message_type.GetOptions().map_entry)
