"""Search: the words of a text, the parts of a word by which it is looked up, and whether a text matches.

The words that texts have are looked up in MongoDB, each by any part of it; what is found there is compared once more
with what was searched for, by `Search`. docs/decisions/0042. Pure.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypedDict

from shared.contracts.addresses import phone_of_alias
from shared.text.folding import folded

MAX_SEARCHED = 4_000
"""Characters of a text, from its beginning, that are searched."""
MAX_FOLDED = 3 * MAX_SEARCHED
"""Of the same text after folding: a Hangul syllable becomes three characters."""
MAX_RUN = 64
"""Of a run of letters and digits, such as a base64 key, this many characters are searchable."""
MAX_TERM = 32
STEP = 16
"""A longer run is stored as overlapping terms of MAX_TERM characters; this is the distance of their beginnings."""
MAX_PART = 16
"""Characters of a word by which it is looked up; the rest is compared."""
MAX_SORT_BYTES = 150
NAMELESS = "\U0010ffff"
"""Prefix of the number of a contact without a name, which sorts it after all names."""

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]+)"
)
"""Scripts without spaces between words: Thai, Lao, Burmese, Khmer, Han, kana."""
_ASCII_RUN = re.compile("[a-z0-9]+")
_NUMBER = re.compile(r"[0-9\s()+./-]*[0-9][0-9\s()+./-]*")


_FIRST_EMOJI = 0x1F000
"""Code points from here on that Python's version of Unicode does not have are treated as emoji."""


class _Spaced(dict[int, str]):
    """For str.translate: symbols such as emoji become words of their own, punctuation becomes spaces."""

    def __missing__(self, code: int) -> str:
        self[code] = spaced = _space(chr(code))
        return spaced


def _space(character: str) -> str:
    kind, code = unicodedata.category(character), ord(character)
    if kind[0] in "LNM":
        return character
    is_symbol = (kind[0] == "S" and code > 127) or (kind == "Cn" and code >= _FIRST_EMOJI)
    return f" {character} " if is_symbol else " "


_SPACED = _Spaced()


def runs(text: str) -> list[str]:
    """The words of a folded text; for scripts without spaces, the text between punctuation."""
    if text.isascii():
        return _ASCII_RUN.findall(text)
    words = text.translate(_SPACED).split()
    return [piece for word in words for piece in _UNSPACED.split(word) if piece]


def terms_of(text: str | None) -> list[str]:
    """The search terms that are stored with a text, without repetitions."""
    found: dict[str, None] = {}
    for run in runs(searched(text)):
        found.update(dict.fromkeys(_terms_of_run(run)))
    return list(found)


def searched(text: str | None) -> str:
    """The searchable part of a text, folded."""
    return folded((text or "")[:MAX_SEARCHED])[:MAX_FOLDED]


def is_unspaced(run: str) -> bool:
    return not run.isascii() and _UNSPACED.fullmatch(run) is not None


def pairs(run: str) -> list[str]:
    """For scripts without spaces: all pairs of adjacent characters."""
    return [run[place : place + 2] for place in range(max(1, len(run) - 1))]


def _terms_of_run(run: str) -> list[str]:
    if is_unspaced(run):
        return pairs(run)
    if len(run) <= MAX_TERM:
        return [run]
    return [run[start : start + MAX_TERM] for start in range(0, MAX_RUN - STEP, STEP) if run[start + STEP :]]


def parts_of(term: str) -> list[str]:
    """All suffixes of a word: a part of the word is the prefix of one of them."""
    return list({term[start : start + MAX_PART]: None for start in range(len(term))})


def sort_name(name: str | None, number: str) -> str:
    """The sort key of contacts: the folded name; contacts without a name come last, by number."""
    plain = " ".join(folded(name or "").split())
    return (plain or NAMELESS + number).encode()[:MAX_SORT_BYTES].decode(errors="ignore")


class SearchedContact(TypedDict, total=False):
    """A stored contact, as far as a search compares it."""

    name: str | None
    phone_number: str | None
    aliases: list[str]


class ContactSearchFields(TypedDict):
    search_parts: list[str]
    sort_name: str


def contact_fields(
    name: str | None, phone_number: str | None, lid: str | None, aliases: Iterable[str]
) -> ContactSearchFields:
    """The fields that are stored with a contact for searching and sorting."""
    words = [*runs(folded(name or "")), *_numbers(phone_number, aliases)]
    parts = {part for word in words for part in parts_of(word)}
    return {"search_parts": sorted(parts), "sort_name": sort_name(name, phone_number or lid or "")}


def _numbers(phone_number: str | None, aliases: Iterable[str]) -> list[str]:
    """All present and former numbers of a contact, with their variants."""
    known = [phone_number or "", *(number for alias in aliases if (number := phone_of_alias(alias)))]
    return [number for number in dict.fromkeys(known) if number]


def message_terms(text: str | None, *, is_revoked: bool) -> list[str]:
    """The terms of a message; none when its author deleted it."""
    return [] if is_revoked else terms_of(text)


@dataclass(frozen=True)
class Search:
    """A parsed search. `words`: each must be in the text. `number`: the digits of a search that looks like a phone
    number, without leading zeros."""

    words: tuple[str, ...]
    number: str | None = None

    @classmethod
    def of(cls, search: str | None) -> Self | None:
        """None for a blank text. A text of punctuation only has no words and matches nothing."""
        plain = folded(search or "")
        if not plain.strip():
            return None
        words = dict.fromkeys(bare for word in plain.split() if (bare := _bare(word)))
        digits = re.sub("[^0-9]", "", plain.replace("(0)", "")) if _NUMBER.fullmatch(plain) else None
        return cls(tuple(words), digits and (digits.lstrip("0") or digits))

    def runs(self) -> list[str]:
        """The lookup parts of all words, the longest first."""
        found = dict.fromkeys(run for word in self.words for run in runs(word))
        return sorted(found, key=len, reverse=True)

    def longest(self, most: int) -> list[str]:
        """The first `count` words."""
        return sorted(self.words, key=len, reverse=True)[:most]

    def matches(self, *texts: str) -> bool:
        """Whether each word is part of one of these folded texts."""
        return bool(self.words) and all(any(word in text for text in texts) for word in self.words)

    def matches_text(self, text: str | None) -> bool:
        return self.matches(searched(text))

    def matches_contact(self, contact: SearchedContact, *texts: str) -> bool:
        """Whether each word is part of the name, of a number or of one of these folded texts."""
        numbers = _numbers(contact.get("phone_number"), contact.get("aliases", ()))
        if self.number and any(self.number in number for number in numbers):
            return True
        return self.matches(folded(contact.get("name") or ""), *numbers, *texts)


def _bare(word: str) -> str:
    """Without surrounding punctuation."""
    spaced = [not character.translate(_SPACED).strip() for character in word]
    kept = [place for place, is_sign in enumerate(spaced) if not is_sign]
    return word[kept[0] : kept[-1] + 1] if kept else ""
