"""`portico embed`: texts to vectors; a preview on a terminal, everything when piped."""

from __future__ import annotations

import base64
import math
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from .groups import Command
from .inputs import read_stdin, read_word
from .output import emit, one_line
from .suggest import suggest_models

if TYPE_CHECKING:
    from .remote import Remote

_PREVIEW = 5


@click.command(
    cls=Command,
    examples=[
        'portico embed "a red chair" "a blue table"',
        "portico embed --model openai/text-embedding-3-small --dimensions 256 @lines.txt > vectors.json",
        "sort -u words.txt | portico embed -o json | jq '.data[].embedding'",
    ],
)
@click.argument("text", nargs=-1)
@click.option(
    "--model",
    "-m",
    metavar="NAME",
    shell_complete=suggest_models("Embedding"),
    help="Embedding model. Default: the first local one.",
)
@click.option(
    "--dimensions",
    type=click.IntRange(min=1),
    metavar="N",
    help="Length of the vectors, where the model allows to choose.",
)
@click.option("--input-type", metavar="TYPE", help="What the texts are for, where the model asks: query, passage ...")
@click.option("--base64", "as_base64", is_flag=True, help="Vectors as base64 of little-endian 32-bit floats.")
@click.option(
    "--batch", type=click.IntRange(1, 4096), metavar="N", default=256, show_default=True, help="Texts per request."
)
def embed(text: tuple[str, ...], model: str | None, batch: int, as_base64: bool, **options: Any) -> None:
    """Turn texts into vectors.

    Each TEXT is one; @file and - (standard input) hold one per line. Without TEXT, standard input is read.
    """
    if not text and sys.stdin.isatty():
        raise click.UsageError("no text: name some, or pipe lines into it")
    texts = list(read_texts(text or ("-",)))
    if not texts:
        raise click.UsageError("there is no text in the input")
    from .remote import opened

    if as_base64:
        options["encoding_format"] = "base64"
    with opened() as remote:
        name = model or _first_model(remote)
        batches = [texts[start : start + batch] for start in range(0, len(texts), batch)]
        answer = join([remote.run(remote.embeddings.generate_embeddings(name, part, **options)) for part in batches])
    emit(answer, rows=[_preview(row, texts) for row in answer["data"]])


def read_texts(words: Sequence[str]) -> Iterator[str]:
    """The texts that the words name; blank lines of files are left out, a blank TEXT is the server's to refuse."""
    for word in words:
        if word == "-":
            yield from _lines(read_stdin())
        elif word.startswith("@") and not word.startswith("@@") and len(word) > 1:
            yield from _lines(read_word(word))
        else:
            yield word[1:] if word.startswith("@@") else word


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line.strip())


def _first_model(remote: Remote) -> str:
    names = remote.local_models("Embedding")
    if not names:
        raise click.UsageError("this server has no local embedding model; name one with --model (portico llm models)")
    return names[0]


def join(answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answers of several requests as one: `index` counts on, usage is added up."""
    data = [row for answer in answers for row in sorted(answer["data"], key=lambda row: row["index"])]
    rows = [{**row, "index": index} for index, row in enumerate(data)]
    usage: dict[str, Any] = {}
    for counts in (answer.get("usage") or {} for answer in answers):
        for name, value in counts.items():
            summable = isinstance(value, int | float) and isinstance(usage.get(name, 0), int | float)
            usage[name] = usage.get(name, 0) + value if summable else value
    return {**answers[0], "data": rows, "usage": usage}


def _preview(row: dict[str, Any], texts: Sequence[str]) -> dict[str, object]:
    """A vector as a line: its text, its length, its first numbers."""
    vector = row["embedding"]
    if isinstance(vector, str):
        raw = base64.b64decode(vector)
        vector = struct.unpack(f"<{len(raw) // 4}f", raw)
    text = one_line(texts[row["index"]])
    return {
        "Text": text if len(text) <= 40 else text[:39] + "…",
        "Dimensions": len(vector),
        "Norm": f"{math.hypot(*vector):.3f}",
        "Vector": " ".join(f"{number:+.3f}" for number in vector[:_PREVIEW]) + (" …" if len(vector) > _PREVIEW else ""),
    }
