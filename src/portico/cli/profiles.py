"""`portico configure`: the profiles of the credentials file, shared with the SDK and the vendor's tools.

The file is written by `login`, `logout` and `configure` only, under its lock; tokens are never shown whole.
"""

from __future__ import annotations

from pathlib import Path

import click

from .errors import NotConfigured
from .groups import Command, Group
from .inputs import confirm
from .options import Options
from .output import emit, note
from .profile_names import suggest_profiles

KEY, URL, ACCESS_TOKEN = "GEAI_API_KEY", "GEAI_API_BASE_URL", "GEAI_OAUTH_ACCESS_TOKEN"
PROJECT, ORGANIZATION = "GEAI_PROJECT_ID", "GEAI_ORGANIZATION_ID"


def check_profile_name(name: str) -> str:
    """A name that can stand in the file. Raises a usage error."""
    if any(c in name for c in "[]\n") or not name.strip():
        raise click.UsageError(f"{name!r} cannot be the name of a profile")
    return name


def save_profile(name: str, entries: dict[str, str]) -> Path:
    """Writes address and tokens of a profile; what an earlier sign-in left is taken away. The file."""
    from portico.sdk.credentials import REFRESH_TOKEN
    from portico.sdk.profile_file import change_profile, locked

    file = credentials_file()
    with locked(file):
        before: dict[str, str | None] = dict.fromkeys([KEY, ACCESS_TOKEN, REFRESH_TOKEN, PROJECT, ORGANIZATION])
        change_profile(file, name, before | entries)
    return file


def credentials_file() -> Path:
    return (Options.current().credentials or Path("~/.geai/credentials")).expanduser()


@click.group(
    cls=Group,
    examples=[
        "portico configure list",
        "portico configure show",
        "portico configure use work",
        "portico configure remove work",
    ],
)
def configure() -> None:
    """List, check, rename and remove the profiles of the credentials file. `portico login` writes them."""


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


@configure.command(cls=Command, examples=["portico configure use work"])
@click.argument("profile", shell_complete=suggest_profiles)
def use(profile: str) -> None:
    """Make a profile the default one: its address and tokens are copied there.

    The default that was there is kept as `previous`. The vendor's tools read the same default.
    """
    from portico.sdk.profile_file import locked, read_text, rename_section, set_entries, write_private

    file = credentials_file()
    with locked(file):
        entries = _find(file, profile)
        if profile == "default":
            raise click.UsageError("that is the default already")
        if "portico_oauth_refresh_token" in entries:
            # A refresh token is good for one use: in two profiles, one renewal would end the other's session.
            text = rename_section(_kept(read_text(file)), profile, "default")
        else:
            text = set_entries(_kept(read_text(file)), "default", {key.upper(): text for key, text in entries.items()})
        write_private(file, text)
    note(f"{profile} is the default now")


@configure.command(cls=Command, examples=["portico configure rename work office"])
@click.argument("profile", shell_complete=suggest_profiles)
@click.argument("name")
def rename(profile: str, name: str) -> None:
    """Give a profile another name."""
    from portico.sdk.credentials import read_profiles
    from portico.sdk.profile_file import locked, read_text, rename_section, write_private

    file = credentials_file()
    with locked(file):
        _find(file, profile)
        if check_profile_name(name) in read_profiles(file) and read_profiles(file)[name]:
            raise click.UsageError(f"there is a profile {name} already; remove it first")
        write_private(file, rename_section(read_text(file), profile, name))
    note(f"profile {profile} is called {name} now")


@configure.command(cls=Command, examples=["portico configure remove work", "portico configure remove work --yes"])
@click.argument("profile", shell_complete=suggest_profiles)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(profile: str, yes: bool) -> None:
    """Remove a profile from the credentials file."""
    from portico.sdk.profile_file import locked, read_text, remove_section, write_private

    file = credentials_file()
    _find(file, profile)
    if not yes:
        confirm(f"Remove profile {profile} from {file}?")
    with locked(file):
        write_private(file, remove_section(read_text(file), profile))
    note(f"profile {profile} removed")


def _find(file: Path, profile: str) -> dict[str, str]:
    """The entries of a profile. Raises NotConfigured."""
    from portico.sdk.credentials import read_profiles

    entries = read_profiles(file).get(profile)
    if not entries:
        raise NotConfigured(f"{file} has no profile {profile}", "See: portico configure list")
    return entries


def _kept(text: str) -> str:
    """The text with `default` renamed to `previous`, in the place of an older one."""
    from portico.sdk.profile_file import remove_section, rename_section

    return rename_section(remove_section(text, "previous"), "default", "previous")


def mask(secret: str) -> str:
    """Enough of a secret to tell it from another one."""
    return f"…{secret[-4:]}" if len(secret) >= 16 else "…" if secret else ""
