"""A file in, its parts out, and nothing kept: the reader of documents for who asks it directly."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncIterator, Iterator
from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING

from portico.server.access.caller import Caller
from portico.server.access.policy import require
from portico.server.assistants.files.names import read_name
from portico.server.assistants.files.refusals import InvalidFileSize
from portico.server.assistants.search.documents.manage import Describe, Description, DocumentRules
from portico.server.assistants.search.documents.said import read_parameters, unquote
from portico.server.assistants.search.refusals import DocumentExtensionInvalid
from portico.server.errors import MediaNotSupported, PatternMismatch, StorageFull
from portico.server.kit.first_use import FirstUse
from portico.server.retrieval.blocks import Block, Parsed, ParseOptions
from portico.server.retrieval.media.containers import is_film
from portico.server.retrieval.media.options import MediaOptions
from portico.server.retrieval.parse import NoText, Parser
from portico.server.retrieval.parsing.kinds import maybe_document_kind
from portico.wire.omni_parser import ParsedFile, ParsedPart, ParserUsage

if TYPE_CHECKING:
    from portico.server.retrieval.media.listen import Listener

FORMATS = ("plainText", "html", "markdown")
_PIECE = 1024 * 1024
_NO_TEXT = "There is no text in the file"
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_SAID_LEAST = 40
"""Characters of a text that is told, not named."""
_TYPES = {"title": "Title", "list_item": "ListItem", "table": "Row", "row": "Row", "image": "UncategorizedText"}


class OmniParser:
    """One per process."""

    def __init__(self, parser: Parser, rules: DocumentRules, listener: FirstUse[Listener]) -> None:
        self._parser = parser
        self._listener = listener
        self._rules = rules

    async def process(
        self, caller: Caller, content: AsyncIterator[bytes], describe: Describe, request_id: str
    ) -> ParsedFile:
        """`describe` is asked when the content has ended.

        Raises DocumentNameMissing (2025), DocumentExtensionInvalid (2027), InvalidFileSize (2028), ContentUnreadable
        (45), PatternMismatch and OutOfRange for parameters, StorageFull, and what `content` raises; for a recording
        what the gateway raises.
        """
        require(caller, "models")
        with tempfile.NamedTemporaryFile(prefix="portico-") as file:
            await self._take(content, file)
            said = describe()
            form = _format(said.fields.get("outputformat", ""))
            name, usage = self._name(said), ParserUsage()
            try:
                parsed = await self._read(caller, Path(file.name), said, name, usage)
            except NoText:
                parsed = Parsed()
            except MediaNotSupported as error:
                message = f"{DocumentExtensionInvalid.text}: {error.message}"
                raise DocumentExtensionInvalid(message, param="file") from None
        messages = list(parsed.skipped)
        if not parsed.blocks and not parsed.chunks:
            return ParsedFile(status="failed", request_id=request_id, usage=usage, messages=messages, detail=_NO_TEXT)
        parts = await asyncio.to_thread(write_parts, parsed, form, is_film=is_film(name))
        return ParsedFile(status="success", parts=parts, request_id=request_id, usage=usage, messages=messages)

    async def _read(self, caller: Caller, path: Path, said: Description, name: str, usage: ParserUsage) -> Parsed:
        """Adds to `usage` what it takes."""
        parameters = read_parameters(said.fields) or {}
        if maybe_document_kind(said.content_type, name) != "media":
            return await self._parser.read_document(path, said.content_type, name, ParseOptions.read(parameters))
        listener = await self._listener.get()
        heard = await listener.listen(caller, path, name, MediaOptions.read(parameters))
        usage.total_cost, usage.total_tokens = heard.used.cost, heard.used.tokens
        return heard.parsed

    async def _take(self, content: AsyncIterator[bytes], file: IO[bytes]) -> None:
        size, held = 0, bytearray()
        async for piece in content:
            size += len(piece)
            if size > self._rules.limit_bytes:
                raise InvalidFileSize(
                    f"Invalid File Size: at most {self._rules.limit_bytes} bytes (PORTICO_DOCUMENTS_LIMIT_BYTES)",
                    param="file",
                )
            held += piece
            if len(held) >= _PIECE:
                await asyncio.to_thread(_write_bytes, file, bytes(held))
                held.clear()
        await asyncio.to_thread(_write_bytes, file, bytes(held))
        if not size:
            raise InvalidFileSize("Invalid File Size: the file is empty", param="file")

    def _name(self, said: Description) -> str:
        name, extension = read_name(said.name, said.sent_name)
        if extension not in self._rules.extensions:
            hint = f"send one of {' '.join(sorted(self._rules.extensions))}"
            message = f"{DocumentExtensionInvalid.text}: {extension or 'none'}; {hint}"
            raise DocumentExtensionInvalid(message, param="file")
        return f"{name}.{extension}"


def _write_bytes(file: IO[bytes], data: bytes) -> None:
    try:
        file.write(data)
        file.flush()
    except OSError:
        raise StorageFull from None


def _format(told: str) -> str:
    told = unquote(told)
    found = next((one for one in FORMATS if one.lower() == told.lower()), None)
    if found is None and told:
        raise PatternMismatch("outputFormat", f"send {', '.join(FORMATS)}")
    return found or FORMATS[0]


def write_parts(parsed: Parsed, form: str, *, is_film: bool = False) -> list[ParsedPart]:
    """A part for each block; for each row of a table one, the first the header. `form` is one of FORMATS."""
    if parsed.chunks is not None:
        return [ParsedPart(type="UncategorizedText", text=_as(form, chunk.text, "p")) for chunk in parsed.chunks]
    return [part for block in parsed.blocks for part in _write(block, form, is_film)]


def _write(block: Block, form: str, is_film: bool) -> Iterator[ParsedPart]:
    is_told = block.end_s or _is_told(block.text)
    kind = _TYPES.get(block.kind) or ("NarrativeText" if is_told else "UncategorizedText")
    texts: list[str] = [block.text]
    match block.kind:
        case "table":
            texts = _rows(block.text.split("\n"), form)
        case "title":
            texts = [f"{'#' * min(block.level or 1, 6)} {block.text}"] if form == "markdown" else texts
            texts = [_as(form, texts[0], f"h{min(block.level or 1, 6)}")]
        case "list_item":
            texts = [_as(form, block.text, "li")]
        case _:
            texts = [_as(form, block.text, "p")]
    for text in texts:
        part = ParsedPart(type=kind, text=text)
        if block.page is not None:
            part.page = block.page
        if block.end_s:
            part.start_time, part.end_time = int(block.start_s), math.ceil(block.end_s)
            if is_film:
                part.mid_time = round((block.start_s + block.end_s) / 2)
        yield part


def _rows(lines: list[str], form: str) -> list[str]:
    """Of a table in Markdown: the line below its header goes with the header."""
    head, rows = "\n".join(lines[:2]), lines[2:]
    if form == "markdown":
        return [head, *rows]
    cells = [[cell.strip().replace("\\|", "|") for cell in _cells(line)] for line in (lines[0], *rows)]
    if form == "plainText":
        return ["\t".join(row) for row in cells]
    tags = ["th", *["td"] * len(rows)]
    return [
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(tags, cells, strict=True)
    ]


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|").replace("\\|", "\0")
    return [cell.replace("\0", "\\|") for cell in inner.split("|")]


def _as(form: str, text: str, tag: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>" if form == "html" else text


def _is_told(text: str) -> bool:
    return len(text) >= _SAID_LEAST and text.rstrip().rstrip("\"'”’»)").endswith(_ENDS)
