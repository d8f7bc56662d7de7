"""`portico rag documents`: what a RAG assistant answers from: up, listed, indexed again, deleted; and how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import RequestFailed
from .files import find_files
from .groups import Command, Group
from .inputs import confirm, read_pairs
from .options import Options
from .output import Columns, emit, note
from .paging import gather, paging_options
from .rag_board import STATES, as_json, live_board, name_of
from .rag_settings import read_metadata
from .suggest import suggest_rag

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.rag import AsyncRagClient
    from portico.sdk.managers.rag import AsyncRag
    from portico.sdk.rag_progress import FileUpload, IndexBoard

    from .remote import Remote

_ID = "5b1d2f8e-0000-4000-8000-000000000002"
COLUMNS: Columns = {
    "Id": "id",
    "Name": name_of,
    "State": "indexStatus",
    "Changed": "timestamp",
    "Description": "indexDetail",
}
_METADATA = "What filters can ask for: key=value, a JSON object or @file.json; may repeat."
_PARAMETERS = "How it is read: strategy=hi_res, startPage=4, password=@file (see the manual); may repeat."
_PATIENCE = "Longest wait for it to be searchable; the server goes on."

name_argument = click.argument("name", shell_complete=suggest_rag)
metadata_option = click.option("--metadata", multiple=True, metavar="KEY=VALUE", help=_METADATA)
wait_option = click.option(
    "--wait", "waits", is_flag=True, help="Wait until all of it is searchable, and show how far."
)
patience_option = click.option(
    "--patience", type=click.FloatRange(min=1), default=900, show_default=True, metavar="SECONDS", help=_PATIENCE
)


@click.group(
    cls=Group,
    examples=[
        "portico rag documents upload handbook docs/ --wait",
        "portico rag documents status handbook --watch",
        "portico rag documents list handbook --state Failed",
    ],
)
def documents() -> None:
    """Fill a RAG assistant with documents, and see what became of them.

    A document is queued (Unknown), read (Starting), indexed (Pending), and then searchable (Success) or Failed.
    """


@documents.command(
    "list",
    cls=Command,
    examples=["portico rag documents list handbook", "portico rag documents list handbook --state Failed --all"],
)
@name_argument
@click.option("--state", type=click.Choice(STATES, case_sensitive=False), help="Only those in this state.")
@paging_options
def list_(name: str, state: str | None, limit: int | None) -> None:
    """List the documents of a RAG assistant."""
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    with opened() as remote:
        rag = AsyncRag(remote.rag)
        found = remote.run(gather(rag.documents(name, status=state, limit=limit)))
        if any(one.index_status != state for one in found if state):  # a server that cannot tell them apart
            found = [one for one in remote.run(gather(rag.documents(name))) if one.index_status == state][:limit]
    rows = [one.raw for one in found]
    emit(rows, rows=rows, columns=COLUMNS)


@documents.command(cls=Command, examples=[f"portico rag documents show handbook {_ID}"])
@name_argument
@click.argument("document_id", metavar="ID")
def show(name: str, document_id: str) -> None:
    """Show a document with its metadata."""
    answer = _ask(lambda client: client.get_document(name, document_id))
    metadata = {f"metadata.{one['key']}": one["value"] for one in answer.get("metadata") or []}
    emit(answer, short={**{key: value for key, value in answer.items() if key != "metadata"}, **metadata})


@documents.command(
    cls=Command,
    examples=[
        "portico rag documents upload handbook leave.pdf pay.docx --metadata year=2026 --wait",
        "portico rag documents upload handbook docs/ 'notes/**/*.md' --metadata @common.json",
        "portico rag documents upload handbook scan.pdf --param strategy=hi_res --param model=openai/gpt-4o",
        "curl -s https://example.com/faq | portico rag documents upload handbook - --as faq.html",
    ],
)
@name_argument
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@metadata_option
@click.option("--param", "parameters", multiple=True, metavar="KEY=VALUE", help=_PARAMETERS)
@click.option("--as", "file_name", metavar="NAME", help="Name of one file on the server. Default: its own.")
@click.option("--concurrency", type=click.IntRange(1, 32), default=4, show_default=True, help="Uploads at once.")
@wait_option
@patience_option
def upload(
    name: str,
    paths: tuple[str, ...],
    metadata: tuple[str, ...],
    parameters: tuple[str, ...],
    file_name: str | None,
    concurrency: int,
    waits: bool,
    patience: float,
) -> None:
    """Upload files; of a folder, those in it and below it. - is standard input; patterns may be quoted.

    Each upload makes a new document: `reindex ID --file FILE` gives one new content.
    """
    files = [path for path, _ in find_files(paths)]
    _check_names(files, file_name)
    # A file with a password ends with a line end that is no part of it.
    ingestion = {key: value.rstrip("\r\n") for key, value in read_pairs(parameters, "--param").items()}
    options: dict[str, Any] = {"metadata": read_metadata(metadata), "ingestion": ingestion or None}
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    with opened() as remote:
        rag = AsyncRag(remote.rag)
        done = _upload(remote, rag, name, files, file_name=file_name, concurrency=concurrency, **options)
        made = [one.document.id for one in done if one.document is not None]
        board = _wait(remote, rag, name, made, patience) if waits and made else None
    _report(done, board)


def _check_names(files: Sequence[Path | None], file_name: str | None) -> None:
    if not files:
        raise click.UsageError("there is no file in it")
    if file_name and len(files) > 1:
        raise click.UsageError("--as is for one file; leave it out to keep the names")
    if None in files and not file_name:
        raise click.UsageError("standard input has no name: say one with --as")


def _upload(
    remote: Remote,
    rag: AsyncRag,
    name: str,
    files: Sequence[Path | None],
    *,
    file_name: str | None,
    concurrency: int,
    **options: Any,
) -> Sequence[FileUpload]:
    from portico.sdk.rag_progress import FileUpload

    with _bar(files) as show:
        if file_name:
            source: Any = files[0] or sys.stdin.buffer
            path = files[0] or Path(file_name)
            sending = rag.upload(
                name, source, name=file_name, progress=lambda done, size: show(path, done, size), **options
            )
            return [FileUpload(path, remote.run(sending))]
        known = [path for path in files if path is not None]
        return remote.run(rag.upload_files(name, known, concurrency=concurrency, on_bytes=show, **options))


def _report(done: Sequence[FileUpload], board: IndexBoard | None) -> None:
    """A row for each file, and exit code 1 when one was refused or cannot be searched; 3 when no file arrived."""
    from portico.sdk.errors import TransportError

    from .remote import reason_of

    if all(isinstance(one.error, TransportError) for one in done) and (first := done[0].error):
        raise first
    latest = {} if board is None else {one.id: one for one in board.documents}
    rows: list[dict[str, Any]] = []
    for one in done:
        row: dict[str, Any] = {"file": str(one.path)}
        if one.document is not None:
            row |= latest.get(one.document.id, one.document).raw
        if one.error is not None:
            row |= {"indexStatus": "Refused", "indexDetail": reason_of(one.error)}
        rows.append(row)
    emit(rows, rows=rows, columns={"Id": "id", "File": "file", "State": "indexStatus", "Description": "indexDetail"})
    lost = [row for row in rows if row.get("indexStatus") in ("Refused", "Failed")]
    if lost:
        raise RequestFailed(
            f"{len(lost)} of {len(rows)} files are not searchable: {lost[0]['file']}: {lost[0].get('indexDetail')}"
        )


def _wait(remote: Remote, rag: AsyncRag, name: str, document_ids: Sequence[str] | None, patience: float) -> IndexBoard:
    with live_board(name) as show:
        return remote.run(rag.wait_until_indexed(name, document_ids, timeout_s=patience, on_progress=show))


@documents.command(
    cls=Command,
    examples=["portico rag documents status handbook", "portico rag documents status handbook --watch"],
)
@name_argument
@click.option("--watch", is_flag=True, help="Go on until nothing is open any more.")
@patience_option
def status(name: str, watch: bool, patience: float) -> None:
    """Show how many documents are in which state, and those that failed, with the reason."""
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    with opened() as remote:
        rag = AsyncRag(remote.rag)
        board = _wait(remote, rag, name, None, patience) if watch else remote.run(rag.board(name))
    answer = as_json(board)
    if watch and sys.stderr.isatty() and sys.stdout.isatty():
        return  # the board stands there
    failed = {f"failed: {one['name']}": one["indexDetail"] for one in answer["failed"]}
    emit(answer, short={"documents": answer["documents"], **answer["states"], **failed})


@documents.command(
    cls=Command,
    examples=[
        f"portico rag documents reindex handbook {_ID} --wait",
        f"portico rag documents reindex handbook {_ID} --file leave-2027.pdf --metadata year=2027",
        "portico rag documents reindex handbook --all --wait",
    ],
)
@name_argument
@click.argument("document_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every document.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="New content, for one ID.")
@metadata_option
@wait_option
@patience_option
def reindex(
    name: str,
    document_ids: tuple[str, ...],
    everything: bool,
    file: Path | None,
    metadata: tuple[str, ...],
    waits: bool,
    patience: float,
) -> None:
    """Index documents again, as they are, with new content or with new metadata ('{}' clears it).

    What has not changed is not embedded again, and the old content is searched until the new one is there.
    """
    if everything == bool(document_ids):
        raise click.UsageError("name the documents by their ids, or say --all")
    if (file and len(document_ids) != 1) or (metadata and everything):
        raise click.UsageError("--file is for one document, --metadata for those that are named")
    said = read_metadata(metadata)
    from portico.sdk.managers.rag import AsyncRag

    from .remote import opened

    with opened() as remote:
        rag = AsyncRag(remote.rag)
        if everything:
            remote.run(rag.reindex_all(name))
        done = [remote.run(rag.reindex(name, one, file, metadata=said)).raw for one in document_ids]
        if waits:
            board = _wait(remote, rag, name, document_ids or None, patience)
            answer = as_json(board)
            emit(answer)
            if board.failed:
                first = answer["failed"][0]
                raise RequestFailed(f"{len(board.failed)} failed: {first['name']}: {first['indexDetail']}")
            return
    emit(done, rows=done or None, columns=COLUMNS)
    note(f"{'all documents' if everything else f'{len(done)} document(s)'} of {name} are queued again")


@documents.command(
    cls=Command,
    examples=[f"portico rag documents delete handbook {_ID} --yes", "portico rag documents delete handbook --all"],
)
@name_argument
@click.argument("document_ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "everything", is_flag=True, help="Every document.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, document_ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Delete documents for good; no answer uses them from then on."""
    if everything == bool(document_ids):
        raise click.UsageError("name the documents by their ids, or say --all")
    what = f"all documents of {name}" if everything else f"{len(document_ids)} document(s) of {name}"
    if not yes:
        confirm(f"Delete {what}?")
    if everything:
        _ask(lambda client: client.delete_documents(name))
    for one in document_ids:
        _ask(lambda client, one=one: client.delete_document(name, one))  # type: ignore[misc]
    note(f"{what} deleted")


def _ask(call: Callable[[AsyncRagClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.rag))


@contextmanager
def _bar(files: Sequence[Path | None]) -> Iterator[Callable[[Path, int, int | None], None]]:
    """One bar for all that goes up, on a terminal; in a log, silence: what was done is told at the end."""
    if not sys.stderr.isatty():
        yield lambda path, done, size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True, no_color=not Options.current().color)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    sizes = [path.stat().st_size for path in files if path is not None]
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(f"{len(files)} file(s)", total=sum(sizes) if len(sizes) == len(files) else None)
        sent: dict[Path, int] = {}

        def show(path: Path, done: int, size: int | None) -> None:
            sent[path] = done
            bars.update(task, completed=sum(sent.values()))

        yield show
