"""The credentials file of a local server: the INI form that the SDK and the vendor's client read, mode 0600."""

from __future__ import annotations

import configparser
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from portico.server.access.organizations import NewTokens
from portico.server.settings import Secret

FILE = "credentials"
PROJECT_SECTION = "default"
ORGANIZATION_SECTION = "organization"
_SECTION = re.compile(r"\s*\[([^\]]*)\]")
_ADDRESS = re.compile(r"(\s*GEAI_API_BASE_URL\s*[=:]\s*)(.*)", re.IGNORECASE)
_ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What stands in the file, and where the file is."""

    path: Path
    base_url: str
    project_token: Secret
    organization_token: Secret
    setup_link: Secret | None = None


def base_url(host: str, port: int) -> str:
    """The address by which a program on this host reaches the server; 'all interfaces' is no address to call."""
    reachable = _ANY_ADDRESS.get(host, host)
    return f"http://{f'[{reachable}]' if ':' in reachable else reachable}:{port}"


def write_credentials(data_dir: Path, tokens: NewTokens, url: str) -> Credentials:
    """Replaces the file as a whole: a reader sees the old one or the new one."""
    written = Credentials(data_dir / FILE, url, Secret(tokens.project), Secret(tokens.organization))
    sections = ((PROJECT_SECTION, written.project_token), (ORGANIZATION_SECTION, written.organization_token))
    lines = [f"[{name}]\nGEAI_API_KEY = {token!s}\nGEAI_API_BASE_URL = {url}\n" for name, token in sections]
    _replace(written.path, "\n".join(lines))
    return written


def maybe_base_url(data_dir: Path) -> str | None:
    """The address in the file, if there is one that can be read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string((data_dir / FILE).read_text())
    except (OSError, configparser.Error, UnicodeDecodeError):
        return None
    return parser.get(PROJECT_SECTION, "GEAI_API_BASE_URL", fallback=None)


def maybe_tokens(data_dir: Path) -> tuple[Secret, Secret] | None:
    """Project and organization token in the file, if both can be read."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string((data_dir / FILE).read_text())
        tokens = [parser.get(section, "GEAI_API_KEY") for section in (PROJECT_SECTION, ORGANIZATION_SECTION)]
    except (OSError, configparser.Error, UnicodeDecodeError):
        return None
    return Secret(tokens[0]), Secret(tokens[1])


def point_to(data_dir: Path, url: str) -> bool:
    """Write another address into the two sections, and touch nothing else. False when there was nothing to do."""
    path = data_dir / FILE
    try:
        before = path.read_text()
    except FileNotFoundError:
        return False
    after = _with_address(before, url)
    if after != before:
        _replace(path, after)
    return after != before


def _with_address(text: str, url: str) -> str:
    lines, section = [], ""
    for line in text.splitlines(keepends=True):
        if head := _SECTION.match(line):
            section = head.group(1)
        found = _ADDRESS.match(line) if section in (PROJECT_SECTION, ORGANIZATION_SECTION) else None
        lines.append(f"{found.group(1)}{url}\n" if found else line)
    return "".join(lines)


def _replace(path: Path, text: str) -> None:
    """Never readable for others, not even for a moment, and on the disk before it has its name."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
