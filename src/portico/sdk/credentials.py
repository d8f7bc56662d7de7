"""Whose token goes to which address: found once, when a client is made, and kept by that client alone.

Order: arguments (or the profile named by `alias`), environment, `~/.geai/credentials`, and last the file that the
local server wrote. Nothing is written here, and nothing happens at import.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from portico.sdk.errors import ConfigurationError, MissingCredentials

DEFAULT_PROFILE = "default"
REFRESH_TOKEN = "PORTICO_OAUTH_REFRESH_TOKEN"
_PREFIXES = ("GEAI", "PORTICO", "SAIA")
# Later names of a row are synonyms that the documentation used at some time.
_NAMES = {
    "api_key": ("API_KEY", "APITOKEN", "PROJECT_APITOKEN"),
    "base_url": ("API_BASE_URL",),
    "access_token": ("OAUTH_ACCESS_TOKEN",),
    "project_id": ("PROJECT_ID",),
    "organization_id": ("ORGANIZATION_ID",),
    "ca_file": ("SSL_CERT_PATH",),
}
_WHAT_TO_DO = (
    "Start a local server with `portico serve`, or set GEAI_API_KEY and GEAI_API_BASE_URL, "
    "or put both into ~/.geai/credentials, or pass api_key and base_url."
)


class Secret(str):
    """A string whose `repr` never shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token and the address it belongs to. `source` says where they were found.

    `refresh_token` gets a new access token when that has expired; the new ones go to `place`, a file and its profile.
    """

    base_url: str
    api_key: Secret | None = None
    access_token: Secret | None = None
    project_id: str | None = None
    organization_id: str | None = None
    ca_file: str | None = None
    source: str = field(default="arguments", compare=False)
    refresh_token: Secret | None = None
    place: tuple[Path, str] | None = field(default=None, compare=False)

    def headers(self) -> dict[str, str]:
        """What identifies the caller. A user's access token wins over a key, and only it needs the project's id."""
        if self.access_token is None:
            return {"Authorization": "Bearer " + (self.api_key or "")}
        ids = {"project-id": self.project_id, "organization-id": self.organization_id}
        return {"Authorization": "Bearer " + self.access_token} | {k: v for k, v in ids.items() if v}


def can_renew(credentials: Credentials) -> bool:
    """Whether an access token that has expired can be replaced without asking anybody."""
    return bool(credentials.access_token and credentials.refresh_token and credentials.place)


@dataclass(frozen=True, slots=True)
class _Found:
    """The settings of one source; None is "not given"."""

    source: str
    api_key: str | None = None
    base_url: str | None = None
    access_token: str | None = None
    project_id: str | None = None
    organization_id: str | None = None
    ca_file: str | None = None
    refresh_token: str | None = None
    place: tuple[Path, str] | None = None

    @property
    def has_token(self) -> bool:
        return bool(self.api_key or self.access_token)

    def completed_by(self, other: _Found) -> _Found:
        """This, with what it lacks taken from `other`. A token is never joined by a second one."""
        names = [name for name in _NAMES if not (self.has_token and name in ("api_key", "access_token"))]
        lacking = {name: value for name in names if not getattr(self, name) and (value := getattr(other, name))}
        if "api_key" in lacking or "access_token" in lacking:
            return replace(self, source=other.source, refresh_token=other.refresh_token, place=other.place, **lacking)
        return replace(self, **lacking)


def find_credentials(
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    alias: str | None = None,
    access_token: str | None = None,
    project_id: str | None = None,
    organization_id: str | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    home: Path | None = None,
    data_dir: Path | None = None,
) -> Credentials:
    """The credentials of a new client. Raises MissingCredentials, ConfigurationError.

    `environ`, `home` and `data_dir` stand in for the process's own, for tests and embedders.
    """
    env = os.environ if environ is None else environ
    given = _Found(
        "arguments",
        api_key or None,
        base_url or None,
        access_token or None,
        project_id or None,
        organization_id or None,
        os.fspath(ca_file) if ca_file else None,
    )
    files = [geai_file(home), local_server_file(env, data_dir)]
    found = _by_alias(given, alias, files) if alias else _by_default(given, env, files)
    return _checked(found)


def geai_file(home: Path | None = None) -> Path:
    """The credentials file shared with the vendor's SDK."""
    return (home or Path("~").expanduser()) / ".geai" / "credentials"


def local_server_file(environ: Mapping[str, str] | None = None, data_dir: Path | None = None) -> Path:
    """The credentials file of the local server, in the data folder that it takes by default."""
    env = os.environ if environ is None else environ
    if data_dir is not None:
        return data_dir / "credentials"
    for name in ("PORTICO_DATA_DIR", "DATA"):
        if (folder := env.get(name, "").strip()) and (file := Path(folder).expanduser() / "credentials").is_file():
            return file
    return _default_data_dir(env) / "credentials"


def read_profiles(file: Path) -> dict[str, dict[str, str]]:
    """Sections of an INI file; keys in lower case, values as they stand (`%` means nothing). {} without the file."""
    try:
        text = file.read_text("utf-8-sig", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}.", hint="Change its permissions.") from None
    profiles: dict[str, dict[str, str]] = {}
    section = profiles.setdefault(DEFAULT_PROFILE, {})
    for line in map(str.strip, text.splitlines()):
        if heading := re.fullmatch(r"\[(.+)\]", line):
            section = profiles.setdefault(heading.group(1).strip(), {})
        elif line and line[0] not in "#;":
            key, separator, value = _split(line)
            if separator:
                section[key.strip().lower()] = _unquoted(value.strip())
    return profiles


