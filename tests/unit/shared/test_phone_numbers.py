"""Numbers as people copy them from phones, web pages, chats and contact lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.text.phone_numbers import MAX_ADDRESS_INPUT, InvalidPhone, parse_address, parse_phone

COPIED = {
    "marks of direction": "\u202a+49 176 12340987\u202c",
    "an address book": "\u202d+49 176 12340987\u202c",
    "a mark in front": "\u200e+4917612340987",
    "isolates": "\u2066+49 176 12340987\u2069",
    "zero width blanks": "+49176\u200b1234\u20600987",
    "a soft hyphen": "+49176\u00ad12340987",
    "a byte order mark": "\ufeff+4917612340987",
    "non-breaking hyphens": "+49\u2011176\u201112340987",
    "dashes": "+49 176\u20131234\u20140987",
    "minus signs": "+49\u2212176\u221212340987",
    "blanks of several widths": "+49\u00a0176\u20091234\u202f0987",
    "a tab and a line break": "+49\t176 12340987\r\n",
    "dots in the middle": "+49·176·12340987",
    "brackets": "[+49] (176) 1234/0987",
    "the trunk zero": "+49 (0)176 12340987",
    "the prefix of calls abroad": "0049 176 12340987",
    "a tel link": "tel:+49-176-1234-0987",
    "a tel link, escaped": "TEL:%2B4917612340987",
    "a tel link between angles": "<tel:+4917612340987>",
    "an sms link": "sms:+4917612340987",
    "a chat link": "https://wa.me/4917612340987",
    "a chat link with a text": "wa.me/+4917612340987?text=Hello%20you",
    "a chat link in capitals": "HTTPS://WA.ME/4917612340987/",
    "the other chat link": "https://api.whatsapp.com/send/?phone=%2B4917612340987&text&app_absent=0",
    "the other chat link, unescaped": "api.whatsapp.com/send?phone=+49 176 12340987",
    "the web client": "https://web.whatsapp.com/send?phone=4917612340987&text=hi",
    "the app": "whatsapp://send?phone=4917612340987",
    "quotes of a table": '"+49 176 12340987",',
    "an apostrophe of a table": "'+4917612340987",
    "a wide plus": "＋4917612340987",
    "wide digits": "＋４９　１７６　１２３４０９８７",
    "Arabic digits": "+٤٩١٧٦١٢٣٤٠٩٨٧",
    "Persian digits": "+۴۹۱۷۶۱۲۳۴۰۹۸۷",
    "Devanagari digits": "+४९१७६१२३४०९८७",
    "digits as emoji": "➕4️⃣9️⃣17612340987",
    "a JID": "4917612340987@s.whatsapp.net",
    "a JID of the old kind": "4917612340987@c.us",
    "a JID with a mark": "\u200e4917612340987@S.WhatsApp.net ",
    "a JID with a device": "4917612340987:3@s.whatsapp.net",
    "a JID with an agent and a device": "4917612340987.0:3@s.whatsapp.net",
    "a hosted JID": "4917612340987:99@hosted",
}
REFUSED = {
    "a group": "4917612340987@g.us",
    "a broadcast list": "4917612340987@broadcast",
    "a channel": "4917612340987@newsletter",
    "an e-mail address": "4917612340987@example.com",
    "two numbers": "+4917612340987, +4917612340988",
    "an extension": "tel:+4917612340987;ext=5",
    "an extension in words": "+49 176 12340987 ext. 5",
    "a footnote": "+49 176 12340987²",
    "a short link": "https://wa.me/message/ABCDEFGH",
    "a chat link without a number": "https://wa.me/",
    "a link to somewhere else": "https://example.com/4917612340987",
    "a broken link": "https://wa.me//[x",
    "a number without its country": "0176 12340987",
    "a second device": "4917612340987:3:4@s.whatsapp.net",
    "nobody": "@s.whatsapp.net",
    "letters": "+49 176 CALL-NOW",
}


@pytest.mark.parametrize("written", COPIED.values(), ids=COPIED)
def test_a_number_is_understood_as_people_copy_it(written: str) -> None:
    assert parse_phone(written) == parse_address(written) == "4917612340987"


@pytest.mark.parametrize("written", REFUSED.values(), ids=REFUSED)
def test_what_is_not_surely_one_phone_is_refused(written: str) -> None:
    with pytest.raises(InvalidPhone, match=r"write|include"):
        parse_address(written)


def test_digits_that_are_shown_in_reverse_are_refused() -> None:
    """An attack: the person reads +49 176 12340987 and the message goes to whoever has the number in reverse."""
    with pytest.raises(InvalidPhone, match="reverse order"):
        parse_phone("\u202e" + "+4917612340987"[::-1])


def test_what_is_too_long_is_refused_before_it_is_looked_at() -> None:
    for long in ("9" * (MAX_ADDRESS_INPUT + 1), "\u200b" * 10_000_000, "9" * 100 + "@lid", "wa.me/" * 100):
        with pytest.raises(InvalidPhone):
            parse_address(long)


@pytest.mark.parametrize("written", ["111@lid", "\u200e111@lid ", "111:3@lid", "111.1:3@lid", "111@hosted.lid"])
def test_the_address_of_a_hidden_number_has_no_device(written: str) -> None:
    assert parse_address(written) == "111@lid"
    with pytest.raises(InvalidPhone):
        parse_phone(written)


@given(st.text(max_size=80) | st.from_regex(r"\A(https?://|tel:|wa\.me/)?[+0-9()\-. :@/?=&%]{0,60}\Z"))
def test_whatever_is_written_gives_an_address_that_gives_itself_or_is_refused(written: str) -> None:
    try:
        address = parse_address(written)
    except InvalidPhone:
        return
    assert parse_address(address) == address
    assert address.removesuffix("@lid").isascii()
