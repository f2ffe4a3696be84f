"""Cursors round-trip, and everything else is refused."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.views.pagination import CURSOR_PATTERN, decode_cursor, decode_key_cursor, encode_cursor
from shared.contracts.errors import Problem
from shared.contracts.order_keys import MAX_ORDER_KEY, key_at

TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@given(TIMES, st.text(max_size=20))
def test_a_time_cursor_round_trips(at: datetime, document_id: str) -> None:
    kept = at.replace(microsecond=at.microsecond // 1000 * 1000)  # what MongoDB keeps
    assert decode_cursor(encode_cursor(kept, document_id)) == (kept, document_id)


@given(st.integers(0, MAX_ORDER_KEY), st.text(max_size=20))
def test_a_key_cursor_round_trips(order_key: int, document_id: str) -> None:
    assert decode_key_cursor(encode_cursor(order_key, document_id)) == (order_key, document_id)


@given(TIMES.filter(lambda at: at < datetime(2100, 1, 1, tzinfo=UTC)), st.text(max_size=20))
def test_a_cursor_of_an_earlier_version_skips_nothing(at: datetime, document_id: str) -> None:
    kept = at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert decode_key_cursor(encode_cursor(kept, document_id)) == (key_at(kept) + 1000, "")


def outcome(text: str) -> object:
    """What is decoded for both kinds of lists, or the code of the refusal."""
    try:
        return decode_cursor(text), decode_key_cursor(text)
    except Problem as problem:
        return problem.code


@given(st.text(max_size=100).filter(lambda text: not re.fullmatch(CURSOR_PATTERN, text)))
def test_any_other_text_is_refused_with_a_problem(text: str) -> None:
    assert outcome(text) == "invalid_cursor"


@given(st.from_regex(CURSOR_PATTERN.replace("?$", r"\Z")))
def test_every_text_of_the_documented_form_is_a_position_in_a_list(text: str) -> None:
    assert isinstance(outcome(text), tuple)


@pytest.mark.parametrize("text", ["1.a\n", "\ud8001.a", "1.\ud800", "9" * 17 + ".a", "-1.a", "W10", "null", "١.a"])
def test_what_only_looks_like_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem):
        decode_cursor(text)
