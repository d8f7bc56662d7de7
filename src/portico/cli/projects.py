"""`portico projects`: the projects of an organization; asks for its token, or for its administrator."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group
from .inputs import confirm
from .output import Columns, chosen_format, emit, note

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.projects import AsyncProjectsClient

_COLUMNS: Columns = {
    "Id": "projectId",
    "Name": "projectName",
    "Active": "projectActive",
    "Description": "projectDescription",
}
_ID = "5b1d2f8e-0000-4000-8000-000000000002"


@click.group(
    cls=Group,
    examples=[
        "portico projects list --alias organization",
        "portico projects create sales --administrator ana@acme.example --alias organization",
        f"portico projects delete {_ID} --alias organization",
    ],
)
def projects() -> None:
    """Make, show, change and delete projects.

    Asks for a token of the organization: name its profile with --alias, or sign in as an administrator.
    """


@projects.command(
    "list", cls=Command, examples=["portico projects list --alias organization", "portico projects list --hidden"]
)
@click.option("--hidden", is_flag=True, help="The hidden ones too.")
@click.option("--name", metavar="NAME", help="The one of exactly this name.")
def list_(hidden: bool, name: str | None) -> None:
    """List projects, oldest first."""
    answer = _ask(lambda client: client.list_projects(detail="full" if hidden else None, name=name))
    emit(answer, rows=answer.get("projects", []), columns=_COLUMNS)


@projects.command(cls=Command, examples=[f"portico projects show {_ID}"])
@click.argument("project_id", metavar="ID")
def show(project_id: str) -> None:
    """Show a project, and the usage limit in force."""
    emit(_ask(lambda client: client.get_project(project_id)))


@projects.command(
    cls=Command,
    examples=[
        "portico projects create sales --description 'Sales bots' --administrator ana@acme.example",
        "portico projects create trial --type Monthly --unit Cost --soft 80 --hard 100",
    ],
)
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--administrator", metavar="EMAIL", help="Who becomes its administrator; invited when unknown.")
@click.option(
    "--type", "kind", help="A usage limit: how long it lasts.",
    type=click.Choice(["Freemium", "Daily", "Weekly", "Monthly"], case_sensitive=False),
)  # fmt: skip
@click.option("--unit", type=click.Choice(["Requests", "Cost"], case_sensitive=False), help="What the limit counts.")
@click.option("--soft", type=float, metavar="N", help="Tell the operator when so much is used.")
@click.option("--hard", type=float, metavar="N", help="Refuse requests when so much is used.")
@click.option(
    "--renewal", help="Whether the limit begins anew at its end.",
    type=click.Choice(["Renewable", "NonRenewable"], case_sensitive=False),
)  # fmt: skip
def create(
    name: str,
    description: str | None,
    administrator: str | None,
    kind: str | None,
    unit: str | None,
    soft: float | None,
    hard: float | None,
    renewal: str | None,
) -> None:
    """Make a project, with its first token. The token is shown now, and never again."""
    limit: dict[str, Any] = {
        "subscriptionType": kind,
        "usageUnit": unit,
        "softLimit": soft,
        "hardLimit": hard,
        "renewalStatus": renewal or ("Renewable" if kind and kind != "Freemium" else None),
    }
    limit = {member: value for member, value in limit.items() if value is not None}
    answer = _ask(
        lambda client: client.create_project(
            name, description=description, administrator_user_email=administrator, usage_limit=limit or None
        )
    )
    shown = {member: value for member, value in answer.items() if member != "tokens"}
    emit(answer, short=shown | {"token": next((token["id"] for token in answer.get("tokens", [])), None)})
    if chosen_format() == "table" and sys.stdout.isatty():
        note("keep the token now: it is not shown again")


@projects.command(
    cls=Command,
    examples=[f"portico projects update {_ID} --name sales-emea", f"portico projects update {_ID} --hide"],
)
@click.argument("project_id", metavar="ID")
@click.option("--name", metavar="NAME", help="Its new name.")
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--hide/--activate", "hide", default=None, help="Whether it stands in listings.")
def update(project_id: str, name: str | None, description: str | None, hide: bool | None) -> None:
    """Rename, describe, hide or activate a project."""
    if name is None and description is None and hide is None:
        raise click.UsageError("say what to change: --name, --description, --hide or --activate")
    active = None if hide is None else not hide
    emit(_ask(lambda client: client.update_project(project_id, name=name, description=description, active=active)))


@projects.command(cls=Command, examples=[f"portico projects delete {_ID} --yes"])
@click.argument("project_id", metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(project_id: str, yes: bool) -> None:
    """Delete a project and everything that belongs to it. Its usage and the audit log stay."""
    if not yes:
        confirm(f"Delete project {project_id} with its assistants, files, secrets, members and tokens?")
    emit(_ask(lambda client: client.delete_project(project_id)))
    note(f"project {project_id} deleted")


def _ask(call: Callable[[AsyncProjectsClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.projects))
