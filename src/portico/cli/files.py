"""`portico files`: the files of a project, up and down, with a bar on a terminal."""

from __future__ import annotations

import glob
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import RequestFailed
from .groups import Command, Group
from .inputs import confirm
from .options import Options
from .output import Columns, emit, note
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.files import AsyncFilesClient

Show = Callable[[str, int, int | None], None]
_COLUMNS: Columns = {
    "Id": "DataFileId",
    "Name": lambda row: ".".join(filter(None, (row["DataFileName"], row["DataFileExtension"]))),
    "Folder": lambda row: row.get("folder") or "(temporary)",
    "Bytes": "DataFileSize",
    "Changed": "updatedAt",
}


@click.group(
    cls=Group,
    examples=["portico files upload contract.pdf --folder legal", "portico files list", "portico files download ID"],
)
def files() -> None:
    """Upload, list, fetch and delete files.

    Assistants with `uploadFiles` read them: write {file:contract}, the name without its extension, into the message.
    """


@files.command(
    cls=Command,
    examples=[
        "portico files upload contract.pdf --folder legal",
        "portico files upload reports/ notes.md --folder reports",
        "tar c src | portico files upload - --name src.tar --folder backup",
    ],
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--folder", metavar="NAME", help="Folder on the server. Default: temporary, forgotten after a day.")
@click.option("--name", metavar="NAME", help="Name on the server, for one file. Default: its own.")
@project_option
def upload(paths: tuple[str, ...], folder: str | None, name: str | None, project_id: str | None) -> None:
    """Upload files; of a folder, those in it and below it. - is standard input. The same name replaces the content."""
    found = find_files(paths)
    if not found:
        raise click.UsageError("there is no file in it")
    if name and len(found) > 1:
        raise click.UsageError("--name is for one file; leave it out to keep the names")
    if None in [path for path, _ in found] and not name:
        raise click.UsageError("standard input has no name: say one with --name")
    from .remote import opened

    done: list[dict[str, Any]] = []
    with opened() as remote, _progress() as show:
        for path, below in found:
            label = str(path or name)
            answer = remote.run(
                remote.files.upload_file(
                    sys.stdin.buffer if path is None else path,
                    name=name,
                    folder="/".join(filter(None, (folder, below))) if folder else None,
                    project_id=project_id,
                    progress=lambda sent, size, label=label: show(label, sent, size),  # type: ignore[misc]
                )
            )
            done.append({"file": label, **answer})
    emit(done, rows=done, columns={"Id": "dataFileId", "File": "file"})


@files.command("list", cls=Command, examples=["portico files list", "portico files list --folder legal -o json"])
@click.option("--folder", metavar="NAME", help="Only those of this folder.")
@project_option
def list_(folder: str | None, project_id: str | None) -> None:
    """List the files of a project, newest content first."""
    answer = _ask(lambda client: client.get_file_list(folder=folder, project_id=project_id))
    emit(answer, rows=answer.get("dataFiles", []), columns=_COLUMNS)


@files.command(cls=Command, examples=["portico files show 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("file_id", metavar="ID")
@project_option
def show(file_id: str, project_id: str | None) -> None:
    """Show what is known of a file."""
    emit(_ask(lambda client: client.get_file(file_id, project_id=project_id)))


@files.command(
    cls=Command,
    writes_file=True,
    examples=[
        "portico files download 5b1d2f8e-0000-4000-8000-000000000002",
        "portico files download 5b1d2f8e-0000-4000-8000-000000000002 -o - | less",
    ],
)
@click.argument("file_id", metavar="ID")
@click.option(
    "--out",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    metavar="FILE",
    help="File to write; - is standard output. Default: its own name, here.",
)
@project_option
def download(file_id: str, out: Path | None, project_id: str | None) -> None:
    """Fetch a file."""
    from portico.sdk.managers.files import AsyncFiles

    from .remote import opened

    with opened() as remote, _progress() as show:
        if str(out) == "-":
            remote.run(_print_file(remote.files, file_id, project_id))
            return
        path = out or _own_name(remote.run(remote.files.get_file(file_id, project_id=project_id)))
        saving = AsyncFiles(remote.files).download(
            file_id, path, project_id=project_id, on_progress=lambda sent, size: show(str(path), sent, size)
        )
        remote.run(saving)
    emit({"file": str(path), "bytes": path.stat().st_size})


@files.command(cls=Command, examples=["portico files delete 5b1d2f8e-0000-4000-8000-000000000002 --yes"])
@click.argument("file_ids", nargs=-1, required=True, metavar="ID...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_option
def delete(file_ids: tuple[str, ...], yes: bool, project_id: str | None) -> None:
    """Delete files for good."""
    if not yes:
        confirm(f"Delete {len(file_ids)} file(s)? Prompts that name them fail from then on.")
    for file_id in file_ids:
        _ask(lambda client, file_id=file_id: client.delete_file(file_id, project_id=project_id))  # type: ignore[misc]
        note(f"file {file_id} deleted")


def _ask(call: Callable[[AsyncFilesClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.files))


async def _print_file(client: AsyncFilesClient, file_id: str, project_id: str | None) -> None:
    stream = await client.open_file(file_id, project_id=project_id)
    try:
        while piece := await stream.read():
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    finally:
        await stream.close()


def _own_name(file: JsonObject) -> Path:
    """The name that the file has on the server, which must not lead out of this folder, nor over another file."""
    name = Path(".".join(filter(None, (file["dataFileName"], file["dataFileExtension"])))).name
    path = Path(name)
    if not name or path.exists():
        raise RequestFailed(f"{name or 'the file'} is here already", "Name another file with -o.")
    return path


def find_files(paths: Sequence[str]) -> list[tuple[Path | None, str]]:
    """Each file (None: standard input) with the folder it lies in below the one that was named.

    A pattern that no shell has read (`'docs/**/*.md'`) stands for the files that fit it.
    """
    found: list[tuple[Path | None, str]] = []
    for word in _spread(paths):
        path = Path(word.removeprefix("@")).expanduser()
        if word == "-":
            found.append((None, ""))
        elif path.is_dir():
            inside = (one for one in sorted(path.rglob("*")) if one.is_file() and not _is_hidden(one.relative_to(path)))
            found += [(one, one.parent.relative_to(path).as_posix().removeprefix(".")) for one in inside]
        elif path.exists():
            found.append((path, ""))
        else:
            raise click.UsageError(f"there is no file {word}")
    return found


def _spread(paths: Sequence[str]) -> Iterator[str]:
    for word in paths:
        if glob.has_magic(word) and not Path(word).expanduser().exists():
            # Path.glob takes no pattern that begins at the root.
            yield from sorted(glob.glob(str(Path(word).expanduser()), recursive=True)) or [word]  # noqa: PTH207
        else:
            yield word


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@contextmanager
def _progress() -> Iterator[Show]:
    """Bars on a terminal; in a log, silence: what was done is told at the end."""
    if not sys.stderr.isatty():
        yield lambda label, done, size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True, no_color=not Options.current().color)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    with Bars(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console) as bars:
        tasks: dict[str, Any] = {}

        def show(label: str, done: int, size: int | None) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=size)
            bars.update(tasks[label], completed=done)

        yield show
