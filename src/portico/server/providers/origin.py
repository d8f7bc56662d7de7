"""Where a base URL leads."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from portico.server.errors import ProviderUnknown


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a base URL, and the path under which its calls lie."""

    host: str
    port: int
    tls: bool
    prefix: str

    @classmethod
    def of(cls, base_url: str) -> Origin:
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ProviderUnknown("the base URL of the provider is not an http or https address")
        tls = parts.scheme == "https"
        return cls(parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/"))

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"
