"""Requests to an S3-compatible store: signed, sent, tried again when the store is busy; its XML read."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.request import RequestBuilder

from portico.server.errors import StartError, StorageAway
from portico.server.kit.clock import Clock, system_clock
from portico.server.kit.sigv4 import SigningKey, amz_date
from portico.server.settings import Secret
from portico.server.storage.blobs.base import PIECE, BlobMissing

TRIES = 4
_BUSY = (408, 429, 500, 502, 503, 504)
_FIRST_PAUSE_S = 0.2
_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Bucket:
    """`url` is the address of the bucket itself: https://s3.eu-west-1.amazonaws.com/name or https://name.host/."""

    url: str
    region: str
    access_key: str
    secret_key: Secret = field(repr=False)
    session_token: Secret = Secret("")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read whole. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class S3Requests:
    """One per process; a pool of connections, opened at the first request."""

    def __init__(self, bucket: Bucket, clock: Clock = system_clock) -> None:
        """Raises StartError for an address that is none."""
        parts = urlsplit(bucket.url.rstrip("/"))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise StartError("PORTICO_FILES_BUCKET_URL is no address: write it like https://s3.example.com/bucket")
        self._host, self._root, self._origin = parts.netloc, parts.path, f"{parts.scheme}://{parts.netloc}"
        self._bucket = bucket
        self._key = SigningKey(bucket.access_key, str(bucket.secret_key), region=bucket.region, service="s3")
        self._clock = clock
        self._client: Client | None = None

    async def send(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        expected: tuple[int, ...] = (200, 204),
    ) -> Reply:
        """The answer. A busy store is asked again. Raises StorageAway for any status but the expected ones."""
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(_FIRST_PAUSE_S * 2**tried * random.uniform(0.5, 1.0))
            try:
                response = await self._build(method, key, query or {}, body, headers or {}).build().send()
                reply = Reply(
                    response.status, {k.lower(): v for k, v in response.headers.items()}, bytes(await response.bytes())
                )
            except PyreqwestError as error:
                failure = StorageAway(f"{StorageAway.text} ({type(error).__name__})")
                continue
            if reply.status in expected:
                return reply
            failure = refusal(reply)
            if reply.status not in _BUSY:
                break
        raise failure

    async def read(self, key: str, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The body of a GET, piece by piece. Raises BlobMissing, StorageAway."""
        request = self._build("GET", key, {}, b"", headers).streamed_read_buffer_limit(0).build_streamed()
        try:
            async with request as response:
                if response.status == 404:
                    raise BlobMissing(key)
                if response.status not in (200, 206):
                    raise refusal(Reply(response.status, {}, bytes(await response.bytes())))
                while piece := await response.body_reader.read(PIECE):
                    yield bytes(piece)
        except PyreqwestError as error:
            raise StorageAway from error

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _build(
        self, method: str, key: str, query: Mapping[str, str], body: bytes, headers: Mapping[str, str]
    ) -> RequestBuilder:
        path = f"{self._root}/{quote(key, safe='/-_.~')}" if key else self._root or "/"
        text = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items()))
        signed = self._sign(method, path, text, hashlib.sha256(body).hexdigest() if body else _NOTHING, headers)
        request = self._pool().request(method, f"{self._origin}{path}{'?' + text if text else ''}").headers(signed)
        return request.body_bytes(body) if body or method in ("PUT", "POST") else request

    def _sign(self, method: str, path: str, query: str, digest: str, headers: Mapping[str, str]) -> dict[str, str]:
        now = amz_date(self._clock())
        sent = {**headers, "x-amz-content-sha256": digest, "x-amz-date": now}
        if self._bucket.session_token:
            sent["x-amz-security-token"] = str(self._bucket.session_token)
        signed = {"host": self._host, **sent}
        names = ";".join(sorted(signed))
        lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        return {**sent, "authorization": self._key.authorize(canonical, names, now)}

    def _pool(self) -> Client:
        if self._client is None:
            builder = ClientBuilder().connect_timeout(timedelta(seconds=10)).read_timeout(timedelta(seconds=60))
            self._client = builder.follow_redirects(False).no_proxy().build()
        return self._client


def refusal(reply: Reply) -> StorageAway:
    """What the store says about a failure: its code only, never a key or a name."""
    code = maybe_text(reply.body, "Code") or str(reply.status)
    return StorageAway(f"{StorageAway.text} ({code[:64]})")


def maybe_text(body: bytes, name: str) -> str | None:
    """The text of the first element of this name, whatever its namespace."""
    return next(iter(texts(body, name)), None)


def texts(body: bytes, name: str) -> list[str]:
    return [element.text or "" for element in elements(body, name)]


def elements(body: bytes, name: str) -> list[ElementTree.Element]:
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError:
        return []
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]
