"""python -m benchmarks.retrieval.speed [--chunks 100000]: how fast a large profile is searched, and documents come in.

Prints the figures against their aims, writes benchmarks/results/retrieval-speed.json and docs/performance.md, and ends
with 1 when an aim is missed. One question at a time, its embedding included. The chunks are made of real ones: pieces
of the documentation inside the Python standard library, embedded by MiniLM, then mixed in pairs until there are enough;
a mixed vector is a weighted mean of two real ones with some noise. What was made stays in the folder for the next run.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import os
import random
import re
import statistics
import sys
import sysconfig
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import text

from benchmarks import machine
from benchmarks.retrieval import ingest
from benchmarks.retrieval.library import MODEL, Library, Rooms
from benchmarks.retrieval.speed_report import put_into_manual, read_aims, write_markdown
from portico.server.access.caller import acting_for
from portico.server.access.host.first_start import first_start
from portico.server.app.ground import open_ground
from portico.server.app.machinery import open_machinery
from portico.server.ids import OrganizationId, ProjectId
from portico.server.retrieval.chunk import Chunk
from portico.server.retrieval.filters import Filter
from portico.server.retrieval.hits import Method
from portico.server.retrieval.lexical import Ranges
from portico.server.retrieval.profile import Embedding, Llm, Search, SearchProfile
from portico.server.settings import Settings
from portico.server.storage.search_profiles import insert_profile, maybe_profile

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "retrieval-speed.json"
WHOLE = 100_000
REAL = 3_000
PIECE = 700
IN_DOCUMENT = 200
PARTS = 20
QUESTIONS = 200
Vectors = npt.NDArray[np.float32]
_PLACE = text(
    "SELECT organization_id::text, project_id::text FROM projects WHERE deleted_at IS NULL ORDER BY created_at LIMIT 1"
)
_INSERT = text(
    "INSERT INTO documents (organization_id, project_id, profile_id, document_id, name, extension, content_type,"
    " size_bytes, sha256, blob, metadata, indexed_revision, status) VALUES (:o, :p, :f, gen_random_uuid(), :name,"
    " 'txt', 'text/plain', 1, '', '', CAST(:metadata AS jsonb), 1, 'Success') RETURNING CAST(document_id AS text)"
)
_SIZES = (
    "chunks", "chunk_vectors", "postings", "word_segments", "editions"
)  # fmt: skip


@dataclass
class Filled:
    """The vectors as they are kept, the ordinals they have, and the part of each document."""

    vectors: Vectors
    ordinals: npt.NDArray[np.int64]
    parts: npt.NDArray[np.int64]
    figures: dict[str, Any] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval.speed", description=__doc__)
    parser.add_argument("--chunks", type=int, default=WHOLE)
    parser.add_argument("--home", type=Path, default=ROOT / ".bench" / "retrieval-speed")
    parser.add_argument(
        "--models", type=Path, default=Path(os.environ.get("PORTICO_MODELS_DIR") or ROOT / ".portico" / "models")
    )
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    results, pieces = asyncio.run(_search(options))
    _tell("documents through a whole server ...")
    results["ingestion"] = ingest.measure(pieces, options.models)
    results["load_after"] = os.getloadavg()[0]
    results["aims"] = read_aims(results)
    print(write_markdown(results))
    options.out.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written: {options.out}")
    if options.out == RESULTS and options.chunks >= WHOLE:
        put_into_manual(results)
    return 0 if all(row["good"] for row in results["aims"]) else 1


async def _search(options: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    options.home.mkdir(parents=True, exist_ok=True)
    name = f"speed-{options.chunks}"
    async with _open(options.home / "data", options.models, name) as library:
        pieces, real = await _real(library, options.home)
        filled = await _fill(library, pieces, real, options.chunks, options.home / name)
        results: dict[str, Any] = {"machine": machine.describe(), "load": os.getloadavg()[0], "chunks": options.chunks}
        results["filling"] = filled.figures
        results["sizes_mb"] = await _sizes(library)
        questions = _questions(pieces, real, 2 * QUESTIONS)
        results["recall"] = await _recall(library, filled, questions)
        before = _resident_mb()
        results["latency_ms"] = await _latencies(library, questions)
        results["memory_mb"] = {"before": before, "after": _resident_mb()}
    return results, pieces


def _resident_mb() -> int:
    return round(machine.resident_bytes(os.getpid()) / 1e6)


@asynccontextmanager
async def _open(home: Path, models: Path, name: str) -> AsyncIterator[Library]:
    """The rooms on a database of their own, and a profile that stays between runs."""
    async with AsyncExitStack() as stack:
        ground = await open_ground(Settings.load({}, data_dir=home, models_dir=models), stack)
        await first_start(ground.database, ground.tenancy.key, home, "http://127.0.0.1:1")
        board = (await open_machinery(ground, pull=False)).board
        await ground.start_changes()
        async with ground.database.begin() as connection:
            organization, project = (await connection.execute(_PLACE)).one()
            place = OrganizationId(organization), ProjectId(project)
            row = await maybe_profile(connection, *place, name)
            key = (row or await insert_profile(connection, *place, name=name)).key
        profile = SearchProfile(key, name, "", True, Embedding(MODEL), Llm("local/none"), Search("", ""))
        caller = acting_for(key.organization_id, "Benchmark", key.project_id, "Benchmark", "benchmark")
        yield Library(ground.database, Rooms(ground.database, board), caller, profile, {})


def _docstrings() -> Iterator[str]:
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "test" in path.parts or "site-packages" in path.parts or "idlelib" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(errors="replace"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (doc := ast.get_docstring(node)):
                yield doc
    from pydoc_data.topics import topics

    yield from topics.values()


def _pieces() -> list[str]:
    found = dict.fromkeys(
        doc[at : at + PIECE] for doc in _docstrings() for at in range(0, len(doc), PIECE) if len(doc) - at > 200
    )
    pieces = list(found)
    random.Random(1).shuffle(pieces)
    return pieces[:REAL]


async def _real(library: Library, home: Path) -> tuple[list[str], Vectors]:
    """The real pieces and their vectors; embedded once."""
    pieces, kept = _pieces(), home / "real.npy"
    if kept.exists() and len(vectors := np.load(kept)) == len(pieces):
        return pieces, vectors
    began = time.monotonic()
    vectors = await library.rooms.embedder.embed(library.caller, library.profile.embedding, pieces, query=False)
    np.save(kept, vectors)
    _tell(f"{len(pieces)} pieces embedded in {time.monotonic() - began:.0f} s")
    return pieces, vectors


def _mix(pieces: Sequence[str], real: Vectors, count: int) -> Iterator[tuple[list[str], Vectors]]:
    """Documents: half of the text of one piece with half of another, and a vector between theirs."""
    maker, numbers = random.Random(2), np.random.default_rng(2)
    for start in range(0, count, IN_DOCUMENT):
        size = min(IN_DOCUMENT, count - start)
        first, second = (numbers.integers(0, len(pieces), size) for _ in range(2))
        texts = []
        for a, b in zip(first.tolist(), second.tolist(), strict=True):
            one, other = pieces[a].split(), pieces[b].split()
            cut = maker.random()
            words = one[: int(len(one) * cut)] + other[int(len(other) * cut) :]
            texts.append(" ".join(words))
        weight = numbers.uniform(0.5, 1, (size, 1)).astype(np.float32)
        noise = numbers.normal(size=(size, real.shape[1])).astype(np.float32) * 0.3 / np.sqrt(real.shape[1])
        mixed = weight * real[first] + (1 - weight) * real[second] + noise
        yield texts, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)


async def _fill(library: Library, pieces: Sequence[str], real: Vectors, count: int, kept: Path) -> Filled:
    held = kept.with_suffix(".npz")
    index, key = library.rooms.index, library.profile.key
    async with library.database.begin() as connection:
        there = int(await connection.scalar(text("SELECT coalesce(sum(chunks), 0) FROM search_indexes")) or 0)
    if held.exists() and there >= count:
        data = np.load(held)
        return Filled(
            data["vectors"].astype(np.float32), data["ordinals"], data["parts"], json.loads(str(data["figures"]))
        )
    staged, upkept = 0.0, 0.0
    vectors, ordinals, parts = [], [], []
    names = {"o": key.organization_id, "p": key.project_id, "f": key.profile_id}
    for place, (texts, made) in enumerate(_mix(pieces, real, count)):
        began = time.monotonic()
        about = {"part": place % PARTS, "half": place % 2}
        async with library.database.begin() as connection:
            row = {**names, "name": f"document {place}", "metadata": json.dumps(about)}
            document = str((await connection.execute(_INSERT, row)).scalar_one())
        await index.stage(key, document, 1, [Chunk(one, one) for one in texts], "en")
        missing = [ordinal for ordinal, _ in await index.list_missing(key, document, 1, IN_DOCUMENT)]
        await index.put_vectors(key, document, 1, missing, made[: len(missing)])
        async with library.database.begin() as connection:
            await index.publish(connection, key, document, 1)
        staged += time.monotonic() - began
        vectors.append(made[: len(missing)].astype(np.float16))
        ordinals += missing
        parts += [place] * len(missing)
        if place % 25 == 24 and count > (place + 1) * IN_DOCUMENT:
            began = time.monotonic()
            if (place + 1) * IN_DOCUMENT < 20_000:
                await index.upkeep(key)
            upkept += time.monotonic() - began
        if place % 100 == 99:
            _tell(f"{(place + 1) * IN_DOCUMENT} chunks in {staged:.0f} s")
    began = time.monotonic()
    await index.upkeep(key)
    last = time.monotonic() - began
    async with library.database.begin() as connection:
        await connection.execute(text("ANALYZE chunk_vectors, chunks, postings, editions, documents"))
    figures = {"stage_s": round(staged, 1), "merge_s": round(upkept, 1), "last_upkeep_with_graph_s": round(last, 1)}
    filled = Filled(np.concatenate(vectors).astype(np.float32), np.array(ordinals), np.array(parts), figures)
    np.savez(
        held, vectors=np.concatenate(vectors), ordinals=filled.ordinals, parts=filled.parts, figures=json.dumps(figures)
    )
    _tell(f"filled: {figures}")
    return filled


async def _sizes(library: Library) -> dict[str, float]:
    async with library.database.begin() as connection:
        sizes = {name: await connection.scalar(text(f"SELECT pg_total_relation_size('{name}')")) for name in _SIZES}
        sizes["graph"] = await connection.scalar(
            text(
                "SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class WHERE relname LIKE 'chunk_vectors_hnsw_%'"
            )
        )
    return {name: round(int(size or 0) / 1e6, 1) for name, size in sizes.items()}


def _questions(pieces: Sequence[str], real: Vectors, count: int) -> list[str]:
    """By turns a sentence out of a piece as a question, and two or three words of one as a look-up."""
    maker, questions = random.Random(3), []
    for place, piece in enumerate(maker.sample(list(pieces), count)):
        words = re.findall(r"[A-Za-z_]{3,}", piece)[:60]
        if place % 2:
            at = maker.randrange(max(1, len(words) - 9))
            questions.append(f"How does {' '.join(words[at : at + 9]).lower()}?")
        else:
            questions.append(" ".join(maker.sample(words, min(3, len(words)))))
    return questions


async def _recall(library: Library, filled: Filled, questions: Sequence[str]) -> dict[str, float]:
    """Of the ten nearest chunks by exact search over the kept halves, how many are found."""
    asked = list(questions[:100])
    vectors = await library.rooms.embedder.embed(library.caller, library.profile.embedding, asked, query=True)
    kinds: dict[str, tuple[list[Filter], npt.NDArray[np.bool_]]] = {
        "all": ([], np.ones(len(filled.parts), bool)),
        "filter 1 in 20": ([Filter("part", "$eq", 7.0)], filled.parts % PARTS == 7),
        "filter 1 in 2": ([Filter("half", "$eq", 1.0)], filled.parts % 2 == 1),
    }
    recall = {}
    for name, (filters, mask) in kinds.items():
        where: Ranges | None = await library.rooms.index.find_allowed(library.profile.key, filters)
        ordinals, shares = filled.ordinals[mask], []
        scores = filled.vectors[mask] @ vectors.T
        for place, vector in enumerate(vectors):
            exact = scores[:, place]
            tenth = np.partition(exact, len(exact) - 10)[len(exact) - 10]
            # Equal to a rounding of the halves counts as found: which of the same is tenth is chance.
            good = set(ordinals[exact >= tenth - 2e-4].tolist())
            found = await library.rooms.index.nearest(library.profile.key, vector, 10, where)
            shares.append(sum(one.chunk_id in good for one in found) / 10)
        recall[name] = round(statistics.mean(shares), 4)
    return recall


async def _latencies(library: Library, questions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each question once: no embedding of it is remembered. Between the kinds other words are put behind it.

    The first half of the questions comes to a database that has just started; what is asked after them is the second.
    """
    kinds: dict[str, tuple[Method, list[Filter]]] = {
        "fused": ("auto", []),
        "fused, filter 1 in 20": ("auto", [Filter("part", "$eq", 7.0)]),
        "fused, filter 1 in 2": ("auto", [Filter("half", "$eq", 1.0)]),
        "vectors": ("vectors", []),
        "words": ("words", []),
    }
    measured: dict[str, dict[str, float]] = {}
    for name, (method, filters) in kinds.items():

        async def ask(
            question: str, method: Method = method, filters: list[Filter] = filters, name: str = name
        ) -> object:
            return await library.rooms.searcher.search(
                library.caller, library.profile, f"{question} {name[-3:]}", k=10, filters=filters, method=method
            )

        if not measured:
            measured["first questions after a start"] = await _time(ask, questions[:QUESTIONS])
        measured[name] = await _time(ask, questions[QUESTIONS:])

    async def embed(question: str) -> object:
        return await library.rooms.embedder.embed(
            library.caller, library.profile.embedding, [f"{question} alone"], query=True
        )

    measured["embedding alone"] = await _time(embed, questions[QUESTIONS:])
    return measured


async def _time(ask: Callable[[str], Awaitable[object]], questions: Sequence[str]) -> dict[str, float]:
    times = []
    for question in questions:
        began = time.perf_counter()
        await ask(question)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50": round(statistics.median(times), 1), "p95": round(times[int(len(times) * 0.95)], 1)}


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
