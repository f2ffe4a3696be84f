"""Whether a text has a visible character: without one a phone displays an empty bubble."""

import re

INVISIBLE = (
    "\\u0000-\\u0020\\u007f-\\u00a0\\u00ad\\u034f\\u061c\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f"
    "\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb"
)
"""Control characters, spaces, direction marks, joiners, fillers and variation selectors, for a character class of a
regular expression; also valid in JSON Schema, which has no escapes for characters beyond U+FFFF."""
VISIBLE_PATTERN = f"[^{INVISIBLE}]"
_VISIBLE = re.compile(f"[^{INVISIBLE}\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]")


def has_visible_text(text: str) -> bool:
    """False for an empty text as well."""
    return _VISIBLE.search(text) is not None
