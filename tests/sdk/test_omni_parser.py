"""The omni-parser: what is sent, and parts that are typed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from portico import ApiError, AsyncPortico, Portico, PorticoError
from tests.sdk.odd_server import OddServer, reply_json
from tests.sdk.test_media import form_of

ANSWER = {
    "status": "success",
    "parts": [
        {"type": "Title", "text": "Prices", "page": 4},
        {"type": "Row", "text": "a\t1"},
        {"type": "Row", "text": "b\t2"},
        {"type": "NarrativeText", "text": "That is all.", "midTime": 12},
    ],
    "requestId": "q-1",
    "usage": {"total_cost": 0.5},
    "messages": ["Pages were skipped."],
}


def test_parts_are_typed_and_make_a_text(server: OddServer, client: Portico, tmp_path: Path) -> None:
    server.answer = lambda seen: reply_json(ANSWER)
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF")
    told: list[tuple[int, int | None]] = []
    found = client.omni_parser.process(
        path, start_page=4, end_page=6, as_rows=True, output_format="html", password="sesame",
        on_progress=lambda sent, size: told.append((sent, size)),
    )  # fmt: skip
    assert (server.seen[0].method, server.seen[0].path) == ("POST", "/v1/omni-parser/process")
    sent = form_of(server.seen[0])
    assert sent.pop("file") == ("report.pdf", "text/plain", b"%PDF")
    assert {name: content for name, (_, _, content) in sent.items()} == {
        "startPage": b"4",
        "endPage": b"6",
        "structure": b"table",
        "outputFormat": b"html",
        "password": b"sesame",
    }
    assert told == [(4, 4)]
    assert found.text == "Prices\n\na\t1\nb\t2\n\nThat is all."
    assert (found.status, found.request_id, found.messages) == ("success", "q-1", ["Pages were skipped."])
    assert found.parts[0].page == 4 and found.parts[3].mid_time == 12
    assert found.usage is not None and found.usage.total_cost == 0.5


def test_bytes_need_a_name(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="no name"):
        client.omni_parser.process(b"x")
    assert server.seen == []


def test_a_file_without_text_is_an_error_that_says_so(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"status": "failed", "parts": [], "detail": "There is no text in the file"})
    with pytest.raises(ApiError, match="There is no text"):
        client.omni_parser.process(b" ", name="a.txt")


def test_the_async_client_does_it_too(server: OddServer) -> None:
    server.answer = lambda seen: reply_json(ANSWER)

    async def main() -> None:
        async with AsyncPortico("k", server.url) as client:
            assert (await client.omni_parser.process(b"x", name="a.txt")).parts[0].text == "Prices"
            assert (await client.low.omni_parser.process_file(b"x", name="a.txt"))["requestId"] == "q-1"

    asyncio.run(main())
    assert form_of(server.seen[0])["file"] == ("a.txt", "text/plain", b"x")


def test_what_may_be_asked_of_a_recording(server: OddServer, client: Portico) -> None:
    parts = [{"type": "NarrativeText", "text": "Good morning.", "startTime": 60, "endTime": 64, "midTime": 62}]
    server.answer = lambda seen: reply_json({**ANSWER, "parts": parts})
    found = client.omni_parser.process(b"x", name="a.mp4", model="openai/whisper-1", merge=0, dialogue=True)
    sent = {name: content for name, (_, _, content) in form_of(server.seen[0]).items() if name != "file"}
    assert sent == {"model": b"openai/whisper-1", "merge": b"0", "dialogue": b"true"}
    assert (found.parts[0].start_time, found.parts[0].end_time, found.parts[0].mid_time) == (60, 64, 62)
