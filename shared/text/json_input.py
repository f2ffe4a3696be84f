"""Parses JSON of clients with limits on depth, size and numbers, so that validation, MongoDB and serialization cannot
fail on it."""

import json
import math
import re
from typing import Any

from shared.contracts.errors import Problem

MAX_JSON_DEPTH = 32
"""Levels of nested lists and objects."""
MAX_JSON_CONTAINERS = 2_000
"""Lists and objects in total: each costs time to validate."""
_MAX_DIGITS = 300
"""Of a whole number; fields of the contract allow fewer."""
_TEXT = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(data: bytes, what: str = "the body") -> Any:
    """`what` names the input in errors. Raises Problem 422 `invalid_json`; `validation_failed` for half of a surrogate
    pair (`\\ud800`)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(422, "invalid_json", f"{what} is not valid JSON in UTF-8") from error
    try:
        _require_shallow(text)
        parsed = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant
        )
    except json.JSONDecodeError as error:
        raise Problem(422, "invalid_json", f"{what} is not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise Problem(422, "invalid_json", f"{what} is not JSON that is taken here: {error}") from error
    if _SURROGATE.search(text):
        _require_whole_characters(parsed, what)
    return parsed


def _require_shallow(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    bare = _TEXT.sub("", text)
    if bare.count("[") + bare.count("{") > MAX_JSON_CONTAINERS:
        raise ValueError(f"there may be at most {MAX_JSON_CONTAINERS} lists and objects in all")
    depth = 0
    for bracket in _BRACKET.finditer(bare):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_JSON_DEPTH:
            raise ValueError(f"lists and objects may stand within each other at most {MAX_JSON_DEPTH} deep")


def _require_whole_characters(parsed: Any, what: str) -> None:
    try:
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        detail = f"{what}: half of a surrogate pair is no character; write both halves, or the character itself"
        raise Problem(422, "validation_failed", detail) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    parsed = dict(pairs)
    if len(parsed) != len(pairs):
        raise ValueError("an object names the same field twice")
    return parsed


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"a whole number has more than {_MAX_DIGITS} digits")
    return int(text)


def _number(text: str) -> float:
    if not math.isfinite(parsed := float(text)):
        raise ValueError("a number is too large")
    return parsed


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
