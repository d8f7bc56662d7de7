"""`portico providers keys`: keys come from a prompt or standard input, never from a command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from .groups import Command, Group
from .inputs import confirm, read_pairs, read_stdin
from .output import Columns, emit, note
from .providers import ask, installation_options
from .suggest import suggest_providers

_ID = "5b1d2f8e-0000-4000-8000-000000000002"
_KEYS: Columns = {
    "Id": "id",
    "Name": "name",
    "Weight": "weight",
    "Ends with": "lastCharacters",
    "Scope": "scope",
    "Project": "projectId",
    "Blocked": "blocked",
    "Base URL": "baseUrl",
}

provider = click.argument("provider", shell_complete=suggest_providers)
key_id = click.argument("key_id", metavar="ID")
project = click.option(
    "--project",
    "project_id",
    metavar="ID",
    help="A project's key. Default: the organization's, or the token's project.",
)


@click.group(
    cls=Group,
    examples=[
        "portico providers keys add openai --alias organization",
        "pass show openai | portico providers keys add openai --installation",
        "portico providers keys list openai",
    ],
)
def keys() -> None:
    """Add, list, rotate and remove the keys of a provider.

    The keys of the narrowest scope count: a project's before the organization's before the installation's. Several
    keys of a scope share the load by weight.
    """


@keys.command(
    cls=Command,
    examples=[
        "portico providers keys add openai --alias organization      # asks for the key",
        "portico providers keys add openai --weight 3 --name batch < key.txt",
        "portico providers keys add azure --url https://acme.openai.azure.com --option api_version=2024-10-21",
    ],
)
@provider
@click.option("--name", metavar="TEXT", help="What it is called in lists.")
@click.option("--weight", type=click.IntRange(1, 1000), metavar="N", help="Share of the load. Default: 1.")
@click.option("--url", metavar="URL", help="Where the provider is reached with this key.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Such as region=eu-west-1; repeatable.")
@click.option("--no-key", is_flag=True, help="Only an address or options; the provider needs no key.")
@project
@installation_options
def add(
    provider: str,
    name: str | None,
    weight: int | None,
    url: str | None,
    options: Sequence[str],
    no_key: bool,
    project_id: str | None,
    installation: bool,
    data_dir: Path | None,
) -> None:
    """Add a key of PROVIDER, read from a prompt or from standard input. It is used within a second."""
    members = {
        "key": None if no_key else read_key(provider),
        "name": name,
        "weight": weight,
        "baseUrl": url,
        "options": read_pairs(options, "--option") or None,
        "projectId": project_id,
    }
    given = {member: value for member, value in members.items() if value is not None}
    emit(ask(lambda calls: calls.create_key(provider, given), installation, data_dir))


@keys.command("list", cls=Command, examples=["portico providers keys list openai --alias organization"])
@provider
@project
@installation_options
def list_(provider: str, project_id: str | None, installation: bool, data_dir: Path | None) -> None:
    """List the keys of PROVIDER; of each its last four characters at most."""
    answer = ask(lambda calls: calls.list_keys(provider, project_id=project_id), installation, data_dir)
    emit(answer, rows=answer.get("keys", []), columns=_KEYS)


@keys.command(cls=Command, examples=[f"portico providers keys rotate openai {_ID} < new-key.txt"])
@provider
@key_id
@installation_options
def rotate(provider: str, key_id: str, installation: bool, data_dir: Path | None) -> None:
    """Put another key in the place of one, read from a prompt or standard input; id, name and weight stay."""
    members = {"key": read_key(provider)}
    emit(ask(lambda calls: calls.update_key(provider, key_id, members), installation, data_dir))


@keys.command(
    cls=Command,
    examples=[
        f"portico providers keys change openai {_ID} --weight 5",
        f"portico providers keys change openai {_ID} --block",
    ],
)
@provider
@key_id
@click.option("--name", metavar="TEXT", help="What it is called in lists.")
@click.option("--weight", type=click.IntRange(1, 1000), metavar="N", help="Share of the load.")
@click.option("--block/--unblock", "blocked", default=None, help="Use it no more, or again.")
@installation_options
def change(
    provider: str,
    key_id: str,
    name: str | None,
    weight: int | None,
    blocked: bool | None,
    installation: bool,
    data_dir: Path | None,
) -> None:
    """Weigh, name, block or unblock a key."""
    members = {"name": name, "weight": weight, "blocked": blocked}
    given = {member: value for member, value in members.items() if value is not None}
    if not given:
        raise click.UsageError("say what to change: --name, --weight, --block or --unblock")
    emit(ask(lambda calls: calls.update_key(provider, key_id, given), installation, data_dir))


@keys.command(cls=Command, examples=[f"portico providers keys remove openai {_ID} --yes"])
@provider
@key_id
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@installation_options
def remove(provider: str, key_id: str, yes: bool, installation: bool, data_dir: Path | None) -> None:
    """Remove a key for good."""
    if not yes:
        confirm(f"Remove key {key_id} of {provider}?")
    ask(lambda calls: calls.delete_key(provider, key_id), installation, data_dir)
    note(f"key {key_id} removed")


def read_key(provider: str) -> str:
    """From a prompt that does not show it, or from standard input: a command line is seen by all and remembered."""
    if sys.stdin.isatty():
        key: str = click.prompt(f"Key of {provider}", hide_input=True, err=True)
    else:
        key = read_stdin()
    if not key.strip():
        raise click.UsageError("there is no key on standard input")
    return key.strip()
