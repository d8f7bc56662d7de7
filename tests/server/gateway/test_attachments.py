"""Which addresses of a request are fetched, and how much all of them may weigh."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from portico.server.errors import ContentUnreadable, FileTooLarge
from portico.server.gateway import attachments
from portico.server.gateway.attachments import bring_files
from portico.server.gateway.routing import Route
from portico.server.providers.fetcher import Fetcher
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest, File

pytestmark = pytest.mark.anyio
PNG = b"\x89PNG\r\n\x1a\n"
DATA = "data:image/png;base64,iVBORw0KGgo="


class Found(Fetcher):
    """Finds the same file everywhere."""

    def __init__(self, file: File) -> None:
        super().__init__()
        self.file = file
        self.asked: list[str] = []

    async def fetch(self, url: str) -> File:
        self.asked.append(url)
        return self.file


def route(*fetches: frozenset[str]) -> Route:
    outside = SimpleNamespace(base_url="https://api.acme.example/v1")
    choices = [
        SimpleNamespace(target=SimpleNamespace(adapter=SimpleNamespace(fetches=one), credential=outside))
        for one in fetches
    ]
    return cast(Route, SimpleNamespace(choices=choices))


def request(*parts: Any) -> ChatRequest:
    messages = json.dumps([{"role": "user", "content": list(parts)}, {"role": "assistant", "content": "x"}])
    return ChatRequest(DirectModel("acme", "m"), {"messages": msgspec.Raw(messages.encode())})


def part(url: str, kind: str = "image_url", name: str = "url") -> dict[str, Any]:
    return {"type": kind, kind: {name: url}}


async def brought(found: Found, way: Route, *parts: Any) -> list[Any]:
    asked = request(*parts)
    await bring_files(asked, way, found)
    content: list[Any] = json.loads(bytes(asked.members["messages"]))[0]["content"]
    return content


async def test_what_every_target_fetches_itself_stays() -> None:
    found = Found(File(PNG, "image/png"))
    some, none = frozenset({"https", "gs"}), frozenset[str]()
    parts = [part("https://a.example/x"), part("gs://b/x"), part("http://a.example/x"), part(DATA)]
    assert await brought(found, route(some), *parts) == [*parts[:2], part(DATA), parts[3]]
    assert found.asked == ["http://a.example/x"]
    assert await brought(found, route(some, none), *parts) == [part(DATA)] * 4, "one of the targets does not"


@pytest.mark.parametrize(
    ("kind", "name", "file", "told"),
    [
        ("image_url", "url", File(PNG, "text/html"), "image/png"),
        ("image_url", "url", File(b"<svg", "image/svg+xml"), "image/svg+xml"),
        ("video_url", "url", File(b"mp4", "video/mp4"), "video/mp4"),
        ("video_url", "url", File(b"mp4", "application/octet-stream"), "application/octet-stream"),
        ("file", "file_data", File(b"%PDF-1.4", "text/plain"), "application/pdf"),
        ("file", "file_data", File(b"a,b", "text/csv"), "text/csv"),
    ],
)
async def test_hc25_a_file_is_what_its_first_bytes_say(kind: str, name: str, file: File, told: str) -> None:
    (made,) = await brought(Found(file), route(frozenset()), part("http://a.example/x", kind, name))
    assert made[kind][name].startswith(f"data:{told};base64,")


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
async def test_hc25_what_is_something_else_is_refused(kind: str) -> None:
    with pytest.raises(ContentUnreadable, match="text/html"):
        await brought(Found(File(b"<html>", "text/html")), route(frozenset()), part("http://a.example/x", kind))


async def test_all_files_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "BYTES_LIMIT", 2 * len(PNG))
    found, way = Found(File(PNG, "image/png")), route(frozenset())
    two = [part(f"http://a.example/{number}") for number in range(2)]
    assert await brought(found, way, *two) == [part(DATA)] * 2
    for third in (part("http://a.example/3"), two[0]):
        with pytest.raises(FileTooLarge):
            await brought(found, way, *two, third)


async def test_hc25_a_target_in_a_private_network_is_given_the_file_and_no_address() -> None:
    """It would reach its neighbours for whoever asks."""
    found = Found(File(PNG, "image/png"))
    inner = SimpleNamespace(adapter=SimpleNamespace(fetches=frozenset({"https"})), credential=None)
    inner.credential = SimpleNamespace(base_url="http://vllm:8000/v1")
    way = cast(Route, SimpleNamespace(choices=[SimpleNamespace(target=inner)]))
    assert await brought(found, way, part("https://example.org/a.png")) == [part(DATA)]
    assert found.asked == ["https://example.org/a.png"]
