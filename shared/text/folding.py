"""Folded text for comparisons: without case, accents, width and invisible characters. Pure.

What is stored and what is searched for are folded by the same function, so they need not follow a language's rules
exactly; `ß` and `ss`, `ı` and `i`, `é` and `e`, `٣` and `3` are the same.
"""

import unicodedata

_KEPT_CLASSES = frozenset({0, 8, 9, 84, 91, 103, 118, 129, 130, 132})
"""Canonical combining classes of marks that form another letter or syllable: vowel signs and viramas of the scripts of
India and South-East Asia, and the voicing marks of kana. All others are accents, points and tones."""
_UNDECOMPOSED = {
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ħ": "h",
    "ı": "i",
    "ŧ": "t",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ŋ": "n",
    "ɓ": "b",
    "ɗ": "d",
    "ƙ": "k",
    "ə": "e",
    "ى": "ي",
    "ی": "ي",
    "ک": "ك",
    "ة": "ه",
    "ـ": "",
    "ʻ": "'",
    "ʼ": "'",
    "‘": "'",
    "’": "'",
    "‚": "'",
    "′": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "‐": "-",
    "‑": "-",
    "‒": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "\u115f": "",
    "\u1160": "",
    "\u2800": " ",
}
"""Letters that Unicode does not decompose although people type others for them, and characters that keyboards insert
automatically. The Hangul fillers and the blank Braille pattern are invisible."""
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x180E))
_SKIN_COLOURS = range(0x1F3FB, 0x1F400)


class _Table(dict[int, str]):
    """For str.translate, filled on demand; bounded by the number of Unicode characters."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(character: str) -> str:
    """The folded form of one character of a decomposed, lower-case text."""
    if (known := _UNDECOMPOSED.get(character)) is not None:
        return known
    category, code = unicodedata.category(character), ord(character)
    if category in ("Cf", "Cs", "Co") or code in _SKIN_COLOURS or code & 0xFFFE == 0xFFFE:
        return ""  # format characters, surrogates, private use, unassigned
    if category == "Cc" or character.isspace():
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if unicodedata.combining(character) not in _KEPT_CLASSES or any(code in span for span in _VARIATION_SELECTORS):
        return ""
    return character


_TABLE = _Table()


def folded(text: str) -> str:
    """White space and control characters become spaces."""
    if text.isascii():
        return text.lower().translate(_TABLE)
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_TABLE)
