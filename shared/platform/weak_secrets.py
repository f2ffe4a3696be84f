"""Passwords that are easy to guess are refused when a service starts."""

import re
from itertools import pairwise
from urllib.parse import unquote, urlsplit

MIN_SECRET_LENGTH = 16
"""Characters that are left when well-known words are taken out."""
MIN_DISTINCT_CHARACTERS = 8
_PLACEHOLDERS = re.compile(
    "change[-_ ]?(me|this|it)|replace[-_ ]?(me|this)|your[-_ ]?(password|secret|key)|pass(word|wd|phrase)|secret"
    "|example|default|admin|root|test(ing)?|dummy|sample|todo|placeholder|insecure|letmein|welcome|qwert[yz]|asdf|foobar"
    "|switchboard|mongo(db)?|nats|redis",
    re.IGNORECASE,
)
REMEDY = "set a random one, for example the output of `openssl rand -hex 24`"


def weakness(secret: str) -> str | None:
    """Why this secret is easy to guess; None when nothing speaks against it. Never repeats the secret."""
    if len(secret) < MIN_SECRET_LENGTH:
        return f"has fewer than {MIN_SECRET_LENGTH} characters"
    if len(_PLACEHOLDERS.sub("", secret)) < MIN_SECRET_LENGTH:
        return "consists of well-known words"
    if len(set(secret)) < MIN_DISTINCT_CHARACTERS:
        return f"has fewer than {MIN_DISTINCT_CHARACTERS} different characters"
    if _is_repeated(secret):
        return "repeats a pattern"
    if _is_a_sequence(secret):
        return "is a sequence of neighbouring characters"
    return None


def weak_password_in(url: str) -> str | None:
    """Why a password inside this address (or several with commas) is weak; None when none is, or there is none."""
    for part in _addresses(url):
        password = urlsplit(part).password
        if password is not None and (why := weakness(unquote(password))):
            return why
    return None


def has_password(url: str) -> bool:
    """Every one of the addresses names a user with a password (or a token)."""
    return all(urlsplit(part).username for part in _addresses(url))


def _addresses(url: str) -> list[str]:
    """`mongodb://u:p@one,two/db` is one address with several hosts; NATS has a scheme before each server."""
    parts: list[str] = []
    for part in url.split(","):
        if "://" in part or not parts:
            parts.append(part.strip())
        else:
            parts[-1] += "," + part
    return parts


def _is_repeated(secret: str) -> bool:
    """A short pattern makes up the whole text, except perhaps for a few characters at one of its ends."""
    longest = len(secret) // 2
    return any(
        sum(one == other for one, other in zip(secret, secret[period:], strict=False)) > 0.8 * (len(secret) - period)
        for period in range(1, longest + 1)
    )


def _is_a_sequence(secret: str) -> bool:
    """More than half of the characters follow their neighbour in the alphabet or among the digits."""
    steps = [ord(other) - ord(one) for one, other in pairwise(secret)]
    return max(steps.count(1), steps.count(-1)) > len(steps) / 2
