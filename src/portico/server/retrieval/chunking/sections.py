"""Blocks to sections: what stands under one heading, with the headings above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from portico.server.retrieval.blocks import Block
from portico.server.retrieval.chunking.units import Unit, read_units

_NAME_LONGEST = 120


@dataclass(slots=True)
class Section:
    """`path` are the headings from the highest to its own; they stand in the text of the section that follows them."""

    path: tuple[str, ...] = ()
    units: list[Unit] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(unit.size for unit in self.units)

    @property
    def is_one_page(self) -> bool:
        return len({unit.page for unit in self.units}) == 1


def read_sections(blocks: Iterable[Block], limit: int) -> Iterator[Section]:
    """No unit is larger than `limit` characters. A heading without a text goes with the next one."""
    levels: list[tuple[int, str]] = []
    section, titles = Section(), list[Block]()
    for block in blocks:
        if block.kind == "title":
            if section.units:
                yield section
                section = Section()
            level = max(block.level, 1)
            levels = [one for one in levels if one[0] < level] + [(level, _name(block.text))]
            titles.append(block)
            continue
        if not section.units:
            section.path = tuple(name for _, name in levels)
        section.units += _with_titles(titles, block, limit)
        titles = []
    if titles:
        section = _only_titles(section, titles, levels, limit) if not section.units else section
    if section.units:
        yield section


def _only_titles(section: Section, titles: list[Block], levels: list[tuple[int, str]], limit: int) -> Section:
    section.path = tuple(name for _, name in levels[:-1])
    section.units = [unit for title in titles for unit in read_units(title, limit)]
    return section


def _with_titles(titles: list[Block], block: Block, limit: int) -> Iterator[Unit]:
    """Headings are never parted from what follows them, unless they take too much of the place."""
    if not titles:
        yield from read_units(block, limit)
        return
    lead = "\n".join(title.text for title in titles)
    if len(lead) > limit // 2:
        for title in titles:
            yield from read_units(title, limit)
        yield from read_units(block, limit)
        return
    first, *rest = read_units(block, limit - len(lead) - 2)
    line = titles[0].line_from if titles[0].page == first.page else first.first
    if first.header:
        yield replace(first, lead=lead, first=line)
    else:
        yield replace(first, text=f"{lead}\n\n{first.text}", glue="\n\n", first=line)
    yield from rest


def _name(title: str) -> str:
    name = " ".join(title.split())
    return name if len(name) <= _NAME_LONGEST else name[: _NAME_LONGEST - 1] + "…"


def merge_tiny(sections: Iterable[Section], tiny: int, most: int) -> Iterator[Section]:
    """Neighbours below the same heading that are tiny become one, as long as it is no larger than `most`."""
    group: list[Section] = []
    for section in sections:
        is_tiny = section.size <= tiny and not any(unit.header for unit in section.units)
        fits = group and sum(one.size for one in group) + section.size <= most
        if is_tiny and group and fits and section.path[:-1] == group[0].path[:-1] and section.path[:-1]:
            group.append(section)
            continue
        yield from _merged(group)
        group = [section]
        if not is_tiny:
            yield section
            group = []
    yield from _merged(group)


def _merged(group: list[Section]) -> Iterator[Section]:
    if len(group) < 2:
        yield from group
        return
    page = group[0].units[0].page
    units = [replace(unit, page=page) for section in group for unit in section.units]
    yield Section(group[0].path[:-1], units)
