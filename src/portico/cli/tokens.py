"""`portico tokens`: the API tokens of a project. A token is shown once, in the answer that makes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group, Lazy
from .output import Columns, chosen_format, emit, note

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.tokens import AsyncTokensClient

_COLUMNS: Columns = {
    "Id": "id",
    "Name": "name",
    "Status": "status",
    "Made": "timestamp",
    "Description": "description",
}

project = click.option(
    "--project", "project_id", metavar="ID", help="Project, when the token in use is the organization's."
)


@click.group(
    cls=Group,
    # `reset` acts on this host's server and not through the API, so it lives with those that do.
    lazy={"reset": Lazy("portico.cli.host:reset_tokens", "Make new tokens for the server of this host.")},
    examples=[
        "portico tokens list",
        "portico tokens create ci --description 'the pipeline'",
        "portico tokens validate",
    ],
)
def tokens() -> None:
    """Make, show, block and delete API tokens.

    ID is the id that `list` shows; the token itself should stay out of command lines.
    """


@tokens.command(
    "list", cls=Command, examples=["portico tokens list", "portico tokens list -o json --alias organization"]
)
@project
def list_(project_id: str | None) -> None:
    """List the tokens of a project, without the secrets."""
    answer = _ask(lambda client: _list(client, project_id))
    emit(answer, rows=answer.get("tokens", []), columns=_COLUMNS)


@tokens.command(
    cls=Command,
    examples=[
        "portico tokens create ci --description 'the pipeline'",
        "portico tokens create ci -o json | jq -r .id | pass insert -e portico/ci",
    ],
)
@click.argument("name")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@project
def create(name: str, description: str, project_id: str | None) -> None:
    """Make a token. It is shown now, and never again."""
    answer = _ask(
        lambda client: client.create_project_api_token(name, description=description or None, project_id=project_id)
    )
    emit(answer)
    if chosen_format() == "table" and sys.stdout.isatty():
        note("keep it now: `id` is the token itself, and it is not shown again")


@tokens.command(cls=Command, examples=["portico tokens show 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
def show(token_id: str) -> None:
    """Show a token, without the secret."""
    emit(_ask(lambda client: client.get_project_api_token(token_id)))


@tokens.command(cls=Command, examples=["portico tokens describe 5b1d2f8e-0000-4000-8000-000000000002 'nightly jobs'"])
@click.argument("token_id", metavar="ID")
@click.argument("description")
def describe(token_id: str, description: str) -> None:
    """Change what is said about a token; its name stays for ever."""
    _change(token_id, description=description)


@tokens.command(cls=Command, examples=["portico tokens block 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
def block(token_id: str) -> None:
    """Block a token: it is refused within a second, until it is unblocked."""
    _change(token_id, status="Blocked")


@tokens.command(cls=Command, examples=["portico tokens unblock 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
def unblock(token_id: str) -> None:
    """Let a blocked token in again."""
    _change(token_id, status="Active")


@tokens.command(cls=Command, examples=["portico tokens delete 5b1d2f8e-0000-4000-8000-000000000002 --yes"])
@click.argument("token_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(token_id: str, yes: bool) -> None:
    """Delete a token for good."""
    if not yes:
        click.confirm(f"Delete token {token_id}? Whoever uses it is refused from then on.", abort=True, err=True)
    _ask(lambda client: client.delete_project_api_token(token_id))
    note(f"token {token_id} deleted")


@tokens.command(cls=Command, examples=["portico tokens validate", "portico tokens validate --alias work -o json"])
def validate() -> None:
    """Ask the server whom the token in use belongs to."""
    emit(_ask(lambda client: client.validate_api_token()))


def _change(token_id: str, *, description: str | None = None, status: str | None = None) -> None:
    emit(_ask(lambda client: client.update_project_api_token(token_id, description=description, status=status)))


def _ask(call: Callable[[AsyncTokensClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.tokens))


async def _list(client: AsyncTokensClient, project_id: str | None) -> JsonObject:
    return await client.list_project_tokens(project_id or await _own_project(client))


async def _own_project(client: AsyncTokensClient) -> str:
    """The project of the token in use; the organization's token has none, and the project must be named."""
    found = (await client.validate_api_token()).get("projectId")
    if not found:
        raise click.UsageError("the token in use belongs to no project: name one with --project ID")
    return str(found)
