"""Names of sessions, in any script. Subjects and records contain the id of the instance instead."""

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MAX_SESSION_NAME = 100
"""Characters."""
_HIDDEN = (
    "\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff"
    "\\ufff9-\\ufffb"
)
"""Control characters, invisible characters and direction marks. Not U+200C and U+200D, which are part of Persian words
and of emoji."""
SESSION_NAME_PATTERN = rf"^[^/\\{_HIDDEN}]*[^/\\\s.\u200c\u200d{_HIDDEN}][^/\\{_HIDDEN}]*$"
_SURROGATES = re.compile("[\\ud800-\\udfff]")
_NAME = re.compile(SESSION_NAME_PATTERN.removesuffix("$"))
SESSION_NAME_RULE = (
    f"1 to {MAX_SESSION_NAME} characters: letters and digits of any script, blanks, dots and other signs, "
    "without slashes and control characters, such as Loja 1"
)


def parse_session_name(text: str) -> str:
    """Stripped and normalized to Unicode NFC. Raises ValueError."""
    if len(text) <= 4 * MAX_SESSION_NAME:
        name = unicodedata.normalize("NFC", text).strip()
        if len(name) <= MAX_SESSION_NAME and _NAME.fullmatch(name) and not _SURROGATES.search(name):
            return name
    raise ValueError(f"a session name has {SESSION_NAME_RULE}")


SessionName = Annotated[str, StringConstraints(max_length=4 * MAX_SESSION_NAME), AfterValidator(parse_session_name)]
