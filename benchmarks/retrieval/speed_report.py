"""What `speed.py` measured, as aims met or missed and as the tables of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import put_between

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- retrieval: written by python -m benchmarks.retrieval.speed -->"
END = "<!-- end of retrieval -->"
P95_MS, RECALL, SHARE_OF_MODEL, PDF_S = 50.0, 0.98, 0.85, 60.0


def read_aims(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each aim: what is asked, what came out, whether it is enough."""
    latency, recall, ingestion = results["latency_ms"], results["recall"], results["ingestion"]
    slowest = max((name for name in latency if name.startswith("fused")), key=lambda name: latency[name]["p95"])
    return [
        _row(f"p95 of a search with the embedding of its question, ms: {slowest}", latency[slowest]["p95"], P95_MS, -1),
        *[_row(f"recall@10 against exact search: {name}", value, RECALL, 1) for name, value in recall.items()],
        _row("ingestion, share of what the embedding model does alone", ingestion["share_of_model"], SHARE_OF_MODEL, 1),
        _row(f"a PDF of {ingestion['pdf_pages']} pages is searched after, s", ingestion["pdf_searchable_s"], PDF_S, -1),
    ]


def _row(aim: str, value: float, limit: float, sign: int) -> dict[str, Any]:
    good = value >= limit if sign > 0 else value <= limit
    return {"aim": aim, "limit": f"{'>=' if sign > 0 else '<='} {limit:g}", "value": value, "good": good}


def write_markdown(results: Mapping[str, Any]) -> str:
    m, ingestion, memory = results["machine"], results["ingestion"], results["memory_mb"]
    lines = [
        f"{results['chunks']:,} chunks of 384 numbers, embeddings local/all-minilm-l6-v2; {m['cpu']}, {m['cores']}"
        f" cores, {m['memory']}, {m['at']}; load before {results['load']:.1f}.",
        "",
        "| | aim | measured | |",
        "|---|--:|--:|---|",
    ]
    lines += [f"| {a['aim']} | {a['limit']} | {a['value']:g} | {'yes' if a['good'] else '**missed**'} |"
              for a in results["aims"]]  # fmt: skip
    lines += ["", "| Search, ms | p50 | p95 |", "|---|--:|--:|"]
    lines += [f"| {name} | {row['p50']:.1f} | {row['p95']:.1f} |" for name, row in results["latency_ms"].items()]
    filling = results["filling"]
    lines += [
        "",
        "| Ingestion | |",
        "|---|--:|",
        f"| chunks a second through the server, {ingestion['documents']} documents | {ingestion['chunks_per_s']} |",
        f"| chunks a second of the model alone, the same chunks | {ingestion['model_alone_chunks_per_s']} |",
        f"| chunks of the PDF | {ingestion['pdf_chunks']:,} |",
        f"| {results['chunks']:,} chunks into PostgreSQL, their vectors given, s | {filling['stage_s']:.0f} |",
        f"| their graph, built while they are searched, s | {filling['last_upkeep_with_graph_s']:.0f} |",
        f"| the graph, MB | {results['sizes_mb']['graph']:.0f} |",
        f"| memory of the process that searches, before the first question and after the last, MB | {memory['before']},"
        f" {memory['after']} |",
    ]
    return "\n".join(lines)


def put_into_manual(results: Mapping[str, Any]) -> None:
    text = f"{BEGIN}\n\n{write_markdown(results)}\n\n{END}\n"
    PAGE.write_text(put_between(PAGE.read_text("utf-8"), text, BEGIN, END), "utf-8")
