"""`python -m benchmarks.retrieval.quality`: how well questions find their pages, by each way to search.

Builds the pages of `corpus.py`, indexes them as a worker would (the first time that takes minutes), asks the sets, and
writes benchmarks/results/retrieval.json, docs/images/retrieval.svg and the tables of docs/retrieval-quality.md. The
exit code is 1 when the fused search misses what is asked of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import installs, machine
from benchmarks.report import put_between
from benchmarks.retrieval.corpus import SETS, NoPackages, Page, build, check, default_cache
from benchmarks.retrieval.library import MODEL, Library, open_library
from benchmarks.retrieval.methods import DEPTH, NAMES, Question, prepare, run
from portico.cli.rag_chart import write_chart
from portico.server.assistants.search.evaluations.render import write_metrics
from portico.server.errors import PorticoError
from portico.server.retrieval.evaluate import Answered, measure, ndcg
from portico.server.settings import Settings

RESULTS = installs.ROOT / "benchmarks" / "results" / "retrieval.json"
CHART = installs.ROOT / "docs" / "images" / "retrieval.svg"
PAGE = installs.ROOT / "docs" / "retrieval-quality.md"
BEGIN, END = "<!-- retrieval: written by python -m benchmarks.retrieval.quality -->", "<!-- end of retrieval -->"
GATED = ("questions", "terms")
TITLES = {
    "questions": "Natural questions",
    "terms": "Terms and short look-ups",
    "questions-de": "Questions in German, German pages",
    "questions-es": "Questions in Spanish, Spanish pages",
}
CORPORA = {"en": GATED, "de": ("questions-de",), "es": ("questions-es",)}
NEEDED = frozenset(NAMES) - {"reranked"}
"""What a report has at least; reranking on board takes seconds for a question."""
TOLERANCE = 0.01
DRAWS = 2_000
Found = dict[str, dict[str, list[Answered]]]
"""By set and method."""


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.retrieval.quality", description=__doc__)
    reader.add_argument("--cache", type=Path, default=default_cache(), help="packages, pages and index (%(default)s)")
    reader.add_argument("--models", type=Path, help="folder of the model files (PORTICO_MODELS_DIR)")
    reader.add_argument("--languages", default="en,de,es", help="which corpora (%(default)s)")
    reader.add_argument("--methods", default=",".join(NAMES), help="which ways to search (%(default)s)")
    reader.add_argument("--again", action="store_true", help="read and split all pages again")
    reader.add_argument("--dry", action="store_true", help="write nothing into the repository")
    options = reader.parse_args()
    methods, languages = options.methods.split(","), options.languages.split(",")
    if unknown := (set(methods) - set(NAMES)) | (set(languages) - set(CORPORA)):
        reader.error(f"unknown: {', '.join(sorted(unknown))}")
    models = (options.models or Path(os.environ.get("PORTICO_MODELS_DIR") or Settings.load({}).models)).resolve()
    found: Found = {}
    sizes: dict[str, Any] = {}
    try:
        for language in languages:
            asyncio.run(_measure(language, options.cache, models, methods, options.again, found, sizes))
    except (NoPackages, PorticoError) as error:
        print(error, file=sys.stderr)
        return 1
    results = _results(found, sizes)
    print(_markdown(results))
    whole = set(methods) >= NEEDED and "en" in languages and not options.dry
    if whole:
        _write(results)
    elif not options.dry:
        print("not all methods, or not the English pages: nothing is written into the repository")
    return 0 if all(row["good"] for row in results["aims"]) else 1


async def _measure(
    language: str,
    cache: Path,
    models: Path,
    methods: Sequence[str],
    again: bool,
    found: Found,
    sizes: dict[str, Any],
) -> None:
    pages = build(cache / "pages" / language, cache, language)
    if wrong := [line for name in CORPORA[language] for line in check(pages, SETS / f"{name}.jsonl")]:
        raise NoPackages("; ".join(wrong[:3]))
    print(f"{language}: {len(pages)} pages", flush=True)
    home = cache / "library"
    async with open_library(home, models, f"quality {language}", pages, _say, again=again) as library:
        sizes[language] = await _size(library, pages)
        await prepare(library)
        for name in CORPORA[language]:
            questions = read_questions(SETS / f"{name}.jsonl")
            found[name] = {}
            for method in methods:
                found[name][method] = await run(library, method, questions)
                score = measure(found[name][method]).ndcg
                print(f"  {name}: {NAMES[method]}: nDCG@{DEPTH} {score:.3f}", flush=True)


def read_questions(file: Path) -> list[Question]:
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [Question(row["question"], frozenset(row["expected"])) for row in rows]


async def _size(library: Library, pages: Sequence[Page]) -> dict[str, int]:
    async with library.database.begin() as connection:
        from sqlalchemy import text

        query = text("SELECT chunks FROM search_indexes WHERE profile_id = :profile")
        chunks = await connection.scalar(query, {"profile": library.profile.key.profile_id})
    return {"pages": len(pages), "characters": sum(len(page.text) for page in pages), "chunks": int(chunks or 0)}


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _results(found: Found, sizes: Mapping[str, Any]) -> dict[str, Any]:
    sets = {
        name: {method: write_metrics(measure(answers)) for method, answers in runs.items()}
        for name, runs in found.items()
    }
    return {
        "machine": machine.describe(),
        "embedding": MODEL,
        "corpora": dict(sizes),
        "sets": sets,
        "aims": _aims(sets),
        "intervals": {name: _intervals(runs) for name, runs in found.items()},
        "questions": {name: _raw(name, runs) for name, runs in found.items()},
    }


def _aims(sets: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is asked of the fused search: near the better single one on both kinds, above both on the mean."""
    if not all(set(sets.get(name, {})) >= {"words", "vectors", "fused"} for name in GATED):
        return []
    score = {method: [sets[name][method]["ndcg"] for name in GATED] for method in ("words", "vectors", "fused")}
    rows = []
    for place, name in enumerate(GATED):
        better, ours = max(score["words"][place], score["vectors"][place]), score["fused"][place]
        rows.append({"aim": f"{TITLES[name]}: fused at least {better - TOLERANCE:.3f}", "value": round(ours, 4),
                     "good": ours >= better - TOLERANCE})  # fmt: skip
    means = {method: sum(values) / len(values) for method, values in score.items()}
    better = max(means["words"], means["vectors"])
    rows.append({"aim": f"Mean of both: fused above {better:.3f}", "value": round(means["fused"], 4),
                 "good": means["fused"] > better})  # fmt: skip
    return rows


