"""Answers read with tolerance: unknown members are kept, nulls and numbers in quotes are accepted.

JSON that msgspec has parsed goes in, a `Shape` comes out; nothing that a server adds or leaves out breaks a reader.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

Reader = Callable[[Any], Any]
S = TypeVar("S", bound=msgspec.Struct)


class Shape(msgspec.Struct, kw_only=True, dict=True):
    """A JSON object with named members. `raw` is the object as it came, `extra` what no member stands for."""

    @property
    def raw(self) -> dict[str, Any]:
        raw: dict[str, Any] | None = self.__dict__.get("_raw")
        built: dict[str, Any] = msgspec.to_builtins(self) if raw is None else raw
        return built

    @property
    def extra(self) -> dict[str, Any]:
        known = type(self).__struct_encode_fields__
        return {name: value for name, value in self.raw.items() if name not in known}


def read_shape(kind: type[S], value: object) -> S:
    """`value` (parsed JSON) as a `kind`. A member that is null or of another type stays at its default.

    Raises ValueError when `value` is no object or a member without default is missing.
    """
    if not isinstance(value, dict):
        raise ValueError(f"a JSON object is expected, not {type(value).__name__}")
    members: dict[str, Any] = {}
    for name, wire_name, read in _plan(kind):
        given = value.get(wire_name)
        if given is None:
            continue
        try:
            members[name] = read(given)
        except ValueError:  # msgspec.ValidationError is one: the odd value is left to be seen in `raw`
            continue
    try:
        shape = kind(**members)
    except TypeError as error:
        raise ValueError(str(error)) from None
    if isinstance(shape, Shape):
        shape.__dict__["_raw"] = value
    return shape


@cache
def _plan(kind: type[msgspec.Struct]) -> list[tuple[str, str, Reader]]:
    hints = get_type_hints(kind)
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return [(name, wire_name, _reader(hints[name])) for name, wire_name in names]


def _reader(hint: Any) -> Reader:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        kinds = [kind for kind in get_args(hint) if kind not in (type(None), msgspec.UnsetType)]
        return _reader(kinds[0]) if len(kinds) == 1 else _converter(Union[tuple(kinds)])  # noqa: UP007
    if hint is Any:
        return lambda value: value
    if origin is list:
        return _list_reader(_reader(get_args(hint)[0]))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return lambda value: read_shape(hint, value)
    return _text if hint is str else _converter(hint)


def _list_reader(read: Reader) -> Reader:
    def read_list(value: Any) -> list[Any]:
        if not isinstance(value, list):
            value = [value]
        return [read(item) for item in value if item is not None]

    return read_list


def _converter(hint: Any) -> Reader:
    return lambda value: msgspec.convert(value, hint, strict=False)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("text is expected")
