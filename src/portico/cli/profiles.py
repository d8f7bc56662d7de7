"""`portico login` and `portico configure`: the profiles of the credentials file, shared with the SDK.

The file is written by `login` and `configure remove` only; tokens are never shown whole.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from .errors import NotConfigured
from .groups import Command, Group
from .options import Options
from .output import emit, note
from .profile_file import remove_section, set_entries, write_private
from .suggest import suggest_profiles

if TYPE_CHECKING:
    from portico.sdk.credentials import Credentials

KEY, URL = "GEAI_API_KEY", "GEAI_API_BASE_URL"


@click.command(
    cls=Command,
    examples=[
        "portico login                                              # asks for address and token",
        "portico login --profile work --base-url https://api.example.com",
        "pass show portico | portico login --base-url https://api.example.com",
    ],
)
@click.option("--profile", metavar="NAME", help="Profile to write. Default: --alias, else `default`.")
@click.option("--check/--no-check", default=True, show_default=True, help="Ask the server whether it takes the token.")
def login(profile: str | None, check: bool) -> None:
    """Keep an address and a token in the credentials file (~/.geai/credentials, for its owner only).

    The token is asked for without showing it, or read from standard input; it is no option, because
    every user of a machine can read a command line.
    """
    from portico.sdk.credentials import Credentials, Secret

    options = Options.current()
    name = profile or options.alias or "default"
    if any(c in name for c in "[]\n") or not name.strip():
        raise click.UsageError(f"{name!r} cannot be the name of a profile")
    url = _checked_address(options.base_url or _ask_address())
    token = _read_token()
    if check:
        _check(Credentials(url, Secret(token)))
    path = credentials_file()
    write_private(path, set_entries(_read(path), name, {KEY: token, URL: url}))
    note(f"profile {name} written to {path}" + ("" if name == "default" else f"; use it with --alias {name}"))


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
        raise click.UsageError("name the address with --base-url when the token comes from standard input")
    return str(click.prompt("Address of the server", default="http://127.0.0.1:8080"))


def _read_token() -> str:
    token: str = click.prompt("Token", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not (token := token.strip()):
        raise click.UsageError("the token is empty")
    if not token.isprintable() or " " in token:
        raise click.UsageError("a token has no blanks and no control characters")
    return token


def _check(credentials: Credentials) -> None:
    """Ask the server whom the token belongs to, and say it. Raises what the SDK raises."""
    from .remote import opened

    with opened(credentials) as remote:
        found = remote.run(remote.tokens.validate_api_token())
    organization, project = found.get("organizationName") or "?", found.get("projectName") or "-"
    note(f"the server takes it: organization {organization}, project {project}")


def credentials_file() -> Path:
    return (Options.current().credentials or Path("~/.geai/credentials")).expanduser()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


@click.group(cls=Group, examples=["portico configure list", "portico configure show", "portico configure remove work"])
def configure() -> None:
    """List, check and remove the profiles of the credentials file. `portico login` writes them."""


@configure.command("list", cls=Command, examples=["portico configure list", "portico configure list -o json"])
def list_() -> None:
    """List the profiles of the credentials file; of a token its end only."""
    from portico.sdk.credentials import read_profiles

    path = credentials_file()
    rows = [
        {
            "profile": name,
            "base_url": entries.get(URL.lower(), ""),
            "token": mask(entries.get(KEY.lower()) or entries.get("geai_oauth_access_token", "")),
        }
        for name, entries in read_profiles(path).items()
        if entries
    ]
    emit({"file": str(path), "profiles": rows}, rows=rows,
         columns={"Profile": "profile", "Address": "base_url", "Token": "token"})  # fmt: skip


@configure.command(cls=Command, examples=["portico configure show", "portico configure show --alias work"])
def show() -> None:
    """Show what a command would use, and where it comes from: address, token (its end only), source."""
    from .remote import chosen_credentials

    found = chosen_credentials()
    emit(
        {
            "base_url": found.base_url,
            "token": mask(found.access_token or found.api_key or ""),
            "kind": "access token" if found.access_token else "API token",
            "project_id": found.project_id,
            "organization_id": found.organization_id,
            "source": found.source,
        }
    )


@configure.command(cls=Command, examples=["portico configure remove work", "portico configure remove work --yes"])
@click.argument("profile", shell_complete=suggest_profiles)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(profile: str, yes: bool) -> None:
    """Remove a profile from the credentials file."""
    from portico.sdk.credentials import read_profiles

    path = credentials_file()
    if not read_profiles(path).get(profile):
        raise NotConfigured(f"{path} has no profile {profile}", "See: portico configure list")
    if not yes:
        click.confirm(f"Remove profile {profile} from {path}?", abort=True, err=True)
    write_private(path, remove_section(_read(path), profile))
    note(f"profile {profile} removed")


def mask(secret: str) -> str:
    """Enough of a secret to tell it from another one."""
    return f"…{secret[-4:]}" if len(secret) >= 16 else "…" if secret else ""
