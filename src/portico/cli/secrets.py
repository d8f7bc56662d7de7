"""`portico secrets`: named values of a project. They come from a prompt, a file or standard input, never as words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import confirm, read_stdin, read_word
from .output import Columns, emit, note
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.secrets import AsyncSecretsClient, SecretStatus

_ID = "5b1d2f8e-0000-4000-8000-000000000003"
_COLUMNS: Columns = {
    "Id": "id",
    "Name": "name",
    "Status": "status",
    "Updated": "updatedAt",
    "Description": "description",
}

secret_id = click.argument("secret_id", metavar="ID")
value_from = click.option(
    "--value", "source", metavar="@FILE|-", help="Where the value comes from: a file, or standard input."
)


@click.group(
    cls=Group,
    examples=[
        "portico secrets create jira                 # asks for the value",
        "pass show jira | portico secrets create jira --description 'Jira token'",
        f"portico secrets update {_ID} --status inactive",
    ],
)
def secrets() -> None:
    """Keep values that tools of a project use by their name.

    A value is never shown again. It comes from a prompt, from a file or from standard input: a command line is seen
    by all and remembered. ID is what the listing shows.
    """


@secrets.command("list", cls=Command, examples=["portico secrets list", "portico secrets list --name jira -o json"])
@click.option("--name", metavar="TEXT", help="Only those with this in their name.")
@click.option("--start", type=click.IntRange(0), default=0, metavar="N", help="Leave out the first N.")
@click.option("--count", type=click.IntRange(1, 1000), default=100, metavar="N", help="How many at most (100).")
@project_option
def list_(name: str | None, start: int, count: int, project_id: str | None) -> None:
    """List the secrets of the project, by name; without values."""
    answer = _ask(lambda client: client.list_secrets(name=name, start=start, count=count, project_id=project_id))
    emit(answer, rows=answer.get("secrets", []), columns=_COLUMNS)


@secrets.command(cls=Command, examples=[f"portico secrets show {_ID}"])
@secret_id
@project_option
def show(secret_id: str, project_id: str | None) -> None:
    """Show a secret, without its value."""
    emit(_ask(lambda client: client.get_secret(secret_id, project_id=project_id)))


@secrets.command(
    cls=Command,
    examples=["portico secrets create jira --value @token.txt", "pass show jira | portico secrets create jira"],
)
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@value_from
@project_option
def create(name: str, description: str | None, source: str | None, project_id: str | None) -> None:
    """Make a secret NAME. One line end behind the value is left out."""
    value = _read_value(source, name)
    emit(
        _ask(
            lambda client: client.create_secret(
                name=name, secret_string=value, description=description, project_id=project_id
            )
        )
    )


@secrets.command(
    cls=Command,
    examples=[
        f"portico secrets update {_ID} --value -  < token.txt",
        f"portico secrets update {_ID} --new-value          # asks for it",
        f"portico secrets update {_ID} --status revoked",
    ],
)
@secret_id
@click.option("--name", metavar="TEXT", help="Another name.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--status", type=click.Choice(["active", "inactive", "revoked"]), help="`revoked` is for good.")
@click.option("--new-value", is_flag=True, help="Ask for another value.")
@value_from
@project_option
def update(
    secret_id: str,
    name: str | None,
    description: str | None,
    status: SecretStatus | None,
    new_value: bool,
    source: str | None,
    project_id: str | None,
) -> None:
    """Change a secret; what is not said stays."""
    value = _read_value(source, secret_id) if new_value or source else None
    if (name, description, status, value) == (None, None, None, None):
        raise click.UsageError("say what to change: --name, --description, --status, --value or --new-value")
    emit(
        _ask(
            lambda client: client.update_secret(
                secret_id,
                name=name,
                secret_string=value,
                description=description,
                status=status,
                project_id=project_id,
            )
        )
    )


@secrets.command(cls=Command, examples=[f"portico secrets delete {_ID} --yes"])
@secret_id
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@project_option
def delete(secret_id: str, yes: bool, project_id: str | None) -> None:
    """Delete a secret for good."""
    if not yes:
        confirm(f"Delete secret {secret_id}?")
    _ask(lambda client: client.delete_secret(secret_id, project_id=project_id))
    note(f"secret {secret_id} deleted")


@secrets.command(
    cls=Command,
    examples=[f"portico secrets accesses {_ID}", f"portico secrets accesses {_ID} --set write:service"],
)
@secret_id
@click.option("--set", "entries", multiple=True, metavar="LEVEL:PRINCIPAL", help="Put this list there; repeatable.")
@project_option
def accesses(secret_id: str, entries: tuple[str, ...], project_id: str | None) -> None:
    """Show the access list of a secret, or set it as a whole."""
    if entries:
        told = [_read_access(entry) for entry in entries]
        answer = _ask(lambda client: client.set_secret_accesses(secret_id, told, project_id=project_id))
    else:
        answer = _ask(lambda client: client.get_secret_accesses(secret_id, project_id=project_id))
    columns: Columns = {"Access": "accessLevel", "Principal": "principalType"}
    emit(answer, rows=answer.get("accessList", []), columns=columns)


def _read_access(entry: str) -> dict[str, str]:
    level, colon, principal = entry.partition(":")
    if not (level and colon and principal):
        raise click.UsageError(f"--set {entry}: write LEVEL:PRINCIPAL, such as write:service")
    return {"accessLevel": level, "principalType": principal}


def _read_value(source: str | None, name: str) -> str:
    if source is not None and source != "-" and not source.startswith("@"):
        raise click.UsageError("--value: write @file, or - for standard input; a command line is seen by all")
    if source is not None:
        value = read_word(source)
    elif sys.stdin.isatty():
        asked: str = click.prompt(f"Value of {name}", hide_input=True, err=True)
        return asked
    else:
        value = read_stdin()
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise click.UsageError("there is no value")
    return value


def _ask(call: Callable[[AsyncSecretsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.secrets))
