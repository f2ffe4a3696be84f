"""Every text and list from outside has a limit, in REST routes and in requests and queries of NATS."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.errors import Problem
from shared.contracts.message import Message
from shared.text.json_input import MAX_JSON_DEPTH, parse_json
from tests.component.api.conftest import Api, api, own_bus, settings
from tests.component.api.document import Operation, Schema, operations
from tests.nats_messages import QUERIES, REQUESTS

__all__ = ["api", "own_bus", "settings"]
ASKED: list[type[Message]] = [*QUERIES, *REQUESTS]
BOUNDED_ELSEWHERE = {
    "ChangeOrganizationRequest.settings": "the route checks each setting; the message is bounded by NATS",
    "answers": "not from outside",
}


def unbounded(document: Schema, schema: Schema, place: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Texts without maxLength and lists without maxItems, below this schema."""
    if reference := schema.get("$ref"):
        if reference in seen:
            return
        seen |= {reference}
        schema = {**followed(document, reference), **{key: value for key, value in schema.items() if key != "$ref"}}
    if schema.get("type") == "string" and not bounded_text(schema):
        yield place
    if schema.get("type") == "array" and "maxItems" not in schema:
        yield f"{place} (a list)"
    for name, part in parts(schema):
        yield from unbounded(document, part, f"{place}{name}", seen)


def followed(document: Schema, reference: str) -> Schema:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def parts(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """What it is made of, with the place of each."""
    outer = {key: schema[key] for key in ("maxLength", "maxItems") if key in schema}
    yield from (("", {**option, **outer}) for option in schema.get("anyOf", ()))
    yield from ((".*", item) for item in (schema.get("items"), *schema.get("prefixItems", ())) if item)
    yield from ((f".{name}", field) for name, field in schema.get("properties", {}).items())
    if isinstance(more := schema.get("additionalProperties"), dict):
        yield ".*", more


def bounded_text(schema: Schema) -> bool:
    if schema.keys() & {"maxLength", "enum", "const"} or schema.get("format") == "date-time":
        return True
    return _short_pattern(schema.get("pattern", ""))


def _short_pattern(pattern: str) -> bool:
    """Of a fixed length, from end to end."""
    return pattern.startswith("^") and pattern.endswith("$") and "*" not in pattern and "+" not in pattern


def of_operation(operation: Operation) -> Iterator[str]:
    for place in ("query", "header", "cookie"):
        for name, schema in operation.parameters(place).items():
            yield from unbounded(operation.document, schema, f"{operation.name} {place} {name}")
    if operation.body:
        yield from unbounded(operation.document, operation.body, f"{operation.name} body")


async def test_every_text_and_list_of_every_route_is_bounded(api: Api) -> None:
    """Paths are bounded as a whole (services/api/middleware/request_context.py)."""
    async with api.client() as http:
        document = (await http.get("/openapi.json")).json()
    found = [place for operation in operations(document) for place in of_operation(operation)]
    assert not found, found


def test_every_text_and_list_of_every_query_is_bounded() -> None:
    found: list[str] = []
    for cls in ASKED:
        schema = cls.model_json_schema()
        for name, field in schema["properties"].items():
            if f"{cls.__name__}.{name}" not in BOUNDED_ELSEWHERE and name != "instance_id":
                found += unbounded(schema, field, f"{cls.__name__}.{name}")
    assert not found, found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * (MAX_JSON_DEPTH + 1) + b"]" * (MAX_JSON_DEPTH + 1), "deep"),
        (b'{"a":' * (MAX_JSON_DEPTH + 1) + b"1" + b"}" * (MAX_JSON_DEPTH + 1), "deep"),
        (b'[["[", "]"], ' + b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH + b"]", "deep"),
        (b"[" + b"{}," * 2_001 + b"1]", "in all"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": {"b": 1, "b": 2}}', "twice"),
        (b"NaN", "NaN"),
        (b"[1e400]", "too large"),
        (b"-Infinity", "Infinity"),
        (b"1" * 301, "digits"),
        (b"1" * 5000, "digits"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"\xff", "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b"{", "valid JSON"),
        (b"", "valid JSON"),
        ("{}".encode("utf-16"), "UTF-8"),
    ],
)
def test_refused_json_has_its_reason(text: bytes, said: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_json(text)
    assert (refused.value.status, said in refused.value.detail) == (422, True), refused.value.detail


@pytest.mark.parametrize(
    "value",
    [
        {"text": "[[[{{{" * 50, "more": '\\" ]]'},
        ["\U0001f600", "\u0000", ""],
        [[[1]]] * 50,
        {"a": {"b": 1}, "b": {"b": 1}},
        -(1 << 70),
    ],
)
def test_accepted_json_is_parsed(value: Any) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode("utf-8-sig")) == value
