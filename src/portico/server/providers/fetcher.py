"""Asks an address that a caller named: one door, guarded against the networks behind this server.

The name is resolved once, every address is checked, and the connection goes to the checked one. In: an http(s) URL, or
a whole call. Out: a File or the answer, or an error that says what to change.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httptools

from portico.server.errors import ContentUnreadable, FileTooLarge, PorticoError, ProviderUnknown
from portico.server.kit.addresses import is_allowed, is_inner_name, read_allowed
from portico.server.kit.drive import run
from portico.server.providers.http1 import Connection, Pool, Reply
from portico.server.providers.origin import Origin
from portico.wire.requests import File

REDIRECTS = 3
_MOVED = (301, 302, 303, 307, 308)
_PLAIN = (b"", b"identity")
_ROBOTS = b"x-robots-tag"


@dataclass(frozen=True, slots=True)
class OutsideCall:
    """A request to a service. `headers` by names in lower case; printable ASCII is what they hold."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Called:
    """What a service has answered, whatever its status; `location` is where it leads to, which nobody has followed.
    `robots` are its X-Robots-Tag headers, one in a line."""

    status: int
    content_type: str
    body: bytes
    is_cut: bool
    location: str = ""
    robots: str = ""


class AddressRefused(ContentUnreadable):
    """The address lies in a network behind this server, which the operator has not allowed."""


class _PlainReply(Reply):
    """Refuses packed bodies: we ask for none, and a small one may unpack to more than there is room for."""

    def _on_head(self, status: int, headers: dict[bytes, bytes]) -> None:
        packed = [value for name, value in headers.items() if name.lower() == b"content-encoding"]
        if all(value.strip().lower() in _PLAIN for value in packed):
            super()._on_head(status, headers)
        else:
            self._fail(ProviderUnknown("the body is packed"))
            self.abandon()


class _OutsideConnection(Connection):
    """Of headers with one name the first counts, but for X-Robots-Tag: each of them says something."""

    __slots__ = ("_first",)

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._first = self.on_header
        self.on_header = self._keep  # type: ignore[assignment]  # one of the signatures of `dict.setdefault`
        self.parser = httptools.HttpResponseParser(self)

    def _keep(self, name: bytes, value: bytes) -> None:
        if name.lower() == _ROBOTS:
            before = self._headers.get(_ROBOTS)
            self._headers[_ROBOTS] = value if before is None else b"%b\n%b" % (before, value)
        else:
            self._first(name, value)


