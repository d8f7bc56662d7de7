"""`portico rerank`: which documents fit a query best; a table with scores, or everything when piped."""

from __future__ import annotations

import click

from .embeddings import read_texts
from .groups import Command
from .inputs import read_word
from .output import Columns, emit, one_line
from .suggest import suggest_models

_SHOWN = 60
_COLUMNS: Columns = {
    "Score": lambda row: f"{row['relevance_score']:.3f}",
    "Place": lambda row: row["index"] + 1,
    "Document": lambda row: _short(row["document"]),
}


@click.command(
    cls=Command,
    examples=[
        'portico rerank "reset a password" "Opening hours" "Use the link on the login page" --top 1',
        'portico rerank "tax law" @passages.txt --model cohere/rerank-v3.5',
        "grep -h error *.log | portico rerank \"disk is full\" - -o json | jq -r '.results[0].document'",
    ],
)
@click.argument("query")
@click.argument("document", nargs=-1, required=True)
@click.option(
    "--model",
    "-m",
    metavar="NAME",
    shell_complete=suggest_models("Rerank"),
    help="Reranking model. Default: the first local one.",
)
@click.option("--top", "-n", type=click.IntRange(min=1), metavar="N", help="Show the best N only.")
def rerank(query: str, document: tuple[str, ...], model: str | None, top: int | None) -> None:
    """Rank documents by how well they fit a query.

    Each DOCUMENT is one; @file and - (standard input) hold one per line. Scores go from 0 to 1. QUERY may be @file.
    """
    documents = list(read_texts(document))
    if not documents:
        raise click.UsageError("there is no document in the input")
    asked = read_word(query).strip()
    if not asked:
        raise click.UsageError("the query is empty")
    from .remote import opened

    with opened() as remote:
        name = model or next(iter(remote.local_models("Rerank")), None)
        if name is None:
            raise click.UsageError("this server has no local reranking model; name one with --model")
        answer = remote.run(remote.rerank.rerank_chunks(name, asked, documents, top))
    rows = [{**result, "document": documents[result["index"]]} for result in answer["results"]]
    emit({**answer, "results": rows}, rows=rows, columns=_COLUMNS)


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
