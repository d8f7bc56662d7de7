"""Parts of a client that are imported and made at their first use: an API section nobody asks for costs nothing.

    tokens: Part[Tokens] = Part("managers.tokens:Tokens")

The annotation is for type checkers and editors, the text for Python; a test holds that both name the same class.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Generic, Protocol, Self, TypeVar, overload

T = TypeVar("T")


class Whole(Protocol):
    """What parts belong to: it says what the part of a name is built on."""

    def _ground(self, name: str) -> Any: ...


class Part(Generic[T]):
    """An attribute that makes itself: `module:class` below portico.sdk, called with what its owner says is under it."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, whole: None, owner: type) -> Self: ...
    @overload
    def __get__(self, whole: Whole, owner: type) -> T: ...
    def __get__(self, whole: Whole | None, owner: type) -> Self | T:
        if whole is None:
            return self
        module, _, kind = self.target.partition(":")
        made = getattr(import_module(f"portico.sdk.{module}"), kind)(whole._ground(self.name))
        # Found there without us from now on; of two threads that came at once, both get the first one's.
        part: T = whole.__dict__.setdefault(self.name, made)
        return part


def parts_of(kind: type) -> dict[str, Part[Any]]:
    """Name to part, of a class and what it inherits."""
    return {name: part for base in reversed(kind.__mro__) for name, part in vars(base).items() if _is_part(part)}


def _is_part(member: object) -> bool:
    return isinstance(member, Part)