class Fetcher:
    """One per process. `allowed` is a comma list of hosts and networks that may be called although they are private."""

    def __init__(self, *, allowed: str = "", limit_bytes: int = 20 * 1024 * 1024, timeout_s: float = 30.0) -> None:
        self._names, self._networks = read_allowed(allowed)
        self._limit_bytes = limit_bytes
        self._timeout_s = timeout_s
        self._tls: ssl.SSLContext | None = None

    def trusts(self, base_url: str) -> bool:
        """Whether what stands at this address may be given addresses to fetch: it lies outside, or is allowed.

        Looked at without asking for its name: names that are known to be inner ones, and literal addresses.
        """
        host = (urlsplit(base_url).hostname or "").rstrip(".")
        try:
            return is_allowed(host, (host,), self._names, self._networks)
        except ValueError:  # a name
            return not host or host.lower() in self._names or not is_inner_name(host)

    async def fetch(self, url: str) -> File:
        """The file behind `url`. May be driven (kit/drive.py).

        Raises ContentUnreadable (400, id 45) for what cannot or must not be fetched, FileTooLarge (400, id 47).
        """
        task = asyncio.get_running_loop().create_task(self._fetch(url))
        try:
            return await task
        except asyncio.CancelledError:
            task.cancel()
            raise

    async def call(self, call: OutsideCall, limit_bytes: int) -> Called:
        """The answer of a service, cut at `limit_bytes`; it is asked once, and no redirect is followed. Only in a task.

        Raises ContentUnreadable (400, id 45) for what cannot or must not be called.
        """
        limit_bytes = min(limit_bytes, self._limit_bytes)
        try:
            async with asyncio.timeout(self._timeout_s):
                reply, body = await self._ask(call, limit_bytes, cut=True)
        except TimeoutError:
            raise ContentUnreadable(f"no answer came within {self._timeout_s:g} s") from None
        content_type = reply.headers.get(b"content-type", b"").decode("latin-1")
        location = reply.headers.get(b"location", b"").decode("latin-1") if reply.status in _MOVED else ""
        robots = reply.headers.get(_ROBOTS, b"").decode("latin-1")
        return Called(reply.status, content_type, body[:limit_bytes], len(body) > limit_bytes, location, robots)

    async def _fetch(self, url: str) -> File:
        try:
            async with asyncio.timeout(self._timeout_s):
                for _ in range(REDIRECTS + 1):
                    reply, body = await self._ask(OutsideCall("GET", url, {"accept": "*/*"}), self._limit_bytes)
                    if reply.status not in _MOVED:
                        return self._read(url, reply, body)
                    url = urljoin(url, reply.headers.get(b"location", b"").decode("latin-1"))
        except TimeoutError:
            raise ContentUnreadable(f"the file was not sent within {self._timeout_s:g} s") from None
        raise ContentUnreadable("the address leads on and on")

    async def _ask(self, call: OutsideCall, limit_bytes: int, *, cut: bool = False) -> tuple[Reply, bytes]:
        """With `cut` the body may end behind the limit, and is read whatever the status."""
        origin, target = _parse(call.url)
        addresses = await self._resolve(origin)
        reply = _PlainReply(False, time.monotonic() + self._timeout_s, self._timeout_s, self._limit_bytes)
        connection = await self._connect(origin, addresses)
        try:
            connection.send(_write(call, origin, target), reply)
            await _set(reply)
            reply.raise_error()
            if cut:
                bodiless = call.method == "HEAD" or reply.status in (204, 304)
                return reply, b"" if bodiless else await self._read_body(reply, limit_bytes, cut=True)
            length = reply.headers.get(b"content-length", b"")
            if length.isdigit() and int(length) > limit_bytes:
                raise FileTooLarge
            return reply, b"" if reply.status in _MOVED else await self._read_body(reply, limit_bytes)
        except PorticoError as error:
            if isinstance(error, FileTooLarge):
                raise
            raise ContentUnreadable("what lies at the address could not be read") from None
        finally:
            connection.abort()

    async def _read_body(self, reply: Reply, limit_bytes: int, *, cut: bool = False) -> bytes:
        parts: list[bytes] = []
        size = 0
        while (chunk := reply.take()) is not None:
            if not chunk:
                await _set(reply)
                continue
            size += len(chunk)
            parts.append(chunk)
            if size > limit_bytes:
                if cut:
                    break
                raise FileTooLarge
        return b"".join(parts)

    async def _resolve(self, origin: Origin) -> list[str]:
        """The addresses of the host, all of them checked: a name with one private address is refused whole."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ContentUnreadable("the host is not known") from None
        addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
        if not is_allowed(origin.host, addresses, self._names, self._networks):
            raise AddressRefused("the address lies in a network that this server does not fetch from")
        return list(dict.fromkeys(addresses))

    async def _connect(self, origin: Origin, addresses: list[str]) -> Connection:
        """To the first address that answers; the name is not looked up again."""
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        tls = self._tls if origin.tls else None
        pool = Pool(origin, set(), self._timeout_s, tls)
        name = origin.host if tls else None
        for address in addresses:
            try:
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: _OutsideConnection(pool), address, origin.port, ssl=tls, server_hostname=name
                )
            except (OSError, ssl.SSLError):
                continue
            return connection
        raise ContentUnreadable("the host cannot be reached")

    def _read(self, url: str, reply: Reply, body: bytes) -> File:
        if reply.status != 200 or not body:
            raise ContentUnreadable(f"the host answered {reply.status}")
        content_type = reply.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        name = urlsplit(url).path.rpartition("/")[2]
        return File(body, content_type or "application/octet-stream", name)


def _parse(url: str) -> tuple[Origin, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ContentUnreadable("this is no address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not url.isascii():
        raise ContentUnreadable("send the file as a data URL, or its address as http:// or https:// in ASCII")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if any(ord(c) <= 0x20 for c in target):
        raise ContentUnreadable("the address has blanks in it")
    tls = parts.scheme == "https"
    return Origin(parts.hostname, port or (443 if tls else 80), tls, ""), target


def _write(call: OutsideCall, origin: Origin, target: str) -> bytes:
    own = {"host": origin.host_header, "accept-encoding": "identity", "user-agent": "portico", "connection": "close"}
    if call.body or call.method in ("POST", "PUT", "PATCH"):
        own["content-length"] = str(len(call.body))
    head = "".join(f"{name}: {value}\r\n" for name, value in {**call.headers, **own}.items())
    return f"{call.method} {target} HTTP/1.1\r\n{head}\r\n".encode("ascii") + call.body


async def _set(reply: Reply) -> None:
    """Waits for the reply from an ordinary task: its signal wakes drives only."""

    async def wait() -> None:
        await reply.more()

    await run(wait())