def _by_alias(given: _Found, alias: str, files: list[Path]) -> _Found:
    """A profile asked for by name: the environment has no say, arguments still win."""
    seen: list[str] = []
    for file in files:
        profiles = read_profiles(file)
        seen += [name for name, values in profiles.items() if values]
        if profiles.get(alias):
            return given.completed_by(_profile(file, alias, profiles[alias]))
    there = f"There are: {', '.join(dict.fromkeys(seen))}." if seen else "There is none at all."
    raise ConfigurationError(f"There is no profile {alias!r} in {' or '.join(map(_short, files))}.", hint=there)


def _by_default(given: _Found, env: Mapping[str, str], files: list[Path]) -> _Found:
    found = given.completed_by(_from_environment(env))
    if given.has_token and not found.base_url:
        return found  # a key handed over in code goes nowhere that the code or the environment did not name
    own, local = ((file, read_profiles(file).get(DEFAULT_PROFILE, {})) for file in files)
    for file, values in (own, local):
        profile = _profile(file, DEFAULT_PROFILE, values)
        if found.has_token and file == local[0]:
            continue  # the local server's address is no place for a token from elsewhere
        if (
            found.base_url
            and profile.base_url
            and not found.has_token
            and not _same_url(found.base_url, profile.base_url)
        ):
            continue  # the token of a file goes only to the address it stands with
        if found.has_token and found.base_url:
            found = replace(found, ca_file=found.ca_file or profile.ca_file) if _same_place(found, profile) else found
        else:
            found = found.completed_by(profile)
    return found


def _same_place(found: _Found, profile: _Found) -> bool:
    return bool(found.base_url and profile.base_url and _same_url(found.base_url, profile.base_url))


def _checked(found: _Found) -> Credentials:
    if not found.has_token:
        at = f" for {found.base_url}" if found.base_url else ""
        raise MissingCredentials(f"No API token was found{at}.", hint=_WHAT_TO_DO)
    if not found.base_url:
        raise MissingCredentials(
            f"There is an API token ({found.source}) but no base URL to send it to.",
            hint="Set GEAI_API_BASE_URL, or pass base_url.",
        )
    for token in (found.api_key, found.access_token):
        if token and not re.fullmatch(r"[!-~]+", token):
            raise ConfigurationError(
                f"The API token ({found.source}) contains blanks or other characters that no token has.",
                hint="Copy it again.",
            )
    return Credentials(
        check_base_url(found.base_url),
        Secret(found.api_key) if found.api_key else None,
        Secret(found.access_token) if found.access_token else None,
        found.project_id,
        found.organization_id,
        found.ca_file,
        found.source,
        Secret(found.refresh_token) if found.refresh_token and found.access_token else None,
        found.place,
    )


def check_base_url(text: str) -> str:
    """An address fit to be a base: with scheme, without trailing slash. Raises ConfigurationError."""
    url = text.strip()
    if "://" not in url:
        host = re.split(r"[:/]", url, maxsplit=1)[0]
        url = f"{'http' if host in ('localhost', '127.0.0.1') else 'https'}://{url}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigurationError(f"The base URL {text!r} cannot be read: {error}.") from None
    if parts.username or parts.password:
        raise ConfigurationError(
            "The base URL holds a user or password.", hint="Leave them out; the token identifies you."
        )
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or re.search(r"\s", url):
        raise ConfigurationError(
            f"The base URL {text!r} is no address.",
            hint="Write it like https://api.example.com or http://127.0.0.1:8080.",
        )
    return url.rstrip("/")


def _from_environment(env: Mapping[str, str]) -> _Found:
    """Names of one prefix belong together, so that a token does not go to the address of another."""
    groups = [_Found("environment", **_members(env, prefix)) for prefix in _PREFIXES]
    groups.sort(key=lambda group: not group.has_token)  # stable: the prefix order stays among equals
    found = groups[0]
    for group in groups[1:]:
        found = found.completed_by(group)
    return found


def _members(env: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found = {}
    for member, names in _NAMES.items():
        values = (env.get(f"{prefix}_{name}", "").strip() for name in names)
        if value := next(filter(None, values), None):
            found[member] = value
    return found


def _profile(file: Path, alias: str, values: Mapping[str, str]) -> _Found:
    members = {name.upper(): value for name, value in values.items()}
    found = _Found(f"{_short(file)} [{alias}]", place=(file, alias))
    for prefix in _PREFIXES:
        more = replace(_Found(found.source, **_members(members, prefix)), place=found.place)
        found = found.completed_by(replace(more, refresh_token=members.get(REFRESH_TOKEN)))
    return found


def _default_data_dir(env: Mapping[str, str]) -> Path:
    """The same rule as the server's: `.portico` in a clone, else the user's data folder."""
    root = Path(__file__).resolve().parents[3]
    if (root / "Makefile").is_file() and (root / "pyproject.toml").is_file():
        return root / ".portico"
    return Path(env.get("XDG_DATA_HOME") or "~/.local/share").expanduser() / "portico"


def _split(line: str) -> tuple[str, str, str]:
    """At the first of `=` and `:`, as INI files have both."""
    place = min((line.find(sign) for sign in "=:" if sign in line), default=-1)
    return (line, "", "") if place < 0 else (line[:place], line[place], line[place + 1 :])


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _same_url(one: str, other: str) -> bool:
    return check_base_url(one).lower() == check_base_url(other).lower()


def _short(file: Path) -> str:
    home = str(Path("~").expanduser())
    return "~" + str(file)[len(home) :] if str(file).startswith(home + os.sep) else str(file)
