"""CSS selectors that say which parts of a page are read: tags, `#id`, `.class`, `[attribute]`, joined by blanks or `>`.

They are matched while a page is read, against the elements that are open: what comes later on the page, such as
siblings, cannot be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_PARTS = 10
_NAME = r"-?[A-Za-z_\u0080-\uffff][\w\u0080-\uffff-]*"
_SIMPLE = re.compile(
    rf"(?P<tag>{_NAME}|\*)|#(?P<id>[\w\u0080-\uffff-]+)|\.(?P<name>{_NAME})"
    rf"|\[\s*(?P<attribute>{_NAME})\s*(?:(?P<sign>[~|^$*]?=)\s*(?:\"(?P<one>[^\"]*)\"|'(?P<two>[^']*)'|(?P<bare>{_NAME}))\s*)?\]"
)
_JOIN = re.compile(r"\s*>\s*|\s+")
_HINT = "write tags, #id, .class and [attribute=value], joined by blanks or >, such as main .content"


class SelectorInvalid(ValueError):
    """The message says what can be written."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element that is open. `attributes` by names in lower case."""

    tag: str
    attributes: Mapping[str, str | None]

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()


@dataclass(frozen=True, slots=True)
class _Compound:
    """All of it must fit one element. `is_child`: the parent fits what stands before."""

    is_child: bool
    tag: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    attributes: tuple[tuple[str, str, str], ...]

    def fits(self, element: Element) -> bool:
        return (
            self.tag in ("*", element.tag)
            and all(one == element.attributes.get("id") for one in self.ids)
            and (not self.names or set(self.names) <= set(element.classes))
            and all(_has(element, *one) for one in self.attributes)
        )


@dataclass(frozen=True, slots=True)
class Selector:
    """One, or several with commas between them."""

    chains: tuple[tuple[_Compound, ...], ...]

    @property
    def is_everything(self) -> bool:
        """Whether it names the whole page, which need not have these tags in its source."""
        return any(len(chain) == 1 and chain[0] in _WHOLE for chain in self.chains)

    def fits(self, path: Sequence[Element]) -> bool:
        """Whether the last element of the path fits; the others are those that it lies in, the outermost first."""
        return any(chain[-1].fits(path[-1]) and _fits(chain, path) for chain in self.chains)


_WHOLE = tuple(_Compound(False, tag, (), (), ()) for tag in ("body", "html", "*"))


def read_selector(text: str) -> Selector:
    """Raises SelectorInvalid."""
    chains, at, text = [], 0, text.strip()
    while True:
        chain, at = _read_chain(text, at)
        chains.append(chain)
        if at == len(text):
            return Selector(tuple(chains))
        at = len(text) - len(text[at + 1 :].lstrip())


def _read_chain(text: str, at: int) -> tuple[tuple[_Compound, ...], int]:
    chain: list[_Compound] = []
    is_child = False
    while True:
        compound, at = _read_compound(text, at, is_child=is_child)
        chain.append(compound)
        if len(chain) > MOST_PARTS:
            raise SelectorInvalid(f"at most {MOST_PARTS} elements, one in another")
        joined = _JOIN.match(text, at)
        end = joined.end() if joined else at
        if end == len(text) or text[end] == ",":
            if joined and ">" in joined[0]:
                raise SelectorInvalid(_HINT)
            return tuple(chain), end
        if joined is None:
            raise SelectorInvalid(_HINT)
        is_child, at = ">" in joined[0], end


def _read_compound(text: str, at: int, *, is_child: bool) -> tuple[_Compound, int]:
    tag, begun = "*", at
    ids: list[str] = []
    names: list[str] = []
    attributes: list[tuple[str, str, str]] = []
    while found := _SIMPLE.match(text, at):
        if found["tag"]:
            if at > begun:
                raise SelectorInvalid(_HINT)
            tag = found["tag"].lower()
        elif found["id"]:
            ids.append(found["id"])
        elif found["name"]:
            names.append(found["name"])
        else:
            value = found["one"] or found["two"] or found["bare"] or ""
            attributes.append((found["attribute"].lower(), found["sign"] or "", value))
        at = found.end()
    if at == begun:
        raise SelectorInvalid(_HINT)
    return _Compound(is_child, tag, tuple(ids), tuple(names), tuple(attributes)), at


def _has(element: Element, name: str, sign: str, wanted: str) -> bool:
    if name not in element.attributes:
        return False
    value = element.attributes[name] or ""
    match sign:
        case "":
            return True
        case "=":
            return value == wanted
        case "~=":
            return wanted in value.split()
        case "|=":
            return value == wanted or value.startswith(f"{wanted}-")
        case "^=":
            return bool(wanted) and value.startswith(wanted)
        case "$=":
            return bool(wanted) and value.endswith(wanted)
        case _:
            return bool(wanted) and wanted in value


def _fits(chain: Sequence[_Compound], path: Sequence[Element]) -> bool:
    """Place by place from the outermost element: which of them can be the end of the chain so far."""
    ends = [chain[0].fits(element) for element in path]
    for compound in chain[1:]:
        is_below = False
        now = []
        for place, element in enumerate(path):
            reached = (place > 0 and ends[place - 1]) if compound.is_child else is_below
            now.append(reached and compound.fits(element))
            is_below = is_below or ends[place]
        ends = now
    return ends[-1]
