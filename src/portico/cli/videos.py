"""`portico videos`: a film is begun, asked after, waited for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import read_message
from .made_files import find_model, free_names, model_option, out_option, save_file
from .options import Options
from .output import emit, note

if TYPE_CHECKING:
    from portico.sdk.media import Video

    from .remote import Remote

DEFAULT_NAME = "video.mp4"
_MODEL = "vertex_ai/veo-3.0-generate-001"
_OPERATION = "projects/p/locations/l/operations/42"
interval = click.option(
    "--interval", type=click.FloatRange(min=0.1), default=5, show_default=True, metavar="SECONDS",
    help="Pause between two questions.",
)  # fmt: skip
patience = click.option(
    "--patience", type=click.FloatRange(min=1), default=900, show_default=True, metavar="SECONDS",
    help="Longest wait; the film goes on being made.",
)  # fmt: skip
out_file = out_option(f"File to write. Default: {DEFAULT_NAME}, or a free name like it")
model_name = model_option("Video", "PORTICO_VIDEO_MODEL")


@click.group(
    cls=Group,
    examples=['portico videos generate "waves at dawn" --wait -o waves.mp4', f"portico videos status {_OPERATION}"],
)
def videos() -> None:
    """Make films. It takes minutes: one is begun, asked after, and fetched when it is there."""


@videos.command(
    cls=Command,
    writes_file=True,
    examples=[
        'portico videos generate "waves at dawn" --wait -o waves.mp4',
        f'portico videos generate --model {_MODEL} --duration 6 --image beach.png "the tide comes in"',
    ],
)
@click.argument("prompt", nargs=-1, required=True)
@model_name
@click.option("--duration", type=click.IntRange(min=1), metavar="SECONDS", help="Length of the film.")
@click.option(
    "--image", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Picture that the film begins with.",
)  # fmt: skip
@click.option("--wait", "waits", is_flag=True, help="Wait until it is there, and write it to a file.")
@interval
@patience
@out_file
def generate(
    prompt: tuple[str, ...], model: str | None, duration: int | None, image: Path | None, waits: bool, **rest: Any
) -> None:
    """Begin a film of what PROMPT says; @file and - (standard input) are read."""
    from portico.sdk.media import as_url

    from .remote import opened

    text, picture = read_message(prompt), None if image is None else as_url(image)
    if rest["out"] is not None and not waits:
        raise click.UsageError("-o FILE needs --wait")
    with opened() as remote:
        name = find_model(remote, "Video", model)
        answer = remote.run(remote.videos.generate_video(name, text, duration=duration, image=picture))
        operation = str(answer.get("name") or answer.get("id") or "")
        if waits:
            note(f"begun: {operation}")
            _wait(remote, name, operation, **rest)
            return
    emit(answer, short={"Operation": operation, "Next": f"portico videos wait --model {name} {operation}"})


@videos.command(
    cls=Command, examples=[f"portico videos status {_OPERATION}", f"portico videos status -m {_MODEL} {_OPERATION}"]
)
@click.argument("operation")
@model_name
def status(operation: str, model: str | None) -> None:
    """Say how far the film OPERATION is. Without --model, the first video model is taken."""
    from .remote import opened

    with opened() as remote:
        emit(remote.run(remote.videos.get_video_status(find_model(remote, "Video", model), operation)))


@videos.command(
    cls=Command,
    writes_file=True,
    examples=[f"portico videos wait {_OPERATION} -o waves.mp4", f"portico videos wait --patience 1800 {_OPERATION}"],
)
@click.argument("operation")
@model_name
@interval
@patience
@out_file
def wait(operation: str, model: str | None, **rest: Any) -> None:
    """Wait until the film OPERATION is there, and write it to a file."""
    from .remote import opened

    with opened() as remote:
        _wait(remote, find_model(remote, "Video", model), operation, **rest)


def _wait(remote: Remote, model: str, operation: str, interval: float, patience: float, out: Path | None) -> None:
    from portico.sdk.managers.videos import AsyncVideos

    manager = AsyncVideos(remote.videos)
    with _progress() as show:
        video = remote.run(manager.wait(model, operation, interval_s=interval, timeout_s=patience, on_progress=show))
    made = save_file(remote, remote.videos, video, next(free_names(out, DEFAULT_NAME)))
    if made["file"] != "-":
        emit({**made, "operation": operation}, short=made)


@contextmanager
def _progress() -> Iterator[Callable[[Video], None]]:
    """A bar on a terminal, else a line whenever something has changed."""
    if not sys.stderr.isatty():
        yield _plain_lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, no_color=not Options.current().color)
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as bars:
        task = bars.add_task("pending", total=None)

        def show(video: Video) -> None:
            percent = percent_of(video)
            bars.update(task, description=video.state, total=None if percent is None else 100, completed=percent or 0)

        yield show


def _plain_lines() -> Callable[[Video], None]:
    said: list[str] = []

    def show(video: Video) -> None:
        percent = percent_of(video)
        line = video.state if percent is None else f"{video.state}, {percent:.0f} %"
        if said[-1:] != [line]:
            said.append(line)
            note(line)

    return show


def percent_of(video: Video) -> float | None:
    """How far it is, where the provider tells."""
    if video.state == "completed":
        return 100.0
    for name in ("progressPercent", "progress"):
        value = video.metadata.get(name)
        if isinstance(value, int | float) and 0 <= value <= 100:
            return float(value)
    return None
