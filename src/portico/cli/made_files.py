"""Files that a command makes: which model makes them, what they are called, how they get onto the disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .errors import RequestFailed
from .output import note
from .suggest import suggest_models

if TYPE_CHECKING:
    from portico.sdk.clients.base import AsyncFileClient
    from portico.sdk.clients.llm import ModelKind
    from portico.wire.media import MediaFile

    from .remote import Remote

_WAITS = "RequiresConfiguration"
Fits = Callable[[str], bool]


def model_option(kind: ModelKind, envvar: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`--model`, completed with the models of a type."""
    return click.option(
        "--model",
        "-m",
        envvar=envvar,
        show_envvar=True,
        metavar="NAME",
        shell_complete=suggest_models(kind),
        help="Model. Default: the first that this server is set up for.",
    )


def out_option(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """`-o FILE`."""
    kind = click.Path(dir_okay=False, path_type=Path, allow_dash=True)
    return click.option("--out", "-o", type=kind, metavar="FILE", help=f"{what}; - is standard output.")


def find_model(remote: Remote, kind: ModelKind, named: str | None, fits: Fits = lambda name: True) -> str:
    """The model that was named, or the first of its type that is set up. Raises RequestFailed, naming some."""
    if named:
        return named
    found = remote.run(remote.llm.list_providers(models=True, type=kind))["providers"]
    models = [model for provider in found for model in provider.get("models") or () if fits(model["fullName"])]
    ready = [model for model in models if not any(p["name"] == _WAITS for p in model.get("properties") or ())]
    if ready:
        best = min(ready, key=lambda model: model.get("priority") or 0)
        note(f"model: {best['fullName']}")
        return str(best["fullName"])
    some = ", ".join(str(model["fullName"]) for model in models[:3])
    raise RequestFailed(
        f"no model of type {kind} is set up on this server" + (f"; it knows {some}" if some else ""),
        "Set the key of a provider (portico providers --help), or name a model with --model.",
    )


def free_names(out: Path | None, default: str) -> Iterator[Path]:
    """Where the files go: boat.png, boat-2.png ... Without a name of the caller's, nothing that is there is lost."""
    first = out or Path(default)
    number = 1
    while True:
        path = first if number == 1 else first.with_stem(f"{first.stem}-{number}")
        number += 1
        if out is not None or not path.exists():
            yield path


def save_file(remote: Remote, client: AsyncFileClient, file: MediaFile, path: Path) -> dict[str, Any]:
    """Writes one file, fetching it first where only an address came; what there is to say of it."""
    from portico.sdk.media import write_file

    content = remote.run(client.download(file))
    if str(path) == "-":
        sys.stdout.buffer.write(content)
        return {"file": "-", "bytes": len(content)}
    try:
        write_file(content, path)
    except OSError as error:
        raise RequestFailed(f"{path} cannot be written: {error.strerror}") from None
    return {"file": str(path), "bytes": len(content)}
