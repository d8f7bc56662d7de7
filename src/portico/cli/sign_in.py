"""`portico login`, `portico logout` and `portico whoami`: who we are to a server, kept in the credentials file.

A token, or a user's address and password, come from a prompt or from standard input; never from the command line.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from .errors import NotConfigured, RequestFailed
from .groups import Command
from .options import Options
from .output import emit, note, one_line
from .profiles import (
    ACCESS_TOKEN,
    KEY,
    ORGANIZATION,
    PROJECT,
    URL,
    check_profile_name,
    credentials_file,
    mask,
    save_profile,
)

if TYPE_CHECKING:
    from portico.sdk.credentials import Credentials

_ADMINISTRATOR = "Organization Administrator"
_NO_ENTRY = "Check both; a system administrator makes a link for a new password: portico users link EMAIL."


@click.command(
    cls=Command,
    examples=[
        "portico login                                              # asks for address and token",
        "portico login --user ana@example.com                       # asks for the password, then for the project",
        "portico login --profile work --base-url https://api.example.com",
        "pass show portico | portico login --base-url https://api.example.com",
        "pass show ana | portico login --user ana@example.com --project Default --base-url https://api.example.com",
    ],
)
@click.option("--profile", metavar="NAME", help="Profile to write. Default: --alias, else `default`.")
@click.option("--user", metavar="EMAIL", help="Sign in as a user, with a password, instead of with an API token.")
@click.option("--project", metavar="NAME|ID", help="Project to work in, with --user. Default: asks, or the only one.")
@click.option("--check/--no-check", default=True, show_default=True, help="Ask the server whether it takes the token.")
def login(profile: str | None, user: str | None, project: str | None, check: bool) -> None:
    """Keep an address and a token in the credentials file (~/.geai/credentials, for its owner only).

    Token and password are asked for without showing them, or read from standard input; they are no options,
    because every user of a machine can read a command line. A user's access token is renewed by itself.
    """
    from portico.sdk.credentials import Credentials, Secret

    options = Options.current()
    name = check_profile_name(profile or options.alias or "default")
    if project and not user:
        raise click.UsageError("--project goes with --user: an API token belongs to its project")
    url = _checked_address(options.base_url or _ask_address())
    if user:
        entries = _sign_in(url, user, project)
    else:
        token = _read_secret("Token", blanks=False)
        if check:
            _check(Credentials(url, Secret(token)))
        entries = {KEY: token, URL: url}
    file = save_profile(name, entries)
    note(f"profile {name} written to {file}" + ("" if name == "default" else f"; use it with --alias {name}"))


@click.command(cls=Command, examples=["portico logout", "portico logout --alias work"])
def logout() -> None:
    """End the session on the server, and take the profile's tokens out of the credentials file.

    An API token goes on being good for whoever else has it: `portico tokens delete` ends one.
    """
    from portico.sdk.credentials import REFRESH_TOKEN, read_profiles
    from portico.sdk.errors import PorticoError
    from portico.sdk.profile_file import change_profile, locked

    file, name = credentials_file(), Options.current().alias or "default"
    entries = read_profiles(file).get(name, {})
    token = entries.get(REFRESH_TOKEN.lower()) or entries.get(ACCESS_TOKEN.lower())
    if not token and not entries.get(KEY.lower()):
        raise NotConfigured(f"{file} has no token in profile {name}", "See: portico configure list")
    failure: PorticoError | None = None
    if token:
        try:
            _revoke(entries.get(URL.lower(), ""), token)
        except PorticoError as error:
            failure = error  # told when the tokens are gone here
    with locked(file):
        change_profile(file, name, dict.fromkeys([KEY, ACCESS_TOKEN, REFRESH_TOKEN, PROJECT, ORGANIZATION]))
    note(f"the tokens of profile {name} are removed from {file}")
    if failure is not None:
        raise failure


@click.command(cls=Command, examples=["portico whoami", "portico whoami --alias work -o json"])
def whoami() -> None:
    """Say who the server takes us for: the user or the token, with organization and project."""
    from .remote import opened

    with opened() as remote:
        found = remote.credentials
        token = found.access_token or found.api_key or ""
        told: dict[str, Any] = {"server": found.base_url, "source": found.source, "token": mask(token)}
        if found.access_token:
            user = remote.run(remote.auth.get_user_info())
            told |= {"user": user.get("email") or user.get("username"), "name": user.get("name")}
            told |= {"userId": user.get("guid") or user.get("sub"), "roles": user.get("roles")}
            told |= {"projectId": found.project_id, "organizationId": found.organization_id}
        else:
            told |= remote.run(remote.tokens.validate_api_token())
    emit({name: value for name, value in told.items() if value is not None})


def _sign_in(url: str, user: str, project: str | None) -> dict[str, str]:
    """Signs in and chooses the project; the entries of the profile."""
    from portico.sdk.credentials import REFRESH_TOKEN, Credentials, Secret
    from portico.sdk.errors import PorticoError, Unauthorized

    from .remote import opened

    password = _read_secret(f"Password of {user}", blanks=True)
    with opened(Credentials(url), max_retries=0) as remote:
        try:
            answer = remote.run(remote.auth.get_access_token(user, password))
        except Unauthorized:
            raise RequestFailed(f"{url} does not know {user} with this password", _NO_ENTRY) from None
    if not (access := answer.get("access_token")):
        raise RequestFailed("the server's answer to the sign-in has no access token", "Is this the address of the API?")
    entries = {URL: url, ACCESS_TOKEN: str(access), REFRESH_TOKEN: str(answer.get("refresh_token") or "")}
    try:
        chosen = _choose(_projects(Credentials(url, access_token=Secret(str(access)))), project)
    except BaseException:
        # Nobody keeps the tokens: the session must not live on at the server.
        with suppress(PorticoError):
            _revoke(url, str(answer.get("refresh_token") or access))
        raise
    note(f"signed in as {user}" + (f", project {chosen['name']} of {chosen['organization']}" if chosen else ""))
    if chosen:
        entries |= {PROJECT: chosen["id"], ORGANIZATION: chosen["organization_id"]}
    else:
        note("there is no project in which this user has a role; name one with --alias and GEAI_PROJECT_ID later")
    return {name: value for name, value in entries.items() if value}


def _projects(credentials: Credentials) -> list[dict[str, str]]:
    """The projects that the user reaches, by organization: those of his roles; all, where he administers it."""
    from portico.sdk.managers.access_control import AsyncAccessControl

    from .paging import gather
    from .remote import opened

    with opened(credentials) as remote:
        places = remote.run(gather(AsyncAccessControl(remote.access_control).memberships()))
    found = []
    for place in places:
        projects = [(project.project_id, project.project_name) for project in place.projects]
        if any(role.name == _ADMINISTRATOR for role in place.roles):
            with opened(replace(credentials, organization_id=place.organization_id)) as remote:
                listed = remote.run(remote.projects.list_projects()).get("projects", [])
            projects = [(one["projectId"], one["projectName"]) for one in listed]
        whose = {"organization_id": place.organization_id, "organization": place.organization_name}
        found += [{"id": project_id, "name": name, **whose} for project_id, name in projects]
    return found


def _choose(projects: list[dict[str, str]], wanted: str | None) -> dict[str, str] | None:
    """The project that was named, the only one, or the one of the number that a person types."""
    if wanted:
        found = [p for p in projects if wanted in (p["id"], p["name"])]
        if len(found) != 1:
            names = ", ".join(sorted(p["name"] for p in projects)) or "none"
            problem = "is several" if found else "is none of this user's"
            raise click.UsageError(f"--project {wanted}: {problem} projects; there are: {names}. Use the id.")
        return found[0]
    if len(projects) < 2:
        return projects[0] if projects else None
    if not sys.stdin.isatty():
        names = ", ".join(sorted(p["name"] for p in projects))
        raise click.UsageError(f"name the project with --project; there are: {names}")
    for number, one in enumerate(projects, 1):
        click.echo(f"{number:>3}  {one_line(one['name'])} ({one_line(one['organization'])})", err=True)
    number = click.prompt("Project", type=click.IntRange(1, len(projects)), default=1, err=True)
    return projects[number - 1]


def _revoke(url: str, token: str) -> None:
    from portico.sdk.credentials import Credentials, check_base_url

    from .remote import opened

    with opened(Credentials(check_base_url(Options.current().base_url or url))) as remote:
        remote.run(remote.auth.revoke_token(token))


def _checked_address(text: str) -> str:
    """The address as the SDK keeps it; a warning when the token would travel over the network unencrypted."""
    from portico.sdk.credentials import check_base_url

    url = check_base_url(text)
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        note("warning: over http the token travels readable for others; use https where the server has it")
    return url


def _ask_address() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("name the address with --base-url when token or password come from standard input")
    return str(click.prompt("Address of the server", default=_local_address(), err=True))


def _local_address() -> str:
    """Where the server of this host answers, by the file that it writes."""
    from portico.sdk.credentials import local_server_file, read_profiles

    known = read_profiles(local_server_file()).get("default", {})
    return known.get(URL.lower()) or "http://127.0.0.1:8080"


def _read_secret(what: str, *, blanks: bool) -> str:
    """From a prompt that does not show it, or the first line of standard input."""
    kind = what.split(maxsplit=1)[0].lower()
    text: str = click.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    text = text.rstrip("\r\n") if blanks else text.strip()
    if not text:
        raise click.UsageError(f"the {kind} is empty")
    if not blanks and (not text.isprintable() or " " in text):
        raise click.UsageError(f"a {kind} has no blanks and no control characters")
    return text


def _check(credentials: Credentials) -> None:
    """Ask the server whom the token belongs to, and say it. Raises what the SDK raises."""
    from .remote import opened

    with opened(credentials) as remote:
        found = remote.run(remote.tokens.validate_api_token())
    organization, project = found.get("organizationName") or "?", found.get("projectName") or "-"
    note(f"the server takes it: organization {organization}, project {project}")
