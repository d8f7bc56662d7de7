"""One file over HTTP into a folder: resumed where a former try stopped, and never read as anything but bytes."""

from __future__ import annotations

import base64
import http.client
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO, cast
from urllib.parse import unquote, urlsplit

from .pip_config import pip_option

CHUNK = 256 * 1024
TIMEOUT_S = 60.0


class FetchError(Exception):
    """A file could not be had from one source; the message says why and names no credentials."""


@cache
def _tls() -> ssl.SSLContext:
    """Default trust, plus the certificates that pip or requests are told to trust (company proxies)."""
    context = ssl.create_default_context()
    for extra in (pip_option("cert"), os.environ.get("REQUESTS_CA_BUNDLE")):
        if extra and Path(extra).is_file():
            context.load_verify_locations(extra)
    return context


def shown(url: str) -> str:
    """The URL without user, password and query, fit for a message."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _open(url: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise FetchError(f"{shown(url)}: only http and https are read")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        authorization = "Basic " + base64.b64encode(pair).decode()
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(url, headers={"User-Agent": "portico", **headers})
    if authorization is not None:
        request.add_unredirected_header("Authorization", authorization)
    try:
        return cast(http.client.HTTPResponse, urllib.request.urlopen(request, timeout=TIMEOUT_S, context=_tls()))
    except urllib.error.HTTPError as error:
        error.close()
        raise FetchError(f"{shown(url)} answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(f"{shown(url)} cannot be reached: {reason}") from None


def read_text(url: str, accept: str = "*/*") -> str:
    """A small text. Raises FetchError."""
    with _open(url, {"Accept": accept}) as response:
        try:
            return response.read(8 * 1024 * 1024).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{shown(url)} broke off: {error}") from None


def download(url: str, target: Path, size_bytes: int, seen: Callable[[int], None]) -> None:
    """Bring `url` to `target`, appending to what is there when the source can send the rest.

    `seen` is told how many bytes are there, from time to time. The content is not checked here.
    Raises FetchError; what came so far stays for the next try. OSError of the disk passes through.
    """
    have = target.stat().st_size if target.exists() else 0
    if have == size_bytes:
        seen(have)
        return
    have = have if have < size_bytes else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with _open(url, headers) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        with target.open("ab" if resumed else "wb") as out:
            done = _copy(response, out, have if resumed else 0, seen, shown(url))
    if done != size_bytes:
        # Longer or shorter than pinned: not the file we want, so nothing of it is kept for a resume.
        if done > size_bytes:
            target.unlink(missing_ok=True)
        raise FetchError(f"{shown(url)} broke off after {done} of {size_bytes} bytes")


def _copy(
    response: http.client.HTTPResponse, out: IO[bytes], done: int, seen: Callable[[int], None], where: str
) -> int:
    while True:
        try:
            block = response.read(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise FetchError(f"{where} broke off: {error or type(error).__name__}") from None
        if not block:
            return done
        out.write(block)
        done += len(block)
        seen(done)
