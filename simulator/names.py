"""Random names, numbers and ids from one seeded generator: the same seed gives the same world, except for keys."""

import random
from collections.abc import Container

FIRST_NAMES = ("Anna", "Bruno", "Clara", "David", "Elif", "Felipe", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Luca")
LAST_NAMES = (
    "Almeida",
    "Becker",
    "Costa",
    "Demir",
    "Engel",
    "Ferreira",
    "Gruber",
    "Hoffmann",
    "Keller",
    "Lima",
    "Moura",
)
# (prefix, digits that follow): mobile numbers of Germany, Brazil, the Netherlands and Spain
MOBILE_RANGES = (("49151", 8), ("49176", 8), ("551198", 7), ("552199", 7), ("3161", 7), ("3463", 7))


class NameGenerator:
    """Uses the given random generator."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator

    def _digits(self, count: int) -> str:
        return "".join(self._random.choice("0123456789") for _ in range(count))

    def person(self) -> str:
        return f"{self._random.choice(FIRST_NAMES)} {self._random.choice(LAST_NAMES)}"

    def number(self, taken: Container[str]) -> str:
        """A valid mobile number, E.164 without the plus."""
        while True:
            prefix, count = self._random.choice(MOBILE_RANGES)
            number = prefix + self._random.choice("23456789") + self._digits(count - 1)
            if number not in taken:
                return number

    def lid(self, taken: Container[str]) -> str:
        while (lid := "9" + self._digits(13)) in taken:
            continue
        return lid

    def group_id(self) -> str:
        return "1203" + self._digits(14)

    def message_id(self) -> str:
        return "3A" + f"{self._random.getrandbits(72):018X}"

    def token(self, length: int = 16) -> str:
        """Hexadecimal digits for stanza ids and references."""
        return f"{self._random.getrandbits(4 * length):0{length}x}"
