"""Comparison of words without case and accents."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

_WORD = re.compile(r"\w+")
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Invisible characters of a letter category: the Hangul fillers."""


def has_letter_or_digit(text: str) -> bool:
    """Whether a text contains a visible letter or digit of any script; `👍` and `-` are none."""
    return any(character.isalnum() and character not in _INVISIBLE_LETTERS for character in text)


def words(text: str) -> tuple[str, ...]:
    """The words of a text, folded: `São Paulo!` → `("sao", "paulo")`."""
    bare = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return tuple(_WORD.findall("".join(character for character in bare if not unicodedata.combining(character))))


def contains(text: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Whether the text contains the words of the phrase, whole and adjacent."""
    return any(text[start : start + len(phrase)] == phrase for start in range(len(text) - len(phrase) + 1))


def _keyword(text: str) -> str:
    if not words(text):
        raise ValueError(f"{text!r} has no letter or digit in it; write a word")
    return text


Keyword = Annotated[
    str,
    StringConstraints(min_length=1, max_length=50, strip_whitespace=True),
    AfterValidator(_keyword),
    Field(json_schema_extra={"format": "words"}),
]
"""A word or a short phrase."""
