"""`pygeai` 0.8.0, unchanged: its Responses call whole, streamed and with files, against the live server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pygeai_host import import_pygeai, profiles
from tests.clients.test_openai_responses import MODEL, answer, hello_events, response
from tests.live import CHAT, LiveServer
from tests.upstream import Upstream, whole


@pytest.fixture(scope="module", autouse=True)
def _vendor(tmp_path_factory: pytest.TempPathFactory) -> None:
    import_pygeai(tmp_path_factory.mktemp("vendor-home"))


@pytest.fixture
def vendor(server: LiveServer, tmp_path: Path) -> Iterator[Any]:
    """The vendor's chat client, with a copy of our credentials file."""
    from pygeai.chat.clients import ChatClient

    file = tmp_path / "credentials"
    shutil.copy(server.data_dir / "credentials", file)
    with profiles(file):
        yield ChatClient(server.token(), server.url)


def test_a_whole_response(upstream: Upstream, vendor: Any) -> None:
    upstream.script = answer(whole(response()))
    given = vendor.get_response(
        model=MODEL, input="Hi", instructions="Be brief.", temperature=0.2, max_output_tokens=50, store=True,
        metadata={"a": "b"}, truncation="disabled", parallel_tool_calls=True,
    )  # fmt: skip
    assert given["output"][0]["content"][0]["text"] == "Hello there"
    assert given["usage"]["prompt_tokens"] == 10
    assert upstream.asked[-1].body["store"] is False


def test_a_streamed_response_gives_its_text(upstream: Upstream, vendor: Any) -> None:
    upstream.script = answer(hello_events())
    assert "".join(vendor.get_response(model=MODEL, input="Hi", stream=True)) == "Hello there"


def test_a_local_model_answers_and_streams(vendor: Any) -> None:
    given = vendor.get_response(model=CHAT, input="Say hello.", max_output_tokens=8)
    assert given["output"][0]["content"][0]["text"]
    assert "".join(vendor.get_response(model=CHAT, input="Say hello.", max_output_tokens=8, stream=True))


def test_files_go_as_parts_of_the_input(upstream: Upstream, vendor: Any, tmp_path: Path) -> None:
    picture, paper = tmp_path / "a.png", tmp_path / "a.pdf"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    paper.write_bytes(b"%PDF-1.4\n")
    upstream.script = answer(whole(response()))
    tools = [
        {"type": "function", "name": name, "strict": True, "parameters": {"type": "object", "properties": {}}}
        for name in "fg"
    ]
    given = vendor.get_response(
        model=MODEL, input="What is this?", files=[str(picture), str(paper)], temperature=0.5, max_output_tokens=9,
        reasoning={"effort": "low"}, metadata={"a": "b"}, tools=tools, tool_choice="auto",
    )  # fmt: skip
    assert given["status"] == "completed"
    sent = upstream.asked[-1].body
    assert [part["type"] for part in sent["input"][0]["content"]] == ["input_text", "input_image", "input_file"]
    assert (sent["temperature"], sent["max_output_tokens"]) == (0.5, 9)
    assert "stream" not in sent
    assert (sent["tools"], sent["tool_choice"]) == (tools, "auto")
