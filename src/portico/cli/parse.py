"""`portico parse`: what stands in a file; its text, or its parts when JSON is asked for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .groups import Command
from .inputs import read_word
from .options import Options
from .output import emit, note, printable

_FORMATS = {"text": "plainText", "html": "html", "markdown": "markdown"}


@click.command(
    cls=Command,
    examples=[
        "portico parse report.pdf --pages 4-6",
        "portico parse prices.xlsx --rows",
        "portico parse scan.png --format markdown > scan.md",
        "portico parse talk.mp3 --model openai/whisper-1 > talk.txt",
        "portico parse minutes.docx -o json | jq -r '.parts[] | select(.type == \"Title\").text'",
    ],
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--name", metavar="NAME", help="What standard input is called: its ending tells the kind of file.")
@click.option("--pages", metavar="FROM-TO", help="Pages, slides or sheets: 4-6, 4- or 4.")
@click.option("--rows", is_flag=True, help="Each row of a sheet with the names of its columns.")
@click.option("--format", "form", type=click.Choice([*_FORMATS]), help="How the text is written. Default: text.")
@click.option("--password", metavar="WORD|@FILE", help="What a protected PDF is opened with; a file keeps it private.")
@click.option("--model", metavar="PROVIDER/MODEL", help="What writes down a sound or a film.")
@click.option("--merge", type=click.IntRange(min=0), metavar="N", help="Segments of a recording in one part; 0: all.")
def parse(
    file: Path,
    name: str | None,
    pages: str | None,
    rows: bool,
    form: str | None,
    password: str | None,
    **options: Any,
) -> None:
    """Read a file: documents, sheets, slides, mails, pictures, and what is said in sounds and films.

    FILE may be - (standard input), with --name. Nothing of it is kept on the server.
    """
    is_input = str(file) == "-"
    if is_input and not name:
        raise click.UsageError("standard input has no name: say one with --name")
    first, last = _read_pages(pages)
    word = None if password is None else read_word(password).rstrip("\r\n")
    from .remote import opened

    with opened() as remote:
        answer = remote.run(
            remote.omni_parser.process_file(
                sys.stdin.buffer if is_input else file,
                name=name,
                start_page=first,
                end_page=last,
                structure="table" if rows else None,
                output_format=_FORMATS[form] if form else None,
                password=word,
                **options,
            )
        )
    from portico.wire.omni_parser import ParsedFile
    from portico.wire.tolerant import read_shape

    found = read_shape(ParsedFile, answer)
    for message in found.messages:
        note(message)
    if Options.current().output is None:
        click.echo(printable(found.text) if sys.stdout.isatty() else found.text)
    else:
        emit(answer)


def _read_pages(told: str | None) -> tuple[int | None, int | None]:
    """First and last page; None where it is not said."""
    if not told:
        return None, None
    first, dash, last = told.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        raise click.UsageError("write --pages as 4-6, 4- or 4")
    return int(first), (int(last) if last else None) if dash else int(first)
