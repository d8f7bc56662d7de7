"""`portico providers`: which providers there are and whose keys they use; keys, own providers and own models."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .groups import Command, Group, Lazy
from .inputs import confirm
from .output import Columns, Row, emit, note
from .suggest import suggest_providers

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.providers import AsyncProvidersClient

    from .host import HostProviders
    from .remote import Remote

    Calls = AsyncProvidersClient | HostProviders

F = TypeVar("F", bound=Callable[..., Any])

_PROVIDERS: Columns = {
    "Provider": "name",
    "Name": "friendlyName",
    "Configured by": lambda row: row.get("configuredBy") or _how(row),
    "Needs": "missingSetting",
}
_NO_KEY = "-"


def _how(row: Row) -> str:
    return _NO_KEY if row.get("missingSetting") else "no key needed"


def installation_options(command: F) -> F:
    """`--installation` and `--data`: act on the database of this host instead of asking a server."""
    command = click.option(
        "--data",
        "data_dir",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIRECTORY",
        help="With --installation: data folder of the server; default as for `portico serve`.",
    )(command)
    return click.option(
        "--installation", is_flag=True, help="For all organizations, in the database of this host; needs no token."
    )(command)


@click.group(
    cls=Group,
    lazy={
        "keys": Lazy("portico.cli.provider_keys:keys", "Add, list, rotate and remove keys."),
        "models": Lazy("portico.cli.provider_models:models", "Add and remove models of your own."),
    },
    examples=[
        "portico providers list",
        "portico providers keys add openai --alias organization     # asks for the key",
        "portico providers test openai",
    ],
)
def providers() -> None:
    """Add keys, providers and models while the server runs; see which are set up.

    What belongs to an organization asks for its token (--alias organization).
    """


@providers.command(
    "list", cls=Command, examples=["portico providers list", "portico providers list -o json --alias organization"]
)
@click.option("--project", "project_id", metavar="ID", help="As this project finds them.")
@installation_options
def list_(project_id: str | None, installation: bool, data_dir: Path | None) -> None:
    """List all providers: whose keys they are called with, and which setting they still need."""
    answer = ask(lambda calls: calls.list_providers(project_id=project_id), installation, data_dir)
    emit(answer, rows=answer.get("providers", []), columns=_PROVIDERS)


@providers.command(
    cls=Command,
    examples=[
        "portico providers add acme https://api.acme.example/v1 --alias organization",
        "portico providers add lab http://10.0.0.7:8000/v1 --no-key --open-names --installation",
        "portico providers add acme https://api.acme.example/v1 --entry acme.json --alias organization",
    ],
)
@click.argument("name")
@click.argument("url")
@click.option("--friendly-name", metavar="TEXT", help="Its name in lists.")
@click.option("--adapter", metavar="NAME", help="The protocol it speaks. Default: openai.")
@click.option("--no-key", is_flag=True, help="It needs no key.")
@click.option("--open-names", is_flag=True, help="It takes names of models that are not listed, too.")
@click.option("--entry", metavar="FILE", help="Further members as JSON, such as `models` and `quirks`; - is stdin.")
@installation_options
def add(
    name: str,
    url: str,
    friendly_name: str | None,
    adapter: str | None,
    no_key: bool,
    open_names: bool,
    entry: str | None,
    installation: bool,
    data_dir: Path | None,
) -> None:
    """Add a provider NAME that answers at URL; its models can be used at once."""
    members = read_members(entry) | {"name": name, "baseUrl": url}
    given = {"friendlyName": friendly_name, "adapter": adapter}
    members |= {member: value for member, value in given.items() if value is not None}
    members |= ({"needsKey": False} if no_key else {}) | ({"openNames": True} if open_names else {})
    emit(ask(lambda calls: calls.create_provider(members), installation, data_dir))


@providers.command(cls=Command, examples=["portico providers remove acme --yes --alias organization"])
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@installation_options
def remove(name: str, yes: bool, installation: bool, data_dir: Path | None) -> None:
    """Remove a provider of your own, with its models and keys."""
    if not yes:
        confirm(f"Remove provider {name}, its models and its keys?")
    ask(lambda calls: calls.delete_provider(name), installation, data_dir)
    note(f"provider {name} removed")


@providers.command(cls=Command, examples=["portico providers test openai", "portico providers test acme --model m-1"])
@click.argument("name", shell_complete=suggest_providers)
@click.option("--model", metavar="NAME", help="The model to ask. Default: the first one that chats.")
def test(name: str, model: str | None) -> None:
    """Send a tiny chat to a provider, through the server; say whether it answers and how long it takes.

    It needs the token of a project, and costs what a few tokens cost.
    """
    from .remote import opened, reason_of

    with opened(max_retries=0) as remote:
        asked = model or _first_model(remote, name)
        full_name = asked if asked.lower().startswith(f"{name.lower()}/") else f"{name}/{asked}"
        started = time.monotonic()
        found: dict[str, object] = {"provider": name, "model": full_name}
        try:
            remote.run(remote.chat.chat_completion(full_name, "Say: ok", max_tokens=16, cache=False))
        except Exception as error:
            emit(found | {"status": "failed", "milliseconds": _since(started), "reason": reason_of(error)})
            raise
        emit(found | {"status": "ok", "milliseconds": _since(started)})


def _first_model(remote: Remote, name: str) -> str:
    if name.lower() == "local":
        from .ask import find_models

        return find_models(remote)[0]  # one that is here; others would only be told to be pulled
    models = remote.run(remote.llm.list_models(name, type="Chat")).get("models") or []
    if not models:
        raise click.UsageError(f"provider {name} has no chat model in the catalog: name one with --model")
    return str(models[0]["fullName"])


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def read_members(entry: str | None) -> dict[str, Any]:
    """The members in a JSON file or on standard input; none without a file."""
    from .inputs import read_json

    if entry is None:
        return {}
    members = read_json(entry, "--entry")
    if not isinstance(members, dict):
        raise click.UsageError("--entry: a JSON object is expected")
    return members


def ask(call: Callable[[Calls], Awaitable[JsonObject]], installation: bool, data_dir: Path | None) -> JsonObject:
    """What the server answers; with --installation, what the database of this host does."""
    if installation:
        from .host import ask_host

        return ask_host(data_dir, call)
    if data_dir is not None:
        raise click.UsageError("--data belongs to --installation")
    from .remote import opened

    with opened() as remote:

        async def go() -> JsonObject:
            return await call(remote.providers)

        return remote.run(go())
