"""Reads a file in the process of the test: what the bounded child does, without the child."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

from portico.server.retrieval.blocks import Block, Parsed, ParseOptions
from portico.server.retrieval.parsing.kinds import maybe_document_kind
from portico.server.retrieval.parsing.orders import Order
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.readers import read

CHARACTERS = 1_000_000


def parse(content: bytes | str, name: str, characters: int = CHARACTERS, **options: str | int) -> Parsed:
    kind = maybe_document_kind("", name)
    assert kind is not None
    with NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content.encode() if isinstance(content, str) else content)
        order = Order(kind, file.name, ParseOptions.read(options), False, 2**40, 2**40, 60, 60, 0.0, characters)
        pile = Pile(characters)
        chunks = read(order, pile)
    return Parsed(tuple(pile.blocks), max(pile.pages, 1), tuple(pile.skipped), chunks)


def blocks(content: bytes | str, name: str, **options: str | int) -> list[tuple[str, str]]:
    """Kind and text of each."""
    return [(block.kind, block.text) for block in parse(content, name, **options).blocks]


def find(parsed: Parsed, text: str) -> Block:
    return next(block for block in parsed.blocks if text in block.text)
