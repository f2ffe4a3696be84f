"""Reads the OpenAPI document for tests: its operations, and whether a response matches it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Schema = dict[str, Any]
_JSON, _PROBLEM = "application/json", "application/problem+json"
_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    document: Schema
    method: str
    path: str
    about: Schema

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def parameters(self, place: str) -> dict[str, Schema]:
        """Of the path, the query or the header: name and schema."""
        return {item["name"]: item["schema"] for item in self.about.get("parameters", []) if item["in"] == place}

    @property
    def body(self) -> Schema | None:
        content: Schema = self.about.get("requestBody", {}).get("content", {})
        return content[_JSON]["schema"] if content else None

    def wrongs(self, status: int, media_type: str, value: Any) -> list[str]:
        """What is wrong with an answer; empty when it is as promised."""
        promised = self.about["responses"].get(str(status))
        if promised is None:
            return [f"{self.name}: nothing promises the status {status}"]
        expected = _JSON if status < 400 else _PROBLEM
        if media_type != expected:
            return [f"{self.name}: {status} as {media_type!r} instead of {expected}"]
        return list(_wrongs(self.document, promised["content"][expected]["schema"], value, f"{self.name} {status}"))


def operations(document: Schema) -> list[Operation]:
    return [
        Operation(document, method.upper(), path, about)
        for path, methods in document["paths"].items()
        for method, about in methods.items()
    ]


def resolved(document: Schema, schema: Schema) -> Schema:
    """With its reference followed."""
    if "$ref" in schema:
        found: Schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return found
    return schema


def _wrongs(document: Schema, schema: Schema, value: Any, where: str) -> Iterator[str]:
    schema = resolved(document, schema)
    if options := schema.get("anyOf"):
        tries = [list(_wrongs(document, option, value, where)) for option in options]
        if all(tries):
            yield min(tries, key=len)[0]
        return
    if "const" in schema and value != schema["const"]:
        yield f"{where}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum']}"
    kind = schema.get("type")
    if kind and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{where}: {value!r} is no {kind}"
    elif kind == "object":
        yield from _object_wrongs(document, schema, value, where)
    elif kind == "array":
        for number, item in enumerate(value):
            yield from _wrongs(document, schema.get("items", {}), item, f"{where}.{number}")
    elif kind == "string":
        yield from _string_wrongs(schema, value, where)


def _object_wrongs(document: Schema, schema: Schema, value: dict[str, Any], where: str) -> Iterator[str]:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    yield from (f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value)
    for name, item in value.items():
        if name in known:
            yield from _wrongs(document, known[name], item, f"{where}.{name}")
        elif more is False:
            yield f"{where}: {name} is not promised"
        elif isinstance(more, dict):
            yield from _wrongs(document, more, item, f"{where}.{name}")


def _string_wrongs(schema: Schema, value: str, where: str) -> Iterator[str]:
    if schema.get("format") == "date-time" and datetime.fromisoformat(value).tzinfo is None:
        yield f"{where}: {value!r} has no time zone"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{where}: {value!r} is not like {schema['pattern']}"
