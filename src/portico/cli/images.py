"""`portico images`: pictures from a text, or from other pictures, into files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import read_message
from .made_files import find_model, free_names, model_option, out_option, save_file
from .output import emit, note

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject

    from .remote import Remote

DEFAULT_NAME = "image.png"
_picture = click.Path(exists=True, dir_okay=False, path_type=Path)


def looks(command: Callable[..., None]) -> Callable[..., None]:
    """The options that both commands have."""
    command = click.option("--quality", metavar="LEVEL", help="low, medium, high; the model decides what it knows.")(
        command
    )
    command = click.option("--size", metavar="WxH", help="1024x1024, or auto.")(command)
    command = click.option(
        "--n", "-n", type=click.IntRange(1, 10), metavar="N", help="How many: boat.png, boat-2.png ..."
    )(command)
    command = out_option(f"File to write. Default: {DEFAULT_NAME}, or a free name like it")(command)
    return model_option("Image", "PORTICO_IMAGE_MODEL")(command)


@click.group(cls=Group, examples=['portico images generate "a paper boat on a lake" -o boat.png'])
def images() -> None:
    """Make pictures from a text, and change pictures."""


@images.command(
    cls=Command,
    writes_file=True,
    examples=[
        'portico images generate "a paper boat on a lake" -o boat.png',
        'portico images generate --model openai/gpt-image-1 --size 1536x1024 -n 3 "a lighthouse" -o light.png',
        'portico images generate "a red square" -o - | feh -',
    ],
)
@click.argument("prompt", nargs=-1, required=True)
@looks
@click.option("--aspect-ratio", metavar="W:H", help="1:1, 16:9, 9:16, 4:3 or 3:4, where the model takes it.")
def generate(prompt: tuple[str, ...], model: str | None, out: Path | None, **options: Any) -> None:
    """Make pictures from PROMPT; @file and - (standard input) are read."""
    text = read_message(prompt)
    _check(out, options["n"])
    _make(model, out, lambda remote, name: remote.run(remote.images.generate_image(name, text, **options)))


@images.command(
    cls=Command,
    writes_file=True,
    examples=[
        'portico images edit lake.png "make the sky orange" -o evening.png',
        'portico images edit room.png "a plant in the corner" --mask corner.png -o out.png',
    ],
)
@click.argument("picture", type=_picture)
@click.argument("prompt", nargs=-1, required=True)
@click.option("--with", "more", multiple=True, type=_picture, metavar="FILE", help="Another picture; may repeat.")
@click.option("--mask", type=_picture, metavar="FILE", help="PNG whose transparent places are to be changed.")
@looks
def edit(
    picture: Path,
    prompt: tuple[str, ...],
    more: tuple[Path, ...],
    mask: Path | None,
    model: str | None,
    out: Path | None,
    **options: Any,
) -> None:
    """Change PICTURE as PROMPT says; the file itself stays as it is."""
    from portico.sdk.media import as_url, as_urls

    text = read_message(prompt)
    _check(out, options["n"])
    sent = as_urls([picture, *more]) if more else as_url(picture)
    masked = None if mask is None else as_url(mask)
    _make(model, out, lambda remote, name: remote.run(remote.images.edit_image(name, text, sent, masked, **options)))


def _check(out: Path | None, number: int | None) -> None:
    if str(out) == "-" and (number or 1) > 1:
        raise click.UsageError("-o - writes one picture: leave out -n, or name a file")


def _make(model: str | None, out: Path | None, ask: Callable[[Remote, str], JsonObject]) -> None:
    from portico.sdk.managers.base import read
    from portico.sdk.media import ImageList

    from .remote import opened

    with opened() as remote:
        answer = ask(remote, find_model(remote, "Image", model))
        pictures = read(ImageList, answer).data
        made = [
            save_file(remote, remote.images, image, path) | _said(image.revised_prompt)
            for image, path in zip(pictures, free_names(out, DEFAULT_NAME), strict=False)
        ]
    if str(out) == "-":
        note(f"{len(made)} written to standard output")
        return
    rest = {name: value for name, value in answer.items() if name != "data"}
    emit({"files": made, **rest}, rows=made, columns={"File": "file", "Bytes": "bytes"})


def _said(revised_prompt: str) -> dict[str, str]:
    return {"revised_prompt": revised_prompt} if revised_prompt else {}
