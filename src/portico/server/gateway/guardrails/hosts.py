"""May the server call an address that an administrator of a project wrote down? Public hosts over TLS, or named ones.

Plain http goes to named hosts only: over TLS a name that is pointed elsewhere between the question and the call
(DNS rebinding) meets a host without the right certificate, and gets nothing.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from portico.server.errors import BadRequest
from portico.server.kit.addresses import Network, is_allowed, read_allowed

_LOOKUP_TIMEOUT_S = 5.0


class HostRefused(BadRequest):
    """The address of an endpoint that this server does not call."""

    id = 8

    def __init__(self, hint: str) -> None:
        super().__init__(f"Field moderation.baseUrl is out of range: {hint}", param="moderation.baseUrl")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts and networks that an operator trusts although they are private (`PORTICO_GUARDRAIL_HOSTS`)."""

    names: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, setting: str) -> Hosts:
        """Names, addresses and networks parted by commas."""
        return cls(*read_allowed(setting))

    def check_form(self, url: str) -> tuple[str, int]:
        """Host and port of a base URL whose form is right. Raises HostRefused."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        plain = re.fullmatch(r"[!-~]{1,500}", url) is not None and "\\" not in url
        extras = parts.username is not None or parts.query or parts.fragment
        if not plain or not host or extras or parts.scheme not in ("http", "https"):
            raise HostRefused("write an address like https://api.example.com/v1")
        if parts.scheme == "http" and not self._trusts(host):
            raise HostRefused(f"http is for hosts of PORTICO_GUARDRAIL_HOSTS, which does not name {host}: use https")
        return host, port or (443 if parts.scheme == "https" else 80)

    async def check(self, url: str) -> None:
        """The same, and every address that the name stands for now is public or trusted. Raises HostRefused."""
        host, port = self.check_form(url)
        try:
            async with asyncio.timeout(_LOOKUP_TIMEOUT_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise HostRefused(f"the host {host} cannot be found") from None
        addresses = [str(sockaddr[0]) for *_, sockaddr in found]
        if not addresses or not is_allowed(host, addresses, self.names, self.networks):
            raise HostRefused(
                f"{host} is not on the public internet; the operator may name it in PORTICO_GUARDRAIL_HOSTS"
            )

    def _trusts(self, host: str) -> bool:
        """Named, or written as an address of a network that is."""
        try:
            address = ip_address(host)
        except ValueError:
            return host.lower() in self.names
        return any(address.version == network.version and address in network for network in self.networks)
