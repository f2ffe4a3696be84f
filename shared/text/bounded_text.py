"""Untrusted strings, made safe to store and display: without control characters, cut to a maximum length.

Contacts choose their push name, file names and captions, and a list displays those of a hundred contacts at once.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator

MAX_TEXT = 65_536
"""Characters of a text message that WhatsApp accepts."""
MAX_NAME = 256
"""Characters of a push name, a contact's name, a group's name."""
MAX_FILE_NAME = 255
MAX_LABEL = 128
"""Characters of a short name or id of another system."""
MAX_LINK = 2048
"""Characters of a link, or of a long id."""
MAX_MIME_TYPE = 128
MAX_ID = 256
"""Characters of a WhatsApp id; those of WhatsApp's own programs have at most 64."""
MAX_ADDRESS = 64
"""Characters of the user part of a JID."""
CUT_MARK = "…"
"""The last character of a text that was cut."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE = re.compile("[\t\n\r\u2028\u2029]+")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They change the direction of the following text: `exe.gpj` is displayed as `jpg.exe`."""
_ZERO_WIDTH_JOINER = "\u200d"
_MAX_CLUSTER_LENGTH = 64
"""Characters of a grapheme cluster, such as an emoji sequence, that is kept whole."""


def bounded_text(value: str, max_length: int = MAX_TEXT) -> str:
    """Line breaks, tabs and direction marks are kept."""
    if value.isprintable() and len(value) <= max_length:
        return value
    return cut(_CONTROL.sub("", cut_roughly(value, max_length)), max_length)


def bounded_line(value: str, max_length: int = MAX_NAME) -> str:
    """A single line, without characters that change the direction of neighbouring text."""
    if value.isprintable() and len(value) <= max_length:
        return value.strip()
    value = _CONTROL.sub("", _DIRECTION.sub("", _LINE.sub(" ", cut_roughly(value, max_length))))
    return cut(value.strip(), max_length)


def bounded_file_name(value: str, max_length: int = MAX_FILE_NAME) -> str:
    """Like bounded_line; the file extension is kept when the name is cut."""
    name = bounded_line(value, len(value) + 1)
    stem, dot, extension = name.rpartition(".")
    if len(name) <= max_length or not dot or len(extension) > 16:
        return cut(name, max_length)
    return f"{cut(stem, max_length - len(extension) - 1)}.{extension}"


def cut_roughly(value: str, max_length: int) -> str:
    """Cut a very long text first, so that megabytes are not processed character by character."""
    return value if len(value) <= 2 * max_length + 1024 else value[: 2 * max_length + 1024]


def cut(value: str, max_length: int) -> str:
    """At most `max_length` characters, the last one CUT_MARK if the text was cut; never inside an emoji sequence or
    between a letter and its accents."""
    if len(value) <= max_length:
        return value
    end = max_length - len(CUT_MARK)
    for _ in range(_MAX_CLUSTER_LENGTH):
        if end <= 0 or not _is_inside_cluster(value, end):
            return value[: max(end, 0)] + CUT_MARK
        end -= 1
    return value[: max_length - len(CUT_MARK)] + CUT_MARK


def _is_inside_cluster(value: str, place: int) -> bool:
    """Whether the characters before and after this index are one visible character."""
    before, behind = value[place - 1], value[place]
    if before == _ZERO_WIDTH_JOINER or behind == _ZERO_WIDTH_JOINER or _modifies(behind):
        return True
    return _is_flag_letter(behind) and _flag_letters_before(value, place) % 2 == 1


def _modifies(character: str) -> bool:
    """Accents, variation selectors, skin colours, tags of a flag."""
    mark = unicodedata.category(character) in ("Mn", "Mc", "Me")
    return mark or 0x1F3FB <= ord(character) <= 0x1F3FF or 0xE0020 <= ord(character) <= 0xE007F


def _is_flag_letter(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _flag_letters_before(value: str, place: int) -> int:
    count = 0
    while count < place and count < _MAX_CLUSTER_LENGTH and _is_flag_letter(value[place - 1 - count]):
        count += 1
    return count


def _strings(bound: Callable[[str], str]) -> BeforeValidator:
    """What is no string is left to the field's own check."""

    def validate(value: object) -> object:
        return bound(value) if isinstance(value, str) else value

    return BeforeValidator(validate)


BoundedText = Annotated[str, _strings(bounded_text)]
"""Cut, never refused: what was stored before this limit still loads."""
CutText = Annotated[str, _strings(lambda value: cut(value, MAX_TEXT))]
"""The same for what may be a text of ours: it stays as it was written."""
BoundedName = Annotated[str, _strings(bounded_line)]
BoundedFileName = Annotated[str, _strings(bounded_file_name)]
BoundedLabel = Annotated[str, _strings(lambda value: bounded_line(value, MAX_LABEL))]
BoundedLink = Annotated[str, _strings(lambda value: bounded_line(value, MAX_LINK))]
BoundedMimeType = Annotated[str, _strings(lambda value: bounded_line(value, MAX_MIME_TYPE))]

MAX_EXACT = 2**53 - 1
"""The greatest whole number that JSON readers and MongoDB keep exactly."""


def _exact(value: object) -> object:
    return None if isinstance(value, int) and not 0 <= value <= MAX_EXACT else value


ExactSize = Annotated[int | None, BeforeValidator(_exact)]
"""None for a number that nobody can keep."""
