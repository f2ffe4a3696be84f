"""Names and phone numbers in contact cards (vCard, RFC 6350, as phones write them). Pure."""

import re

from shared.text.bounded_text import MAX_NAME, bounded_line

MAX_CARD_CHARACTERS = 65_536
"""Only so much of a card is read; phones put photographs behind the numbers."""
MAX_CARD_NUMBERS = 20
_FOLDED_LINE = re.compile(r"\r?\n[ \t]")
_WAID_PARAMETER = re.compile(r";\s*waid=(\d{5,20})", re.IGNORECASE)


def format_card(name: str, card: str) -> str:
    """`João: +55 11 98888-7777`, with all numbers; a missing name or number is left out."""
    numbers, full_name = [], ""
    for line in _FOLDED_LINE.sub("", card[:MAX_CARD_CHARACTERS]).splitlines():
        head, _, value = line.partition(":")
        label = head.partition(";")[0].rpartition(".")[2].strip().upper()
        if label == "TEL":
            numbers.append(_phone_number(head, value))
        elif label == "FN":
            full_name = full_name or value
    distinct_numbers = list(dict.fromkeys(number for number in numbers if number))
    shown_name = bounded_line(name or full_name.replace("\\,", ",").replace("\\;", ";"), MAX_NAME)
    return ": ".join(part for part in (shown_name, ", ".join(distinct_numbers[:MAX_CARD_NUMBERS])) if part)


def _phone_number(head: str, value: str) -> str:
    """The number as written on the card, else the number of its WhatsApp account; may be empty."""
    number = bounded_line(value.rpartition("tel:")[2], 64)
    if any(character.isdigit() for character in number):
        return number
    waid = _WAID_PARAMETER.search(head)
    return f"+{waid.group(1)}" if waid else ""
