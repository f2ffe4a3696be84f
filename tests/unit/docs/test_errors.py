"""docs/errors.md is read off the code: every refusal has a code that a program can rely on."""

import ast
import re

from docs.generate.errors import errors_page, problems_in, raised_errors


def test_codes_are_words_a_program_can_rely_on() -> None:
    codes, page = {place.code for place in raised_errors()}, errors_page()
    assert len(codes) > 50
    assert [code for code in codes if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*_?…?", code)] == []
    assert all(f"| `{code}` |" in page for code in codes)


def test_a_refusal_is_found_with_what_it_says() -> None:
    code = """
def f(x):
    detail = f"{x} is wrong; write it like 4915112345678"
    if x:
        raise Problem(409, "late" if x > 1 else "early", "later | never")
    raise Problem(422, "invalid_thing", detail)
    raise Problem(502, x.reason or "failed", str(x))
    raise Problem(x.status, x.code, x.detail)
"""
    assert sorted(problems_in(ast.parse(code))) == [
        ("early", "409", "later | never"),
        ("failed", "502", "…"),
        ("invalid_thing", "422", "… is wrong; write it like 4915112345678"),
        ("late", "409", "later | never"),
    ]
