"""Search: what is folded to the same, which terms a text has, and that each part of a text is found by them."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.text.folding import folded
from shared.text.search_terms import (
    MAX_PART,
    MAX_RUN,
    MAX_SORT_BYTES,
    MAX_TERM,
    Search,
    SearchedContact,
    contact_fields,
    is_unspaced,
    message_terms,
    pairs,
    parts_of,
    runs,
    searched,
    sort_name,
    terms_of,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("İSTANBUL", "istanbul"),
        ("ılık", "ILIK"),
        ("Ærø", "aero"),
        ("Łódź", "lodz"),
        ("ＡＢＣ１２３", "abc123"),
        ("٣٤٥", "345"),
        ("۳۴۵", "345"),
        ("१२", "12"),
        ("é", "e\u0301"),
        ("don’t", "don't"),
        ("أحمد", "احمد"),
        ("مُحَمَّد", "محمد"),
        ("ｶﾞ", "ガ"),
        ("Ёлка", "елка"),
        ("ﬁne", "fine"),
        ("👍🏽", "👍"),
        ("❤️", "❤"),
        ("a\u200db", "ab"),
        ("\u202a+49\u202c", "+49"),
        ("a" + "\u0301" * 100, "a"),
        ("ﺍﻟﺴﻼﻡ", "السلام"),
        ("\ud800x", "x"),
        ("e\u0323\u0302", "ệ"),
        ("ﾊﾝｸﾞﾙ", "ハングル"),
        ("a\x00b\tc\u2028d", "a b c d"),
        ("x\U0010ffffy", "xy"),
    ],
)
def test_what_people_take_for_the_same_is_folded_to_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"), [("が", "か"), ("हिंदी", "हदी"), ("क्या", "कया"), ("กุ", "ก"), ("한", "하"), ("n", "m")]
)
def test_what_makes_another_word_is_kept(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ud800", "\u3164", "́́", "\x00"])
def test_of_what_shows_nothing_nothing_is_left(text: str) -> None:
    assert folded(text).strip() == ""
    assert terms_of(text) == []
    assert Search.of(text) is None


def test_a_text_has_words_and_of_scripts_without_blanks_pairs() -> None:
    assert terms_of("Olá, olá! me@example.org_1 👍👍") == ["ola", "me", "example", "org", "1", "👍"]
    assert terms_of("iPhone手机壳好") == ["iphone", "手机", "机壳", "壳好"]
    assert terms_of("好") == ["好"]
    assert parts_of("abca") == ["abca", "bca", "ca", "a"]


def test_what_is_stored_of_a_text_is_bounded() -> None:
    for text in ("x" * 70_000, "ﷺ" * 70_000, "a b " * 20_000, "明" * 70_000, "a\u0301" * 40_000, "힣" * 70_000):
        terms = terms_of(text)
        assert sum(map(len, terms)) <= 2 * 12_000
        assert all(len(term) <= MAX_TERM for term in terms)
        assert all(len(part) <= MAX_PART for term in terms for part in parts_of(term))
    letters = "".join(string.ascii_lowercase[number * number % 26] for number in range(MAX_RUN * 2))
    assert len(terms_of(letters)) == 3


def is_looked_up(terms: list[str], run: str) -> bool:
    """As services/api/views/list_search.py does in MongoDB."""
    if is_unspaced(run) and len(run) > 1:
        return set(pairs(run)) <= set(terms)
    return any(part.startswith(run[:MAX_PART]) for term in terms for part in parts_of(term))


WORDS = st.lists(
    st.text(st.sampled_from("abcß éØıİ明天桌สวัดีかがガｶﾞ한국مُحहि0９٤👍🏽\u200d’'-_.@/\n\u0301"), min_size=1, max_size=90),
    max_size=6,
)


@settings(max_examples=400, deadline=None)
@given(WORDS, st.data())
def test_every_part_of_a_word_is_found(words: list[str], data: st.DataObject) -> None:
    text = " ".join(words)
    shown = searched(text).split()
    if not shown or any(len(run) > MAX_RUN for run in runs(searched(text))):
        return
    word = data.draw(st.sampled_from(shown))
    start = data.draw(st.integers(0, len(word) - 1))
    part = word[start : data.draw(st.integers(start + 1, len(word)))]
    search = Search.of(part)
    assert search is not None
    if search.words:
        assert search.matches_text(text)
        assert all(is_looked_up(terms_of(text), run) for run in search.runs())


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_anything_can_be_stored_and_searched_for(text: str) -> None:
    stored = [*terms_of(text), *contact_fields(text, "49", None, [])["search_parts"]]
    assert all(term and term.encode() for term in stored)
    if (search := Search.of(text)) is not None:
        assert all(runs(word) for word in search.words)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("mül", True),
        ("ULLER", True),
        ("anna müll", True),
        ("müll anna", True),
        ("anna schmidt", False),
        ("o'br", True),
        ("obr", False),
        ("+49 151 123-456", True),
        ("0151 / 123456", True),
        ("0049 151", True),
        ("49151123456", True),
        ("+49 (0)151 123", True),
        ("anna 151", True),
        ("1512", False),
        ("4930", True),
        ("?!", False),
        ("9", True),
        ("８", False),
        ("１５１", True),
        ("٤٩١٥١", True),
    ],
)
def test_a_contact_is_found_by_name_and_number(search: str, found: bool) -> None:
    contact: SearchedContact = {
        "name": "Anna O’Brien-Müller",
        "phone_number": "49151123456",
        "aliases": ["phone:493077", "lid:88888"],
    }
    parsed = Search.of(search)
    assert parsed is not None
    assert parsed.matches_contact(contact) is found


def test_names_are_sorted_as_people_sort_them_and_who_has_none_comes_last() -> None:
    people = ["Ärger", "Zoe", "anna", "Ćwik", "Bert", None, "", "\u200b", "明", "👍"]
    order = sorted(people, key=lambda name: sort_name(name, "49"))
    assert order[:5] == ["anna", "Ärger", "Bert", "Ćwik", "Zoe"]
    assert set(order[-3:]) == {None, "", "\u200b"}
    assert sort_name(None, "1") < sort_name(None, "2")
    for name in ("x" * 500, "明" * 256, "👍" * 256, "ﷺ" * 256):
        assert 0 < len(sort_name(name, "").encode()) <= MAX_SORT_BYTES


def test_a_deleted_message_has_no_terms() -> None:
    assert message_terms("hello", is_revoked=False) == ["hello"]
    assert message_terms("hello", is_revoked=True) == []
    assert message_terms(None, is_revoked=False) == []
