"""`portico tokens`: API tokens of a project or the organization. One is shown once, in the answer that makes it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group, Lazy
from .inputs import confirm
from .output import Columns, chosen_format, emit, note
from .shared_options import project_option

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.tokens import AsyncTokensClient

_COLUMNS: Columns = {
    "Id": "id",
    "Name": "name",
    "Status": "status",
    "Made": "timestamp",
    "Ends": "expiresAt",
    "Last used": "lastUsedAt",
    "Description": "description",
}

whole = click.option("--organization", "whole", is_flag=True, help="Tokens of the organization itself.")
expires = click.option("--expires", metavar="TIME", help="When it ends, such as 2030-01-31T12:00:00Z.")


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
    "list",
    cls=Command,
    examples=[
        "portico tokens list",
        "portico tokens list --project ID --alias organization",
        "portico tokens list --organization --alias organization",
    ],
)
@project_option
@whole
def list_(project_id: str | None, whole: bool) -> None:
    """List the tokens of a project, without the secrets."""
    _check(project_id, whole)
    answer = _ask(lambda client: client.list_organization_tokens() if whole else _list(client, project_id))
    emit(answer, rows=answer.get("tokens", []), columns=_COLUMNS)


@tokens.command(
    cls=Command,
    examples=[
        "portico tokens create ci --description 'the pipeline'",
        "portico tokens create ci --expires 2030-01-31T12:00:00Z",
        "portico tokens create ci -o json | jq -r .id | pass insert -e portico/ci",
    ],
)
@click.argument("name")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@expires
@project_option
@whole
def create(name: str, description: str, expires: str | None, project_id: str | None, whole: bool) -> None:
    """Make a token. It is shown now, and never again."""
    _check(project_id, whole)

    def make(client: AsyncTokensClient) -> Coroutine[Any, Any, JsonObject]:
        said = description or None
        if whole:
            return client.create_organization_token(name, description=said, expires_at=expires)
        return client.create_project_api_token(name, description=said, expires_at=expires, project_id=project_id)

    emit(_ask(make))
    if chosen_format() == "table" and sys.stdout.isatty():
        note("keep it now: `id` is the token itself, and it is not shown again")


@tokens.command(cls=Command, examples=["portico tokens show 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
@whole
def show(token_id: str, whole: bool) -> None:
    """Show a token, without the secret."""
    emit(
        _ask(
            lambda client: client.get_organization_token(token_id) if whole else client.get_project_api_token(token_id)
        )
    )


@tokens.command(cls=Command, examples=["portico tokens describe 5b1d2f8e-0000-4000-8000-000000000002 'nightly jobs'"])
@click.argument("token_id", metavar="ID")
@click.argument("description")
@whole
def describe(token_id: str, description: str, whole: bool) -> None:
    """Change what is said about a token; its name stays for ever."""
    _change(token_id, whole, description=description)


@tokens.command(
    cls=Command,
    examples=[
        "portico tokens expire 5b1d2f8e-0000-4000-8000-000000000002 2030-01-31T12:00:00Z",
        "portico tokens expire 5b1d2f8e-0000-4000-8000-000000000002 never",
    ],
)
@click.argument("token_id", metavar="ID")
@click.argument("when", metavar="TIME|never")
@whole
def expire(token_id: str, when: str, whole: bool) -> None:
    """Set when a token ends, or that it does not."""
    _change(token_id, whole, expires_at="" if when == "never" else when)


@tokens.command(cls=Command, examples=["portico tokens block 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
@whole
def block(token_id: str, whole: bool) -> None:
    """Block a token: it is refused within a second, until it is unblocked."""
    _change(token_id, whole, status="Blocked")


@tokens.command(cls=Command, examples=["portico tokens unblock 5b1d2f8e-0000-4000-8000-000000000002"])
@click.argument("token_id", metavar="ID")
@whole
def unblock(token_id: str, whole: bool) -> None:
    """Let a blocked token in again."""
    _change(token_id, whole, status="Active")


@tokens.command(cls=Command, examples=["portico tokens delete 5b1d2f8e-0000-4000-8000-000000000002 --yes"])
@click.argument("token_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@whole
def delete(token_id: str, yes: bool, whole: bool) -> None:
    """Delete a token for good."""
    if not yes:
        confirm(f"Delete token {token_id}? Whoever uses it is refused from then on.")
    _ask(
        lambda client: (
            client.delete_organization_token(token_id) if whole else client.delete_project_api_token(token_id)
        )
    )
    note(f"token {token_id} deleted")


@tokens.command(cls=Command, examples=["portico tokens validate", "portico tokens validate --alias work -o json"])
def validate() -> None:
    """Ask the server whom the token in use belongs to."""
    emit(_ask(lambda client: client.validate_api_token()))


def _change(token_id: str, whole: bool, **members: str) -> None:
    def change(client: AsyncTokensClient) -> Coroutine[Any, Any, JsonObject]:
        if whole:
            return client.update_organization_token(token_id, **members)
        return client.update_project_api_token(token_id, **members)

    emit(_ask(change))


def _check(project_id: str | None, whole: bool) -> None:
    if whole and project_id is not None:
        raise click.UsageError("--project and --organization exclude each other")


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
