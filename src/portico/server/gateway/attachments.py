"""Files that a chat request names by address: fetched here, where the provider does not fetch them itself (HC-25)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from portico.server.errors import ContentUnreadable, FileTooLarge, OutOfRange
from portico.server.gateway.routing import Choice, Route
from portico.server.kit.media_types import sniff
from portico.server.providers.fetcher import Fetcher
from portico.wire.requests import ChatRequest, File

FILES_LIMIT = 32
BYTES_LIMIT = 64 * 1024 * 1024
"""Of all files of one request together, each as often as it is named: all of that goes to the provider."""
_PLACES = (("image_url", "url"), ("video_url", "url"), ("file", "file_data"))
_SORTS = {"image_url": "image/", "video_url": "video/"}
_UNTOLD = "application/octet-stream"


async def bring_files(request: ChatRequest, route: Route, fetcher: Fetcher) -> None:
    """Replaces addresses by data URLs, unless every target of the route fetches that kind of address.

    Raises ContentUnreadable (400, id 45), also where a picture was promised and is none; FileTooLarge (400, id 47);
    OutOfRange for too many files.
    """
    fetched = frozenset.intersection(*(_fetched_by(choice, fetcher) for choice in route.choices))
    messages = msgspec.json.decode(request.members["messages"])
    wanted = [(kind, inner, name) for kind, inner, name in _addresses(messages) if _scheme(inner[name]) not in fetched]
    if not wanted:
        return
    if len(wanted) > FILES_LIMIT:
        raise OutOfRange("messages", f"at most {FILES_LIMIT} files by address")
    known: dict[str, File] = {}
    size = 0
    for kind, inner, name in wanted:
        url = inner[name]
        if url not in known:
            known[url] = await fetcher.fetch(url)
        file = known[url]
        size += len(file.data)
        if size > BYTES_LIMIT:
            raise FileTooLarge
        inner[name] = f"data:{_type_of(file, kind)};base64,{base64.b64encode(file.data).decode()}"
    request.members["messages"] = msgspec.Raw(msgspec.json.encode(messages))


def _fetched_by(choice: Choice, fetcher: Fetcher) -> frozenset[str]:
    """What the target fetches itself. One in a private network would reach its neighbours for a caller: it fetches
    nothing, unless the operator allows that host (PORTICO_FETCH_HOSTS)."""
    target = choice.target
    return target.adapter.fetches if fetcher.trusts(target.credential.base_url) else frozenset()


def _type_of(file: File, kind: str) -> str:
    """The first bytes count more than what the host says, which counts more than nothing (HC-25)."""
    found = sniff(file.data) or file.content_type
    wanted = _SORTS.get(kind, "")
    if not found.startswith(wanted) and not (kind == "video_url" and found == _UNTOLD):
        raise ContentUnreadable(f"the address leads to {found}, not to {wanted}*")
    return found


def _addresses(messages: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each kind of part with the object that holds the address of its file, and the member it stands in."""
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            for kind, name in _PLACES:
                inner = part.get(kind)
                if part.get("type") == kind and isinstance(inner, dict) and _scheme(inner.get(name)):
                    yield kind, inner, name


def _scheme(address: object) -> str:
    """The scheme of an address; "" for data URLs and bare data."""
    if not isinstance(address, str) or address[:5].lower() == "data:":
        return ""
    scheme, found, _ = address[:32].partition("://")
    return scheme.lower() if found else ""
