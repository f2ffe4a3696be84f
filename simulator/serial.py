"""Dataclasses to JSON and back by their type hints: bytes as base64, dictionaries as pairs."""

import base64
import dataclasses
import types
from functools import lru_cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value of dataclasses, tuples, lists, dictionaries, bytes and scalars as JSON-ready data."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _hints(type(value))}
    if isinstance(value, dict):
        return [[to_plain(key), to_plain(item)] for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: type[T], plain: Any) -> T:
    """Inverse of `to_plain`. Fields that are missing take their default; unknown ones are ignored."""
    return cast(T, _read(kind, plain))


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {item.name: hints[item.name] for item in dataclasses.fields(kind) if item.metadata.get("kept", True)}


def _read(kind: Any, plain: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        chosen = next(item for item in arguments if item is not type(None))
        return None if plain is None else _read(chosen, plain)
    if kind is bytes:
        return base64.b64decode(plain)
    if dataclasses.is_dataclass(kind):
        hints = _hints(cast(type, kind))
        return cast(type, kind)(**{name: _read(hints[name], item) for name, item in plain.items() if name in hints})
    if origin is dict:
        return {_read(arguments[0], key): _read(arguments[1], item) for key, item in plain}
    if origin is list:
        return [_read(arguments[0], item) for item in plain]
    if origin is tuple:
        kinds = [arguments[0]] * len(plain) if arguments[-1] is Ellipsis else arguments
        return tuple(_read(item_kind, item) for item_kind, item in zip(kinds, plain, strict=True))
    return plain
