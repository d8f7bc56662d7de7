"""`portico users`: the people of the installation, their links and their sessions."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import TYPE_CHECKING, Any

import click

from .groups import Command, Group, Lazy
from .inputs import read_stdin
from .output import Columns, emit, note
from .paging import gather, paging_options

if TYPE_CHECKING:
    from portico.sdk.call import JsonObject
    from portico.sdk.clients.users import AsyncUsersClient

_COLUMNS: Columns = {
    "Id": "id",
    "E-mail": "email",
    "Name": lambda row: "" if row.get("name") == row.get("email") else row.get("name"),
    "Status": "status",
    "Administrator": "systemAdministrator",
    "Last sign-in": "lastLoginAt",
}
_SESSIONS: Columns = {"Id": "id", "Program": "clientId", "Began": "createdAt", "Used": "usedAt", "Ends": "expiresAt"}
_WHO = click.argument("user", metavar="USER")
_ANA = "ana@acme.example"


@click.group(
    cls=Group,
    # It acts on this host's server and not through the API, so it lives with those that do.
    lazy={"setup-link": Lazy("portico.cli.host_users:setup_link", "Make a set-up link on the server of this host.")},
    examples=["portico users list", f"portico users invite {_ANA}", f"portico users block {_ANA}"],
)
def users() -> None:
    """Invite people, block them, end their sessions; for system administrators.

    USER is an id or an e-mail address.
    """


@users.command("list", cls=Command, examples=["portico users list", "portico users list acme.example --all"])
@click.argument("text", required=False)
@paging_options
def list_(text: str | None, limit: int | None) -> None:
    """List the users by address; TEXT is looked for in the addresses."""
    from .remote import opened

    with opened() as remote:
        found = remote.run(gather(_pages(remote.users, text, limit)))
    emit({"users": found}, rows=found, columns=_COLUMNS)


@users.command(cls=Command, examples=[f"portico users show {_ANA}"])
@_WHO
def show(user: str) -> None:
    """Show a user."""
    emit(_ask(lambda client: client.get_user(user)))


@users.command(cls=Command, examples=[f"portico users invite {_ANA}", f"portico users invite {_ANA} --administrator"])
@click.argument("email")
@click.option("--first-name", metavar="TEXT", help="First name.")
@click.option("--last-name", metavar="TEXT", help="Last name.")
@click.option("--administrator", is_flag=True, help="As a system administrator.")
def invite(email: str, first_name: str | None, last_name: str | None, administrator: bool) -> None:
    """Make a user. The answer has the link for choosing a password: hand it over, it is good for 72 hours."""
    emit(
        _ask(
            lambda client: client.create_user(
                email, first_name=first_name, last_name=last_name, system_administrator=administrator
            )
        )
    )


@users.command("link", cls=Command, examples=[f"portico users link {_ANA}"])
@_WHO
def link(user: str) -> None:
    """Make a link with which a user chooses a new password; the one before it is dead."""
    emit(_ask(lambda client: client.create_setup_link(user)))


@users.command(cls=Command, examples=[f"portico users block {_ANA}"])
@_WHO
def block(user: str) -> None:
    """Sign a user out everywhere, and do not let him in again."""
    emit(_ask(lambda client: client.update_user(user, status="Blocked")))


@users.command(cls=Command, examples=[f"portico users unblock {_ANA}"])
@_WHO
def unblock(user: str) -> None:
    """Let a user in again."""
    emit(_ask(lambda client: client.update_user(user, status="Active")))


@users.command(
    cls=Command, examples=[f"portico users administrator {_ANA}", f"portico users administrator {_ANA} --no"]
)
@_WHO
@click.option("--yes/--no", "is_one", default=True, help="Whether the user is a system administrator.")
def administrator(user: str, is_one: bool) -> None:
    """Make a user a system administrator, or no longer one."""
    emit(_ask(lambda client: client.update_user(user, system_administrator=is_one)))


@users.command(cls=Command, examples=["portico users sessions", f"portico users sessions {_ANA}"])
@click.argument("user", default="me")
def sessions(user: str) -> None:
    """List the sessions of a user; your own without USER."""
    answer = _ask(lambda client: client.list_sessions(user))
    emit(answer, rows=answer.get("sessions", []), columns=_SESSIONS)


@users.command("sign-out", cls=Command, examples=["portico users sign-out", f"portico users sign-out {_ANA}"])
@click.argument("user", default="me")
@click.option("--session", "session_id", metavar="ID", help="Only this session.")
def sign_out(user: str, session_id: str | None) -> None:
    """End the sessions of a user; your own without USER."""
    emit(_ask(lambda client: client.end_sessions(user, session_id)))


@users.command(cls=Command, examples=["portico users password"])
def password() -> None:
    """Change your own password. All your sessions end.

    Asks for both; from a pipe, the first line is the one until now and the second the new one.
    """
    from .remote import opened

    old, new = _ask_passwords()
    with opened() as remote:
        remote.run(remote.auth.change_password(old, new))
    note("changed; sign in again")


async def _pages(client: AsyncUsersClient, text: str | None, limit: int | None) -> AsyncIterator[JsonObject]:
    from portico.sdk.paging import Page, Place, paged_async

    async def fetch(place: Place) -> Page[JsonObject]:
        answer = await client.list_users(text, page=place.number, size=place.size)
        return Page(answer.get("users", []), answer.get("count"))

    async for item in paged_async(fetch, limit=limit):
        yield item


def _ask_passwords() -> tuple[str, str]:
    if sys.stdin.isatty():
        old = click.prompt("Password until now", hide_input=True, err=True)
        return old, click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    lines = read_stdin().splitlines()
    if len(lines) < 2:
        raise click.UsageError("write two lines: the password until now, and the new one")
    return lines[0], lines[1]


def _ask(call: Callable[[AsyncUsersClient], Coroutine[Any, Any, JsonObject]]) -> JsonObject:
    from .remote import opened

    with opened() as remote:
        return remote.run(call(remote.users))
