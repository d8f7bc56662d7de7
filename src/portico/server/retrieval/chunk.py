"""Blocks of a document to the pieces that are embedded and searched.

Borders follow the document: headings, pages, paragraphs, rows, sentences, in this order. The same content gives the
same chunks, and what changes in one place changes only those near it, so that little has to be embedded again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import msgspec

from portico.server.retrieval.blocks import Parsed, WebPage
from portico.server.retrieval.chunking.borders import pack
from portico.server.retrieval.chunking.sections import merge_tiny, read_sections
from portico.server.retrieval.chunking.times import Times
from portico.server.retrieval.chunking.units import Unit, cut
from portico.server.retrieval.profile import ChunkRules

LEAST_SIZE = 40
"""Characters; smaller chunks than these are not made, whatever is asked."""
_TINY = 5
"""The part of the size below which neighbours are put together."""
_PATH = " > "
_SENTENCE = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+(?=[^a-z\s])|[。！？]+|\n\s*\n")
_ENDS = (".", "!", "?", "…", "。", "！", "？", ":", '."', ".)", ".”")


class Chunk(msgspec.Struct, frozen=True):
    """`searched` is what is embedded and found by its words: the headings above, and the text.

    A parent is returned to be read, not to be searched; `parent` of a child is its place in the same list. Lines are
    those of `page`, or of the file where it has no pages, without the overlap.
    """

    text: str
    searched: str
    heading: str = ""
    page: int | None = None
    line_from: int = 0
    line_to: int = 0
    parent: int | None = None
    is_parent: bool = False
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Piece:
    path: tuple[str, ...]
    units: tuple[Unit, ...]
    text: str


def split(parsed: Parsed, rules: ChunkRules) -> list[Chunk]:
    """In the order of the document, a parent before its children. Chunks of a `.custom` file stay as they are; those of
    a recording have times instead of lines."""
    if parsed.chunks is not None:
        return [Chunk(one.text, one.text, metadata=one.metadata) for one in parsed.chunks]
    if parsed.crawled is not None:
        return _split_pages(parsed.crawled, rules)
    pieces = _pieces(parsed, rules.size, rules.overlap)
    if rules.parent:
        chunks = _families(pieces, rules)
    else:
        chunks = [chunk for piece in pieces if (chunk := _chunk(piece, clean=rules.clean)) is not None]
    times = Times(parsed.blocks)
    return [_timed(chunk, times) for chunk in chunks] if times else chunks


def _timed(chunk: Chunk, times: Times) -> Chunk:
    told = times.of(chunk.line_from, chunk.line_to)
    return msgspec.structs.replace(chunk, line_from=0, line_to=0, metadata=told)


def _split_pages(pages: Sequence[WebPage], rules: ChunkRules) -> list[Chunk]:
    """Each as a document of its own, so that a chunk has one address, and names it."""
    chunks: list[Chunk] = []
    for page in pages:
        metadata = {"url": page.url, "title": page.title} if page.title else {"url": page.url}
        first = len(chunks)
        for one in split(Parsed(page.blocks), rules):
            parent = None if one.parent is None else first + one.parent
            chunks.append(msgspec.structs.replace(one, parent=parent, metadata=metadata))
    return chunks


def _families(pieces: Iterator[_Piece], rules: ChunkRules) -> list[Chunk]:
    chunks: list[Chunk] = []
    for piece in pieces:
        parent = _chunk(piece, clean=False)
        if parent is None:
            continue
        place = len(chunks)
        chunks.append(msgspec.structs.replace(parent, is_parent=True))
        for child in _children(piece, rules):
            chunk = _chunk(child, clean=rules.clean)
            if chunk is not None:
                chunks.append(msgspec.structs.replace(chunk, parent=place))
    return chunks


def _children(piece: _Piece, rules: ChunkRules) -> Iterator[_Piece]:
    size, overlap = _bounds(rules.child_size, rules.child_overlap)
    capacity = size - overlap
    units = [part for unit in piece.units for part in _shrunk(unit, capacity)]
    yield from _overlapping(piece.path, _runs(units, capacity), overlap)


def _shrunk(unit: Unit, capacity: int) -> Iterator[Unit]:
    """A header that takes too much of the place is left to the parent; its first row keeps it as text."""
    extra = len(unit.header) + len(unit.lead) + 3
    if extra <= capacity // 2:
        yield from cut(unit, capacity - (len(unit.header) + 1 if unit.header else 0))
    else:
        text = "\n".join(filter(None, (unit.lead, unit.header, unit.text))) if unit.lead else unit.text
        yield from cut(replace(unit, text=text, header="", lead=""), capacity)


def _pieces(parsed: Parsed, size: int, overlap: int) -> Iterator[_Piece]:
    size, overlap = _bounds(size, overlap)
    capacity = size - overlap
    tiny = size // _TINY
    for section in merge_tiny(read_sections(parsed.blocks, capacity), tiny, capacity):
        packs = _runs(section.units, capacity)
        yield from _overlapping(section.path, _gathered(packs, tiny, capacity), overlap)


def _bounds(size: int, overlap: int) -> tuple[int, int]:
    size = max(size, LEAST_SIZE)
    return size, max(min(overlap, size // 3), 0)


def _runs(units: Sequence[Unit], capacity: int) -> Iterator[list[Unit]]:
    """A page and a table are not mixed with others."""
    for (_, header), run in groupby(units, key=lambda unit: (unit.page, unit.header)):
        yield from pack([*run], capacity - (len(header) + 1 if header else 0))


def _gathered(packs: Iterator[list[Unit]], tiny: int, capacity: int) -> Iterator[list[Unit]]:
    """A tiny rest goes with what follows, or with what came before."""
    before: list[Unit] = []
    for units in packs:
        size = sum(unit.size for unit in units)
        held = sum(unit.size for unit in before)
        is_plain = not any(unit.header for unit in (*before, *units))
        if before and is_plain and min(size, held) <= tiny and held + size <= capacity:
            before = [*before, *units]
            continue
        if before:
            yield before
        before = units
    if before:
        yield before


def _overlapping(path: tuple[str, ...], packs: Iterator[list[Unit]], overlap: int) -> Iterator[_Piece]:
    before: list[Unit] = []
    for units in packs:
        own = _join(units)
        tail = ""
        if before and before[-1].is_prose and units[0].is_prose and overlap:
            tail = _tail(_join(before), overlap - len(units[0].glue))
        yield _Piece(path, tuple(units), f"{tail}{units[0].glue or ' '}{own}" if tail else own)
        before = units


def _join(units: Sequence[Unit]) -> str:
    first = units[0]
    parts = [
        *((f"{first.lead}\n\n",) if first.lead else ()),
        *((f"{first.header}\n",) if first.header else ()),
        first.text,
    ]
    for unit in units[1:]:
        parts += (unit.glue, unit.text)
    return "".join(parts)


def _tail(text: str, most: int) -> str:
    """The last whole sentences, or the last words of one that goes on."""
    if most < 1:
        return ""
    if len(text) <= most:
        return text
    window = text[-most:]
    found = _SENTENCE.search(window)
    if found and found.end() < len(window):
        return window[found.end() :].strip()
    if text.rstrip().endswith(_ENDS):
        return ""
    return window.partition(" ")[2].strip()


def _chunk(piece: _Piece, *, clean: bool) -> Chunk | None:
    text = _cleaned(piece.text) if clean else piece.text.strip("\n").rstrip()
    if not text.strip():
        return None
    heads = {line.strip() for line in text.split("\n", 6)[:6]}
    above = [name for name in piece.path if name not in heads]
    first = piece.units[0]
    return Chunk(
        text=text,
        searched=f"{_PATH.join(above)}\n{text}" if above else text,
        heading=_PATH.join(piece.path),
        page=first.page,
        line_from=first.first,
        line_to=max(unit.last for unit in piece.units if unit.page == first.page),
    )


def _cleaned(text: str) -> str:
    """One blank between words, at most one empty line between paragraphs, no signs that are not seen."""
    seen = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    lines = (" ".join(line.split()) for line in seen.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
