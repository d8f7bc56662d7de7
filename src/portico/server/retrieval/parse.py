"""A file in, its text or its blocks out. It is read in a process of its own, which is bounded and can be killed.

Files come from strangers: what a parser does with a hostile one must not happen here.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portico.server.errors import ContentUnreadable, MediaNotSupported
from portico.server.retrieval.blocks import Block, Parsed, ParseOptions, ReadyChunk
from portico.server.retrieval.nursery import Nursery
from portico.server.retrieval.parsing.kinds import NOT_AS_TEXT, Kind, maybe_document_kind, maybe_kind
from portico.server.retrieval.parsing.orders import Order, Outcome, PageRules, ReadPage, SentPage
from portico.server.retrieval.refusals import NoText

__all__ = ["Block", "Bounds", "NoText", "ParseOptions", "Parsed", "Parser", "ReadyChunk", "Text"]

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_AT_ONCE = 2
_PIECE = 1024 * 1024
_PATIENCE = 5
"""How many times its time on the processor a document may take on a busy host."""
_PLAIN_ORDER = ParseOptions()
_UNREAD = {
    "media": "Sound and films are not read: upload what is said in them as a text.",
    "web": "A crawl order (.web) is not read here: give it to a RAG assistant, which crawls the pages.",
}
READER_IDLE_S = 60.0
"""For how long a server or a worker keeps what its readers are born of, after the last file."""
_decode = msgspec.msgpack.Decoder(Outcome).decode
"""Made here and not at first use: two threads that make it at the same time bring msgspec 0.22 down."""
_TOO_MUCH = "reading it takes more memory or time than one file may have"


class Text(msgspec.Struct, frozen=True):
    """The text of a file. `pages` are those of a PDF, slides of a presentation, sheets of a workbook; else one."""

    pages: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.pages)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What reading one file may take; `characters` of text, above which it counts as unreadable. Words in pictures
    take more, beyond the time for the text."""

    time_s: float = 60.0
    memory_bytes: int = 1024**3
    characters: int = 20_000_000
    scans_s: float = 600.0
    scans_memory_bytes: int = 3 * 1024**3


class Parser:
    """Reads files, two at a time. One per process.

    `idle_s`: how long the process that the readers are born of is kept after the last file; then `close` it in the end.
    """

    def __init__(self, bounds: Bounds = Bounds(), *, idle_s: float = 0.0) -> None:
        self._bounds = bounds
        self._nursery = Nursery(_environment(), idle_s)
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def read_text(self, source: Path | bytes, content_type: str, name: str) -> Text:
        """Raises MediaNotSupported (400, id 46) for a kind of file that has no text for us; ContentUnreadable (400,
        id 45) for a broken or protected one, for one without text, and for one that takes too much."""
        kind = maybe_kind(content_type, name)
        if kind is None or kind in NOT_AS_TEXT:
            raise MediaNotSupported
        outcome = await self._read(source, self._order(kind, _PLAIN_ORDER, as_text=True))
        if not any(page.strip() for page in outcome.texts):
            raise ContentUnreadable("there is no text in it")
        return Text(outcome.texts)

    async def read_document(
        self, source: Path | bytes, content_type: str, name: str, options: ParseOptions = _PLAIN_ORDER
    ) -> Parsed:
        """The blocks of a document, or the chunks of a `.custom` one; the name goes before the content type.

        Raises MediaNotSupported (400, id 46) for a kind that is not read, with a sentence that says so; NoText (400,
        id 45) where there is nothing to read; ContentUnreadable (400, id 45) for a broken, protected or hostile one.
        """
        kind = maybe_document_kind(content_type, name)
        if kind is None:
            extension = name.rpartition(".")[2][:20] if "." in name else ""
            raise MediaNotSupported(f"Files of the kind {extension or content_type or 'unknown'!r} are not read.")
        if kind in _UNREAD:
            raise MediaNotSupported(_UNREAD[kind])
        parsed = (await self._read(source, self._order(kind, options, as_text=False))).parsed
        if parsed is None or not (parsed.blocks or parsed.chunks):
            raise NoText
        return parsed

    async def read_pages(self, pages: Sequence[SentPage], rules: PageRules) -> tuple[ReadPage, ...]:
        """Web pages that were fetched, in one process; what became of each. Raises ContentUnreadable (400, id 45) when
        the process could not finish with all of them."""
        order = msgspec.structs.replace(self._order("web", _PLAIN_ORDER, as_text=False), page_rules=rules)
        found = (await self._read(await asyncio.to_thread(_pack, pages), order)).pages
        if len(found) != len(pages):
            raise ContentUnreadable(_TOO_MUCH)
        return found

    async def close(self) -> None:
        await self._nursery.close()

    def _order(self, kind: Kind, options: ParseOptions, *, as_text: bool) -> Order:
        bounds = self._bounds
        return Order(
            kind=kind,
            path="",
            options=options,
            as_text=as_text,
            memory_bytes=bounds.memory_bytes,
            most_memory_bytes=max(bounds.memory_bytes, bounds.scans_memory_bytes),
            time_s=int(bounds.time_s) + 1,
            most_time_s=int(bounds.time_s + 2 * bounds.scans_s) + 1,
            scans_s=bounds.scans_s,
            characters=bounds.characters,
        )

    async def _read(self, source: Path | bytes, order: Order) -> Outcome:
        if isinstance(source, bytes):
            with tempfile.NamedTemporaryFile(prefix="portico-") as file:
                await asyncio.to_thread(_fill, file.name, source)
                return await self._read(Path(file.name), order)
        async with self._turn:
            outcome = await self._ask_child(msgspec.structs.replace(order, path=str(source)))
        if outcome.failure:
            raise ContentUnreadable(outcome.failure)
        return outcome

    async def _ask_child(self, order: Order) -> Outcome:
        bounds = self._bounds
        time_s = bounds.time_s
        if not order.as_text:  # nobody waits at the door; the limit of the processor's time holds in the child
            time_s = _PATIENCE * time_s + (bounds.scans_s if order.kind in {"pdf", "picture"} else 0)
        told = msgspec.json.encode(order)
        try:
            output = await self._nursery.ask(told, time_s, 16 * order.characters + _PIECE)
        except TimeoutError:
            return Outcome(failure=f"reading it takes longer than {time_s:g} s")
        return await asyncio.to_thread(_read_outcome, output)


def _read_outcome(output: bytes) -> Outcome:
    try:
        return _decode(output)
    except msgspec.DecodeError:  # the kernel or its own limit ended it before it could say anything
        return Outcome(failure=_TOO_MUCH)


def _environment() -> dict[str, str]:
    """No secret of ours lies in a process that reads strangers' files."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), kept.get("PYTHONPATH")]))
    return kept | {
        "PYTHONPATH": path,
        "PYTHONUTF8": "1",
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def _pack(pages: Sequence[SentPage]) -> bytes:
    return msgspec.msgpack.encode(pages)


def _fill(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
