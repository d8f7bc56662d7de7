"""Where a grounded answer has its words from: `groundingMetadata` to citations and a list of Markdown links.

In: the metadata and the text it speaks of. Out: `url_citation` annotations whose positions count characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

Json = dict[str, Any]


class Source(msgspec.Struct):
    uri: str = ""
    title: str = ""


class Grounds(msgspec.Struct):
    web: Source | None = None
    retrievedContext: Source | None = None
    maps: Source | None = None

    @property
    def source(self) -> Source | None:
        return self.web or self.retrievedContext or self.maps


class Segment(msgspec.Struct):
    startIndex: int = 0
    endIndex: int = 0


class Support(msgspec.Struct):
    segment: Segment | None = None
    groundingChunkIndices: list[int] | None = None


class Grounding(msgspec.Struct):
    """`groundingMetadata`; `segment` counts bytes of the answer in UTF-8."""

    groundingChunks: list[Grounds] | None = None
    groundingSupports: list[Support] | None = None


def citations(grounding: Grounding, text: str) -> list[Json]:
    """One annotation for each source of each supported segment; sources without a segment stand for the whole text."""
    sources = [grounds.source for grounds in grounding.groundingChunks or ()]
    data = text.encode()
    found: list[Json] = []
    cited: set[int] = set()
    for support in grounding.groundingSupports or ():
        segment = support.segment or Segment(0, len(data))
        start, end = _characters(data, segment.startIndex), _characters(data, segment.endIndex)
        for index in support.groundingChunkIndices or ():
            source = sources[index] if 0 <= index < len(sources) else None
            if source is not None and source.uri:
                cited.add(index)
                found.append(_citation(source, start, end))
    for index, source in enumerate(sources):
        if index not in cited and source is not None and source.uri:
            found.append(_citation(source, 0, len(text)))
    return found


def links(grounding: Grounding) -> str:
    """The sources as Markdown, to stand behind the text: `\\n\\n1. [title](address)`; "" without sources."""
    sources = _distinct([grounds.source for grounds in grounding.groundingChunks or ()])
    lines = [f"{number}. [{_title(source)}]({_address(source.uri)})" for number, source in enumerate(sources, 1)]
    return "\n\n" + "\n".join(lines) if lines else ""


def _distinct(sources: Sequence[Source | None]) -> list[Source]:
    return list({source.uri: source for source in sources if source is not None and source.uri}.values())


def _citation(source: Source, start: int, end: int) -> Json:
    inner = {"url": source.uri, "title": source.title, "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": inner}


def _characters(data: bytes, position: int) -> int:
    return len(data[: max(0, position)].decode("utf-8", "ignore"))


def _title(source: Source) -> str:
    return " ".join((source.title or source.uri).replace("[", "(").replace("]", ")").split())


def _address(uri: str) -> str:
    return uri.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
