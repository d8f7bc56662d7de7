"""`portico llm`: the catalog as tables and JSON, with its filters."""

from __future__ import annotations

import json

from .conftest import Run
from .fake_server import FakeServer

ROOT = "/v3/llm/providers"
MODEL = {
    "id": "6f1d7c52-0000-4000-8000-00000000000a",
    "name": "gpt-4o",
    "fullName": "openai/gpt-4o",
    "description": "Modelo",
    "type": "Chat",
    "contextWindow": 128000,
    "maxOutputTokens": 0,
    "streaming": True,
    "toolCalling": True,
    "multimodal": False,
}
OPENAI = {"name": "openai", "friendlyName": "OpenAI", "description": "OpenAI models", "interfaceType": "openai"}


def test_providers_as_json_are_what_the_server_sent(run: Run, server: FakeServer) -> None:
    server.answer("GET", ROOT, {"providers": [OPENAI]})

    assert json.loads(run("llm", "providers").out) == {"providers": [OPENAI]}


def test_providers_as_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", ROOT, {"providers": [OPENAI]})

    assert run("llm", "providers", "-o", "table").out == (
        "Provider  Name    Description\nopenai    OpenAI  OpenAI models\n"
    )  # fmt: skip


def test_filters_and_language_reach_the_server(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/openai/models", {"models": [MODEL]})

    result = run("llm", "models", "openai", "--type", "Chat", "--streaming", "--no-multimodal", "-l", "es", "--summary")

    assert result.code == 0
    asked = server.last(f"{ROOT}/openai/models")
    assert asked.query == {"type": "Chat", "streaming": "true", "multimodal": "false", "detail": "Summary"}
    assert asked.headers["accept-language"] == "es"


def test_models_without_a_provider_are_those_of_all(run: Run, server: FakeServer) -> None:
    server.answer("GET", ROOT, {"providers": [{**OPENAI, "models": [MODEL]}, {"name": "x", "models": []}]})

    assert json.loads(run("llm", "models").out) == {"models": [MODEL]}
    assert server.last(ROOT).query == {"include": "models"}


def test_models_as_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/openai/models", {"models": [MODEL]})

    assert run("llm", "models", "openai", "-o", "table").out == (
        "Model          Type  Context  Can            Description\n"
        "openai/gpt-4o  Chat  128000   stream, tools  Modelo\n"
    )


def test_an_empty_table_says_so_on_standard_error(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/openai/models", {"models": []})

    result = run("llm", "models", "openai", "-o", "table")

    assert (result.code, result.out, result.err) == (0, "", "none\n")


def test_a_model_by_its_full_name_or_by_provider_and_id(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/awsbedrock/models/amazon.nova-pro-v1:0", MODEL)

    assert json.loads(run("llm", "model", "awsbedrock/amazon.nova-pro-v1:0").out) == MODEL
    assert json.loads(run("llm", "model", "awsbedrock", "amazon.nova-pro-v1:0").out) == MODEL


def test_one_provider(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/openai", OPENAI)

    assert run("llm", "provider", "openai", "-o", "yaml").out.startswith("name: openai\nfriendlyName: OpenAI\n")


def test_filters_of_providers_need_their_models(run: Run, server: FakeServer) -> None:
    result = run("llm", "providers", "--type", "Chat")

    assert (result.code, server.asked) == (2, [])
    assert "--models" in result.err