def _intervals(runs: Mapping[str, Sequence[Answered]]) -> dict[str, list[float]]:
    """95 % of how much better fused is than each other method, by drawing the questions anew (seed 1)."""
    if "fused" not in runs:
        return {}
    scores = {method: [ndcg(a.found, a.expected, DEPTH) for a in answers] for method, answers in runs.items()}
    told = {}
    for method, theirs in scores.items():
        if method == "fused":
            continue
        gains = [ours - their for ours, their in zip(scores["fused"], theirs, strict=True)]
        draw = random.Random(1)
        means = sorted(sum(draw.choices(gains, k=len(gains))) / len(gains) for _ in range(DRAWS))
        told[method] = [round(means[int(DRAWS * 0.025)], 4), round(means[int(DRAWS * 0.975)], 4)]
    return told


def _raw(name: str, runs: Mapping[str, Sequence[Answered]]) -> list[dict[str, Any]]:
    rows = []
    for number, question in enumerate(read_questions(SETS / f"{name}.jsonl")):
        scores = {
            method: round(ndcg(answers[number].found, question.expected, DEPTH), 4) for method, answers in runs.items()
        }
        first = {method: list(answers[number].found[:1]) for method, answers in runs.items()}
        rows.append({"question": question.text, "ndcg": scores, "first": first})
    return rows


def _markdown(results: Mapping[str, Any]) -> str:
    m = results["machine"]
    sizes = ", ".join(
        f"{size['pages']} pages in {size['chunks']:,} passages ({language})"
        for language, size in results["corpora"].items()
    )
    parts = [f"{sizes}; embeddings {results['embedding']}; {m['cpu']}, {m['cores']} cores, {m['at']}."]
    for name, runs in results["sets"].items():
        count = next(iter(runs.values()))["questions"]
        lines = [f"### {TITLES[name]} ({count})", "", *_table(runs, results["intervals"].get(name, {}))]
        parts.append("\n".join(lines))
    if results["aims"]:
        lines = ["| What is asked of the fused search (nDCG@10) | Measured | |", "|---|--:|---|"]
        lines += [f"| {row['aim']} | {row['value']:.3f} | {'yes' if row['good'] else '**missed**'} |"
                  for row in results["aims"]]  # fmt: skip
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _table(runs: Mapping[str, Any], intervals: Mapping[str, Sequence[float]]) -> list[str]:
    lines = ["| | nDCG@10 | fused is better by (95 %) | Recall@1 | Recall@5 | Recall@10 | MRR | p50 ms | p95 ms |",
             "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for method, row in runs.items():
        gain = intervals.get(method)
        told = "" if gain is None else f"{gain[0]:+.3f} to {gain[1]:+.3f}"
        recall = " | ".join(f"{row['recall'][depth]:.3f}" for depth in ("1", "5", "10"))
        name = f"**{NAMES[method]}**" if method == "fused" else NAMES[method]
        lines.append(
            f"| {name} | {row['ndcg']:.3f} | {told} | {recall} | {row['mrr']:.3f} | {row['p50Ms']:.0f} |"
            f" {row['p95Ms']:.0f} |"
        )
    return lines


def _write(results: Mapping[str, Any]) -> None:
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    groups = [
        (f"{TITLES[name]} ({next(iter(runs.values()))['questions']})",
         [(NAMES[method], row) for method, row in runs.items()])
        for name, runs in results["sets"].items() if name in GATED
    ]  # fmt: skip
    m = results["machine"]
    CHART.write_text(write_chart(groups, f"{results['embedding']}; {m['cpu']}, {m['at']}"), "utf-8")
    text = f"{BEGIN}\n\n{_markdown(results)}\n\n{END}\n"
    PAGE.write_text(put_between(PAGE.read_text("utf-8"), text, BEGIN, END), "utf-8")
    print(f"written: {RESULTS.relative_to(installs.ROOT)}, {CHART.relative_to(installs.ROOT)}, {PAGE.name}")


if __name__ == "__main__":
    sys.exit(main())
