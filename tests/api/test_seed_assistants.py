"""The samples of the reference that make and ask assistants, run by a shell as they are printed."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.api.assistant_house import make_assistant, sent_to
from tests.api.test_seed_samples import ASSISTANT, VARIABLES, run
from tests.live import LiveServer
from tests.upstream import Upstream

CREATE = r"""curl --location 'https://api.saia.ai/v1/assistant'
-H 'content-type: application/json'
-H 'Authorization: Bearer $GEAI_APITOKEN'
-d '{
"type": "chat",
"name": "Test-variables",
"prompt": "You are a translator. Translate to {language}."
}'"""
FILLED = {"role": "system", "content": "You are a translator. Translate to French."}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """As after the installation: no provider but the local models."""
    with LiveServer(tmp_path_factory.mktemp("local")) as live:
        yield live


def test_the_translator_works_word_for_word(server: LiveServer, upstream: Upstream) -> None:
    """First create an assistant with the variables, then pass the variables when you use it."""
    made = run(CREATE, server)
    assert (made.status, made.json()["assistantName"]) == (200, "Test-variables"), made.body
    shown = run(VARIABLES, server)
    assert shown.status == 200, shown.body
    body = shown.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["message"]["content"] == "Hello there"
    assert sent_to(upstream)["messages"] == [FILLED, {"role": "user", "content": "Hello"}]


def test_the_translator_works_word_for_word_with_the_local_models_alone(local: LiveServer) -> None:
    assert run(CREATE, local).status == 200
    shown = run(VARIABLES, local)
    assert shown.status == 200, shown.body
    assert shown.json()["choices"][0]["message"]["content"]
    assert shown.json()["usage"]["prompt_tokens"] > 10, "the prompt is there"


def test_a_standard_assistant_streams_as_printed(server: LiveServer, upstream: Upstream) -> None:
    make_assistant(server, "translate-to-spanish", "Translate the user's text to Spanish.")
    shown = run(ASSISTANT, server)
    assert shown.status == 200, shown.body
    assert shown.content_type.startswith("text/event-stream")
    lines = [line[6:] for line in shown.body.splitlines() if line.startswith("data: ")]
    assert lines.pop() == "[DONE]"
    assert "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines) == "Hello there"
    assert sent_to(upstream)["messages"][0]["content"] == "Translate the user's text to Spanish."
