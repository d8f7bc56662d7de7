"""The `openai` npm package, unchanged, against a live server: the newest, and version 3 of the reference's sample."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest

from tests.clients.node_host import INSTALL_S, Node, find_node, install, run
from tests.live import CHAT, TEXT, LiveServer, wait_until
from tests.upstream import Upstream, chunk, sse, stream

MODEL = "openai/gpt-4o-mini"
BASES = ("/v1", "", "/v1/chat/completions", "/chat")
Program = Callable[..., Any]
pytestmark = pytest.mark.timeout(INSTALL_S + 60)


@pytest.fixture(scope="module")
def node() -> Node:
    return find_node()


@pytest.fixture
def newest(server: LiveServer, node: Node) -> Program:
    """Runs a program of `node/newest` against the server."""
    return _programs(server, node, "newest")


@pytest.fixture
def version3(server: LiveServer, node: Node) -> Program:
    """Runs a program of `node/version3` against the server."""
    return _programs(server, node, "version3")


def _programs(server: LiveServer, node: Node, name: str) -> Program:
    folder = install(name, node)
    known = {
        "BASE_URL": server.url,
        "TOKEN": server.token(),
        "ORGANIZATION_TOKEN": server.token("organization"),
        "MODEL": CHAT,
    }
    return lambda program, **environ: run(node, folder / program, **{**known, **environ})


# the newest --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_every_documented_base_url_answers(newest: Program, base: str) -> None:
    said = newest("plain.mjs", BASE_PATH=base)
    answer = said["answer"]
    assert answer["model"] == "smollm2-135m-instruct"
    assert answer["choices"][0]["message"]["content"]
    assert said["requestId"] == said["seenId"] == answer["requestId"]


@pytest.mark.parametrize("base", ["/v1", "/chat"])
def test_a_stream_is_read_to_its_usage(newest: Program, base: str) -> None:
    said = newest("stream.mjs", BASE_PATH=base)
    assert said["text"]
    assert said["usage"]["completion_tokens"] > 0


def test_text_of_any_script_arrives_as_it_was(newest: Program, upstream: Upstream) -> None:
    text = "niño 日本語 \u2028 🙂"
    upstream.replies(stream(sse(chunk({"content": text}), chunk({}, "stop"), "[DONE]")))
    assert newest("stream.mjs", MODEL=MODEL)["text"] == text


def test_a_streamed_tool_call_is_put_together(newest: Program) -> None:
    choice = newest("tools.mjs")
    assert choice["finish_reason"] == "tool_calls"
    [call] = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) in ({"city": "Lima"}, {"city": "Quito"})


def test_a_json_schema_is_enforced(newest: Program) -> None:
    assert newest("schema.mjs") in ({"ripe": True}, {"ripe": False})


def test_embeddings_come_as_the_sdk_asks(newest: Program) -> None:
    said = newest("embed.mjs", MODEL=TEXT)
    assert [len(vector) for vector in said["packed"]] == [384, 384]
    assert said["packed"][0] == pytest.approx(said["plain"], abs=1e-6)
    assert math.isclose(sum(x * x for x in said["plain"]), 1.0, abs_tol=1e-3)
    assert said["usage"]["currency"] == "USD"


def test_models_are_listed_and_retrieved(newest: Program) -> None:
    said = newest("models.mjs")
    assert {CHAT, TEXT, MODEL} <= set(said["listed"])
    assert said["one"] == {"id": CHAT, "object": "model", "created": 0, "owned_by": "local"}


def test_refusals_become_the_classes_of_the_sdk(newest: Program) -> None:
    said = newest("errors.mjs")
    assert [refusal["name"] for refusal in said.values()] == [
        "AuthenticationError",
        "PermissionDeniedError",
        "NotFoundError",
        "BadRequestError",
    ]
    assert all(refusal["hasId"] for refusal in said.values())
    told = [(r["status"], r["code"], r["param"], r["type"]) for r in said.values()]
    assert told == [
        (401, 401, None, "authentication_error"),
        (403, 7, None, "permission_error"),
        (404, "model_not_found", "model", "invalid_request_error"),
        (400, 8, "temperature", "invalid_request_error"),
    ]


def test_a_broken_stream_is_an_error_and_a_left_one_is_hung_up(newest: Program, upstream: Upstream) -> None:
    broken = stream(sse(chunk({"content": "Hel"}), {"error": {"message": "The engine is gone."}}))
    endless = stream(repeat(sse(chunk({"content": "on and on "}))), gap_s=0.05)
    upstream.replies(broken, endless)
    said = newest("broken.mjs", MODEL=MODEL)
    assert said["name"] == "APIError"
    assert "The engine is gone." in said["message"]
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the connection end")


# version 3 ---------------------------------------------------------------------------------------------------


def test_the_sample_of_the_reference_runs_as_printed(version3: Program, upstream: Upstream) -> None:
    said = version3("sample.cjs", MODEL="gpt-4o-mini")
    assert (said["role"], said["content"]) == ("assistant", "Hello there")
    assert upstream.asked[0].body["model"] == "gpt-4o-mini"


def test_the_sample_of_the_reference_runs_with_a_local_model(version3: Program) -> None:
    assert version3("sample.cjs", MODEL=CHAT)["content"]


@pytest.mark.parametrize("base", BASES)
def test_version_3_answers_on_every_documented_base_url(version3: Program, base: str) -> None:
    said = version3("plain.cjs", BASE_PATH=base)
    assert said["status"] == 200
    assert said["requestId"] == said["answer"]["requestId"]


def test_version_3_streams(version3: Program) -> None:
    said = version3("stream.cjs")
    assert said["text"] and said["done"] == "[DONE]"


def test_version_3_embeds(version3: Program) -> None:
    assert version3("embed.cjs", MODEL=TEXT) == {"length": 384, "model": "all-minilm-l6-v2"}


def test_version_3_is_told_why_it_is_refused(version3: Program) -> None:
    said = version3("refused.cjs")
    assert said["status"] == 401
    assert said["body"]["error"]["message"] == "Unauthorized"
    assert said["body"]["errors"] == [{"id": 401, "description": "Unauthorized"}]
