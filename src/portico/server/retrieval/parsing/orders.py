"""What the process that reads a file is told, and what it answers."""

from __future__ import annotations

import msgspec

from portico.server.retrieval.blocks import Parsed, ParseOptions
from portico.server.retrieval.parsing.kinds import Kind


class Order(msgspec.Struct, frozen=True):
    """`as_text`: pages of text are wanted, not blocks. The times are of the processor; the upper ones for pictures."""

    kind: Kind
    path: str
    options: ParseOptions
    as_text: bool
    memory_bytes: int
    most_memory_bytes: int
    time_s: int
    most_time_s: int
    scans_s: float
    characters: int


class Outcome(msgspec.Struct, frozen=True):
    """One of the three."""

    failure: str = ""
    texts: tuple[str, ...] = ()
    parsed: Parsed | None = None
