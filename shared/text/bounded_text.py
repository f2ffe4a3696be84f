"""Strings from strangers, made fit to store and show: without control characters, and cut to a length.

A contact chooses what stands in a push name, a file name or a caption; a list of a hundred contacts shows all of them.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator

MAX_TEXT = 65_536
"""Characters of a text message WhatsApp accepts."""
MAX_NAME = 256
"""Characters of a push name, a contact's name, a group's name."""
MAX_FILE_NAME = 255
MAX_LABEL = 128
"""Characters of a short name or id that another system gave."""
MAX_LINK = 2048
"""Characters of a link, or of a long id."""
MAX_MIME_TYPE = 128
MAX_ID = 256
"""Characters of an id WhatsApp gives; its own are at most 64."""
MAX_ADDRESS = 64
"""Characters of the user part of a JID."""
CUT = "…"
"""Stands at the end of what was cut."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE = re.compile("[\t\n\r\u2028\u2029]+")
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""They change the direction of what follows them: `exe.gpj` reads as `jpg.exe`."""
_ZERO_WIDTH_JOINER = "\u200d"
_MOST_JOINED = 64
"""Characters looked at for the beginning of one that is made of several."""


def bounded_text(value: str, most: int = MAX_TEXT) -> str:
    """Lines, tabs and the direction of scripts stay."""
    if value.isprintable() and len(value) <= most:
        return value
    return cut(_CONTROL.sub("", cut_roughly(value, most)), most)


def bounded_line(value: str, most: int = MAX_NAME) -> str:
    """One line, without characters that change the direction of what stands beside it."""
    if value.isprintable() and len(value) <= most:
        return value.strip()
    value = _CONTROL.sub("", _DIRECTION.sub("", _LINE.sub(" ", cut_roughly(value, most))))
    return cut(value.strip(), most)


def bounded_file_name(value: str, most: int = MAX_FILE_NAME) -> str:
    """The extension stays when the name is cut."""
    name = bounded_line(value, len(value) + 1)
    stem, dot, extension = name.rpartition(".")
    if len(name) <= most or not dot or len(extension) > 16:
        return cut(name, most)
    return f"{cut(stem, most - len(extension) - 1)}.{extension}"


def cut_roughly(value: str, most: int) -> str:
    """So that megabytes are not looked at character by character."""
    return value if len(value) <= 2 * most + 1024 else value[: 2 * most + 1024]


def cut(value: str, most: int) -> str:
    """At most so many characters, the last of them CUT when something is missing; not inside an emoji or between a
    letter and its accents."""
    if len(value) <= most:
        return value
    end = most - len(CUT)
    for _ in range(_MOST_JOINED):
        if end <= 0 or not _belong_together(value, end):
            return value[: max(end, 0)] + CUT
        end -= 1
    return value[: most - len(CUT)] + CUT


def _belong_together(value: str, place: int) -> bool:
    """The characters before and behind this place are parts of one that is seen."""
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
    while count < place and count < _MOST_JOINED and _is_flag_letter(value[place - 1 - count]):
        count += 1
    return count


def _strings(bound: Callable[[str], str]) -> BeforeValidator:
    """What is no string is left to the field's own check."""

    def validate(value: Any) -> Any:
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


def _exact(value: Any) -> Any:
    return None if isinstance(value, int) and not 0 <= value <= MAX_EXACT else value


ExactSize = Annotated[int | None, BeforeValidator(_exact)]
"""None for a number that nobody can keep."""
