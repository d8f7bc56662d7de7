"""The error tree is drawn as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from portico.server import errors
from portico.server.errors import PorticoError

SERVER = Path(errors.__file__).parent


def subclasses(kind: type[PorticoError]) -> Iterator[type[PorticoError]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_every_error_stands_in_the_drawing_and_none_else() -> None:
    drawn = set(re.findall(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*(?=[ ·\n])", (errors.__doc__ or "").split("\n\n")[1]))
    ours = {kind.__name__ for kind in subclasses(PorticoError) if kind.__module__ == errors.__name__}
    assert drawn == ours | {"PorticoError"}


def test_the_rooms_with_refusals_of_their_own_are_named() -> None:
    named = set(re.findall(r"`([\w/]+refusals\.py)`", errors.__doc__ or ""))
    assert named == {str(path.relative_to(SERVER)) for path in SERVER.rglob("*refusals.py")}
