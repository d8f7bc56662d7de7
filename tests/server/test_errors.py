"""The error tree is drawn as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from portico.server import errors
from portico.server.access import refusals
from portico.server.errors import PorticoError


def subclasses(kind: type[PorticoError]) -> Iterator[type[PorticoError]]:
    for below in kind.__subclasses__():
        yield below
        yield from subclasses(below)


def test_every_error_stands_in_the_drawing_and_none_else() -> None:
    drawn = set(re.findall(r"[A-Z][a-z]+(?:[A-Z][a-z]+)*(?=[ *·\n])", (errors.__doc__ or "").split("\n\n")[1]))
    ours = {
        kind.__name__ for kind in subclasses(PorticoError) if kind.__module__ in (errors.__name__, refusals.__name__)
    }
    assert drawn == ours | {"PorticoError"}


def test_those_of_the_access_room_have_their_star() -> None:
    starred = set(re.findall(r"(\w+)\*", errors.__doc__ or ""))
    assert starred == {kind.__name__ for kind in subclasses(PorticoError) if kind.__module__ == refusals.__name__}
