"""The `servers` of an OpenAPI document: addresses that its operations are called at, and no others are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from portico.server.errors import PatternMismatch


@dataclass(frozen=True, slots=True)
class Server:
    """`url` without a slash at its end; `place` is where it stands in the document."""

    url: str
    place: str


def read_servers(servers: Any, place: str) -> tuple[Server, ...]:
    """None where there are none. Raises PatternMismatch for an address that is not a whole one."""
    if servers is None or servers == []:
        return ()
    if not isinstance(servers, list):
        raise PatternMismatch(place, "write an array of servers")
    return tuple(_read_server(server, f"{place}[{number}]") for number, server in enumerate(servers))


def _read_server(server: Any, place: str) -> Server:
    said = server.get("url") if isinstance(server, dict) else None
    if not isinstance(said, str):
        raise PatternMismatch(f"{place}.url", "write the address of the service")
    variables = server.get("variables")
    url = re.sub(r"\{([^{}]*)\}", lambda match: _default(variables, match[1], place), said).strip()
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or "@" in parts.netloc or parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", url):
        raise PatternMismatch(f"{place}.url", "write a whole http:// or https:// address, without user and query")
    return Server(url.rstrip("/"), f"{place}.url")


def _default(variables: Any, name: str, place: str) -> str:
    """Variables of an address have the value that the document gives them."""
    variable = variables.get(name) if isinstance(variables, dict) else None
    value = variable.get("default") if isinstance(variable, dict) else None
    if not isinstance(value, str | int):
        raise PatternMismatch(f"{place}.variables.{name}.default", "write the value of this variable")
    return str(value)
