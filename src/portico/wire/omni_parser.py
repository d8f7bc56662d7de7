"""What the omni-parser reads of a file: its parts in the order of reading.

Source: omni-parser API reference, POST /v1/omni-parser/process.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class ParsedPart(Shape, rename="camel"):
    """`type` is Title, NarrativeText, UncategorizedText, ListItem or Row. `page` counts pages, slides or sheets from 1
    and is absent where a file has none. Seconds from the beginning: `mid_time` of films; `start_time` and `end_time`,
    which are our own, of films and sounds."""

    type: str = ""
    text: str = ""
    page: int | UnsetType = UNSET
    mid_time: int | UnsetType = UNSET
    start_time: int | UnsetType = UNSET
    end_time: int | UnsetType = UNSET


class ParserUsage(Shape):
    total_cost: float = 0.0
    total_tokens: int = 0
    currency: str = "USD"


class ParsedFile(Shape, rename="camel"):
    """`status` is success, or failed for a file without text, and then `detail` says so. `messages` tell what was not
    read. These two are our own."""

    status: str = ""
    parts: list[ParsedPart] = field(default_factory=list)
    request_id: str = ""
    usage: ParserUsage | None = None
    messages: list[str] = field(default_factory=list)
    detail: str | UnsetType = UNSET

    @property
    def text(self) -> str:
        """All parts, an empty line between paragraphs."""
        pieces: list[str] = []
        for before, part in zip([None, *self.parts], self.parts, strict=False):
            same = before is not None and before.type == part.type and part.type in {"Row", "ListItem"}
            pieces += ("" if before is None else "\n" if same else "\n\n", part.text)
        return "".join(pieces)
