"""How fast documents become searchable through the whole server, against the embedding model alone, and one long PDF.

Out: figures. A fresh server with the models on board takes text documents of about fifty chunks each and a PDF of 261
pages, both made of the documentation inside the Python standard library. The model alone then embeds the very chunks
that the documents were split into, in this process, with as many threads and nothing around it.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.live import LiveServer
from tests.server.retrieval.documents import pdf

from portico import Portico
from portico.server.providers.local.batcher import Batcher
from portico.server.providers.local.encoder import Encoder
from portico.server.providers.local.host import count_cores
from portico.server.retrieval.chunk import split
from portico.server.retrieval.parse import ParseOptions, Parser
from portico.server.retrieval.profile import ChunkRules

PROFILE = "Default"
DOCUMENTS = 40
PIECES_IN_DOCUMENT = 40
PAGES = 261
PIECES_IN_PAGE = 3
LONGEST_S = 900.0
POLL_S = 0.5
"""Seldom: the list of documents is made by the cores that embed."""
FILES = "model.onnx", "tokenizer.json"


def measure(pieces: Sequence[str], models: Path) -> dict[str, Any]:
    """`pieces` are texts of about 700 characters, as many as DOCUMENTS and PAGES need. Raises TimeoutError."""
    texts = iter(pieces)
    paged = ["\n\n".join(next(texts) for _ in range(PIECES_IN_PAGE)) for _ in range(PAGES)]
    written = ["\n\n".join(next(texts) for _ in range(PIECES_IN_DOCUMENT)) for _ in range(DOCUMENTS)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = _write(home, written)
        long_file = home / "long.pdf"
        long_file.write_bytes(_typeset(paged))
        server = LiveServer(home / "data", {"PORTICO_MODELS_DIR": str(models), "PORTICO_LOG_LEVEL": "warning"}).start()
        try:
            figures = _ingest(server, home, files, long_file)
        finally:
            server.stop()
        chunks = asyncio.run(_split(files))
    alone = asyncio.run(_alone(chunks, models))
    rate = figures["chunks"] / figures["documents_s"]
    return {
        **figures,
        "chunks_per_s": round(rate, 1),
        "model_alone_chunks_per_s": round(alone, 1),
        "share_of_model": round(rate / alone, 3),
    }


def _ingest(server: LiveServer, home: Path, files: Sequence[Path], long_file: Path) -> dict[str, Any]:
    """The first document, which nobody times, starts the worker and loads the model."""
    with Portico(server.token(), base_url=server.url) as client:
        first = home / "first.txt"
        first.write_text("The worker and the model start with this one.")
        client.rag.upload(PROFILE, first)
        before = _wait(client, 1)
        began = time.monotonic()
        for file in files:
            client.rag.upload(PROFILE, file)
        chunks = _wait(client, 1 + len(files)) - before
        documents_s = time.monotonic() - began
        began = time.monotonic()
        client.rag.upload(PROFILE, long_file)
        pdf_chunks = _wait(client, 2 + len(files)) - chunks - before
        pdf_s = time.monotonic() - began
    return {
        "documents": len(files),
        "chunks": chunks,
        "documents_s": round(documents_s, 1),
        "pdf_pages": PAGES,
        "pdf_chunks": pdf_chunks,
        "pdf_searchable_s": round(pdf_s, 1),
    }


def _wait(client: Portico, count: int) -> int:
    """Until so many documents are searched: their chunks."""
    until = time.monotonic() + LONGEST_S
    while time.monotonic() < until:
        found = list(client.rag.documents(PROFILE))
        states = [one.index_status for one in found]
        if "Failed" in states:
            raise RuntimeError(f"a document failed: {found}")
        if states.count("Success") >= count:
            return sum(int(one.chunks) for one in found)
        time.sleep(POLL_S)
    raise TimeoutError(f"documents are not searched after {LONGEST_S:.0f} s")


def _write(home: Path, texts: Sequence[str]) -> list[Path]:
    files = [home / f"document-{place}.txt" for place in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    return files


def _typeset(pages: Sequence[str]) -> bytes:
    return pdf([[(f"Chapter {number}", -16, 0), *_lines(text)] for number, text in enumerate(pages, 1)])


def _lines(text: str) -> list[tuple[str, int, int]]:
    wrapped = [line for part in text.split("\n\n") for line in textwrap.wrap(" ".join(part.split()), 95)]
    plain = [line.encode("ascii", "replace").decode().translate({40: "[", 41: "]", 92: "/"}) for line in wrapped]
    return [(line, 10, 14) for line in plain[:50]]


async def _split(files: Sequence[Path]) -> list[str]:
    """The chunks of the documents, as the server makes them."""
    parser, chunks = Parser(), []
    for file in files:
        parsed = await parser.read_document(file, "text/plain", file.name, ParseOptions())
        chunks += [chunk.searched for chunk in split(parsed, ChunkRules()) if not chunk.is_parent]
    return chunks


async def _alone(texts: Sequence[str], models: Path) -> float:
    """Texts a second, the median of three runs."""
    folder = models / "all-minilm-l6-v2"
    batcher = Batcher(Encoder(*(str(folder / name) for name in FILES)), count_cores())
    speeds = []
    for _ in range(3):
        began = time.monotonic()
        rows = await batcher.tokenize(texts)
        async for _ in batcher.embed(rows):
            pass
        speeds.append(len(texts) / (time.monotonic() - began))
    return statistics.median(speeds)
