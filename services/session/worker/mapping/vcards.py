"""The names and telephone numbers of a contact card (vCard, RFC 6350, as phones write them). Pure."""

import re

from shared.text.bounded_text import MAX_NAME, bounded_line

MAX_CARD_CHARACTERS = 65_536
"""Characters of a card that are read; phones put photographs behind the numbers."""
MAX_CARD_NUMBERS = 20
"""Numbers of one card that are shown."""
_FOLDED_LINE = re.compile(r"\r?\n[ \t]")
_WAID_PARAMETER = re.compile(r";\s*waid=(\d{5,20})", re.IGNORECASE)


def format_card(name: str, card: str) -> str:
    """`João: +55 11 98888-7777`, with each of the numbers; what is missing is left out."""
    numbers, full_name = [], ""
    for line in _FOLDED_LINE.sub("", card[:MAX_CARD_CHARACTERS]).splitlines():
        head, _, value = line.partition(":")
        label = head.partition(";")[0].rpartition(".")[2].strip().upper()
        if label == "TEL":
            numbers.append(_phone_number(head, value))
        elif label == "FN":
            full_name = full_name or value
    shown = ", ".join(list(dict.fromkeys(number for number in numbers if number))[:MAX_CARD_NUMBERS])
    known_as = bounded_line(name or full_name.replace("\\,", ",").replace("\\;", ";"), MAX_NAME)
    return ": ".join(part for part in (known_as, shown) if part)


def _phone_number(head: str, value: str) -> str:
    """As it is written on the card, else that of the WhatsApp account behind it."""
    written = bounded_line(value.rpartition("tel:")[2], 64)
    if any(character.isdigit() for character in written):
        return written
    account = _WAID_PARAMETER.search(head)
    return f"+{account.group(1)}" if account else ""
