"""Where pip would fetch packages on this machine, and one wheel fetched from there. Standard library only.

In: the environment and pip's configuration files. Out: an `Index`, its variables for uv, and the bytes of a wheel.
It runs before anything is installed, so it cannot use what the server has for the same purpose.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import os
import platform
import re
import ssl
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import NamedTuple

PUBLIC_INDEX = "https://pypi.org/simple"


class Pin(NamedTuple):
    """One package of a lock file: its version and the sha256 sums that are accepted."""

    name: str
    version: str
    sums: tuple[str, ...]


class Index(NamedTuple):
    """A package index as pip is configured with it."""

    url: str
    extra: tuple[str, ...]
    links: tuple[str, ...]
    certificate: str


class FetchError(Exception):
    """A wheel could not be brought; the message says why, in words for a user."""


def read_index(environ: dict[str, str] | None = None) -> Index:
    """The index of pip's environment variables, else of its configuration files, else the public one."""
    env = dict(os.environ) if environ is None else environ
    config = _pip_config(env)

    def value(key: str) -> str:
        return env.get("PIP_" + key.upper().replace("-", "_")) or config.get(key, "")

    url = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or value("index-url") or PUBLIC_INDEX
    links = [link for link in value("find-links").split() if "://" in link or Path(link).is_dir()]
    return Index(url.rstrip("/"), tuple(value("extra-index-url").split()), tuple(links), value("cert"))


def _pip_config(env: dict[str, str]) -> dict[str, str]:
    """The options of pip's configuration files, later files over earlier ones, `[install]` over `[global]`."""
    if env.get("PIP_CONFIG_FILE") == os.devnull:
        return {}
    home = Path(env.get("HOME") or "/")
    system = [Path(d) / "pip/pip.conf" for d in (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    user = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"
    mac = home / "Library/Application Support/pip/pip.conf"
    files = [*system, Path("/etc/pip.conf"), home / ".pip/pip.conf", mac, user]
    if env.get("PIP_CONFIG_FILE"):
        files.append(Path(env["PIP_CONFIG_FILE"]))
    parser = configparser.RawConfigParser()
    parser.read([str(f) for f in files if os.access(str(f), os.R_OK)], encoding="utf-8")
    found: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            found.update(parser.items(section))
    return found


def uv_variables(index: Index, environ: dict[str, str] | None = None) -> dict[str, str]:
    """What uv must be told so that it asks where pip would ask; what the user set for uv himself stays."""
    env = dict(os.environ) if environ is None else environ
    wanted = {}
    if index.url != PUBLIC_INDEX and not env.get("UV_INDEX_URL"):
        wanted["UV_DEFAULT_INDEX"] = index.url
    if index.extra:
        wanted["UV_INDEX"] = " ".join(index.extra)
    if index.links:
        wanted["UV_FIND_LINKS"] = ",".join(index.links)
    if index.certificate:
        wanted["SSL_CERT_FILE"] = index.certificate
    return {key: value for key, value in wanted.items() if not env.get(key)}


def read_pin(lock: Path, name: str) -> Pin:
    """The pin of one package in a lock file made by `uv pip compile --generate-hashes`."""
    text = lock.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(name)}==([^\s;\\]+)((?:.*\\\n)+.*\n?)", text, re.M)
    if not found:
        raise FetchError(f"{lock.name} does not name {name}")
    return Pin(name, found.group(1), tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", found.group(2))))


def fetch_wheel(pin: Pin, index: Index, folder: Path) -> Path:
    """Brings the wheel of this machine into `folder`; its sha256 is one of the pin's, or FetchError is raised."""
    page = f"{index.url}/{pin.name}/"
    html = _read(page, index).decode("utf-8", "replace")
    address, name = _choose(html, page, pin)
    content = _read(address, index)
    digest = hashlib.sha256(content).hexdigest()
    if digest not in pin.sums:
        raise FetchError(f"{name} has the sha256 {digest}, which is not one of the lock file's")
    target = folder / name
    target.write_bytes(content)
    return target


def _choose(html: str, page: str, pin: Pin) -> tuple[str, str]:
    """Address and file name of the wheel for this machine on a page of the simple index (PEP 503)."""
    names = {}
    for href in re.findall(r'href="([^"]+)"', html):
        address = urllib.parse.urljoin(page, href.replace("&amp;", "&")).split("#")[0]
        names[urllib.parse.unquote(address.rsplit("/", 1)[-1].split("?")[0])] = address
    wanted = [n for n in sorted(names) if n.startswith(f"{pin.name}-{pin.version}-") and _fits(n)]
    if not wanted:
        raise FetchError(f"the package index has no {pin.name} {pin.version} for this machine")
    return names[wanted[0]], wanted[0]


def _fits(wheel: str) -> bool:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if sys.platform == "darwin":
        return "macosx" in wheel and machine in wheel
    libc = "manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux"
    return libc in wheel and machine in wheel


def _read(address: str, index: Index) -> bytes:
    parts = urllib.parse.urlsplit(address)
    headers = {"User-Agent": "portico-bootstrap", "Accept": "text/html, */*;q=0.1"}
    user = urllib.parse.urlsplit(index.url)
    if user.username and parts.hostname == user.hostname:
        pair = ":".join(urllib.parse.unquote(part or "") for part in (user.username, user.password))
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    clean = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]))
    context = ssl.create_default_context(cafile=index.certificate or None)
    try:
        with urllib.request.urlopen(urllib.request.Request(clean, headers=headers), timeout=60, context=context) as a:
            content: bytes = a.read()
            return content
    except OSError as error:
        raise FetchError(f"{clean} cannot be read: {getattr(error, 'reason', None) or error}") from error


def redact(text: str, index: Index) -> str:
    """`text` without the credentials that an index address may hold."""
    secrets: list[str] = [p for p in (urllib.parse.urlsplit(u).password for u in (index.url, *index.extra)) if p]
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
