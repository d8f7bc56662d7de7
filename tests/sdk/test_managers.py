"""Both levels of each section: what is sent, and tolerant typed objects out of whatever comes."""

from __future__ import annotations

import asyncio
import struct
from base64 import b64encode
from typing import Any

import pytest

from portico import AsyncPortico, InvalidAnswer, Portico, PorticoError
from tests.sdk.odd_server import OddServer, Reply, Seen, reply_json

ANSWER = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1764000000, "model": "gpt-4o",
    "system_fingerprint": "fp",
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None, "message": {
        "role": "assistant", "content": "Hello", "tool_calls": None, "function_call": None, "refusal": None}}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 432, "total_tokens": 442, "prompt_cost": 0.000025,
              "completion_cost": 0.00432, "total_cost": 0.004345, "currency": "USD",
              "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 7}},
    "requestId": "5b1d2f8e",
}  # fmt: skip


def test_a_documented_completion_is_read_whole(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(ANSWER)
    answer = client.chat.complete("openai/gpt-4o", "hi")
    assert (answer.id, answer.model, answer.text, answer.finish_reason) == ("chatcmpl-1", "gpt-4o", "Hello", "stop")
    assert (answer.request_id, answer.tool_calls) == ("5b1d2f8e", [])
    assert answer.usage is not None
    assert answer.usage.total_cost == 0.004345
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 7
    assert answer.extra == {"system_fingerprint": "fp"}
    assert answer.choices[0].message.extra == {"function_call": None}
    assert answer.raw == ANSWER == client.low.chat.chat_completion("openai/gpt-4o", "hi")


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"choices": None, "usage": None},
        {"choices": []},
        {"choices": [{"message": None}]},
        {"choices": [{"index": "0", "message": {"content": None, "tool_calls": []}}], "created": "1764000000"},
        {"usage": {"total_tokens": None, "prompt_tokens": "4", "total_cost": None, "currency": None}},
        {"usage": {"total_tokens": "many", "prompt_tokens_details": 3}},
        {"id": 7, "model": None, "created": 17.5, "choices": [None]},
        {"choices": {"message": {"content": [{"type": "text", "text": ""}]}}},
    ],
)
def test_odd_completions_are_read_without_harm(server: OddServer, client: Portico, odd: Any) -> None:
    server.answer = lambda seen: reply_json(odd)
    answer = client.chat.complete("m/x", "hi")
    assert answer.text == ""
    assert answer.tool_calls == []
    assert answer.raw == odd


def test_tool_calls_are_typed(server: OddServer, client: Portico) -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    message = {"role": "assistant", "content": "", "tool_calls": calls}
    server.answer = lambda seen: reply_json({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    (call,) = client.chat.complete("m/x", "hi").tool_calls
    assert (call.id, call.function.name, call.function.arguments) == ("a", "f", '{"x": 1}')


def test_every_option_of_a_chat_has_its_place(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(ANSWER)
    client.chat.complete(
        "saia:search:handbook",
        ["one", {"role": "assistant", "content": "two", "name": None}],
        variables={"tone": "brief"},
        thread_id="t-1",
        revision_name="blue",
        stop=["a", "b"],
        max_tokens=None,
        tools=[{"type": "function", "function": {"name": "f"}}],
        extra_body={"invented": 1},
    )
    assert server.seen[0].json == {
        "model": "saia:search:handbook",
        "messages": [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}],
        "stream": False,
        "variables": [{"key": "tone", "value": "brief"}],
        "threadId": "t-1",
        "revisionName": "blue",
        "stop": ["a", "b"],
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "invented": 1,
    }


def test_an_empty_model_is_not_sent(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="model is empty"):
        client.chat.complete(" ", "hi")
    assert server.seen == []


MODEL = {
    "id": "6f1d", "name": "gpt-4o-mini", "fullName": "openai/gpt-4o-mini", "description": "Small", "type": "Chat",
    "contextWindow": 128000, "maxOutputTokens": 16384, "functionCalling": True, "toolCalling": True, "streaming": True,
    "multimodal": True, "isCustom": False, "priority": 10,
    "parameters": {"temperature": {"supported": True, "range": [0, 2]}},
    "mediaCapabilities": {"image": {"maxImageSizeMB": 20}}, "news": 1,
    "properties": [{"id": "0f2a", "name": "SupportsToolChoice", "type": "Boolean", "value": "true"}],
}  # fmt: skip


def test_the_catalogue_is_asked_with_its_filters(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"providers": [{"name": "openai", "models": [MODEL]}]})
    (provider,) = client.llm.providers(models=True, type="Chat", tool_calling=True, streaming=False, language="Spanish")
    (seen,) = server.seen
    assert seen.path == "/v3/llm/providers"
    assert seen.query == {"include": "models", "type": "Chat", "toolCalling": "true", "streaming": "false"}
    assert seen.headers["accept-language"] == "Spanish"
    (model,) = provider.models
    assert (model.full_name, model.context_window, model.is_custom) == ("openai/gpt-4o-mini", 128000, False)
    assert model.properties[0].value == "true"
    assert model.media_capabilities == {"image": {"maxImageSizeMB": 20}}
    assert model.extra == {"news": 1}


def test_names_with_slashes_colons_and_questions_stay_names(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(MODEL)
    client.llm.model("aws bedrock", "us/nova?v1:0%")
    assert server.seen[0].path == "/v3/llm/providers/aws bedrock/models/us/nova?v1:0%"
    client.llm.provider("openai", detail="Summary")
    assert server.seen[1].query == {"detail": "Summary"}


def test_a_summary_has_less_and_no_harm_is_done(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"models": [{"id": "1", "name": "n", "priority": None}]})
    (model,) = client.llm.models("openai", detail="Summary")
    assert (model.name, model.description, model.context_window, model.properties) == ("n", "", None, [])
    server.answer = lambda seen: reply_json({})
    assert list(client.llm.models("openai")) == []


def test_a_listing_that_is_none_is_told(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"providers": {"name": "x"}})
    with pytest.raises(InvalidAnswer, match="providers"):
        list(client.llm.providers())


def paged(seen: Seen) -> Reply:
    """250 models, 100 a page, in the OpenAI manner."""
    first = int(seen.query.get("after", "m--1").removeprefix("m-")) + 1
    data = [{"id": f"m-{n}"} for n in range(first, min(first + 100, 250))]
    return reply_json({"object": "list", "data": data, "has_more": first + 100 < 250})


def test_an_iterator_reads_every_page(server: OddServer, client: Portico) -> None:
    server.answer = paged
    assert [model.id for model in client.llm.available()] == [f"m-{n}" for n in range(250)]
    assert len(server.seen) == 3


def test_an_iterator_asks_for_a_page_when_it_is_needed(server: OddServer, client: Portico) -> None:
    server.answer = paged
    assert next(client.llm.available()).id == "m-0"
    assert len(server.seen) == 1


def test_a_server_that_repeats_a_page_does_not_hold_us_for_ever(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"data": [{"id": "same"}], "has_more": True})
    assert len(list(client.llm.available())) == 2


def test_embeddings_are_numbers_in_either_encoding(server: OddServer, client: Portico) -> None:
    numbers = [0.5, -1.25, 3.0]
    packed = b64encode(struct.pack("<3f", *numbers)).decode()
    usage = {"prompt_tokens": 9, "total_cost": 1.8e-7, "prompt_tokens_details": None}
    data = [{"index": 0, "embedding": numbers}, {"index": 1, "embedding": packed}]
    server.answer = lambda seen: reply_json({"object": "list", "model": "e", "data": data, "usage": usage})
    answer = client.embeddings.create("local/e", ["a", "b"], dimensions=3, cache=True, input_type="query")
    assert [item.vector() for item in answer.data] == [numbers, numbers]
    assert answer.usage is not None
    assert answer.usage.total_cost == 1.8e-7
    (seen,) = server.seen
    assert (seen.path, seen.headers["x-saia-cache-enabled"]) == ("/embeddings", "true")
    assert seen.json == {"model": "local/e", "input": ["a", "b"], "dimensions": 3, "input_type": "query"}


@pytest.mark.parametrize("empty", ["", [], [""], ["a", ""]])
def test_empty_input_of_embeddings_is_not_sent(server: OddServer, client: Portico, empty: Any) -> None:
    with pytest.raises(PorticoError, match="empty"):
        client.embeddings.create("local/e", empty)
    assert server.seen == []


TOKEN = {
    "id": "geai_secret",
    "apiTokenId": "g-1",
    "name": "ci",
    "description": None,
    "status": "Active",
    "timestamp": "t",
}


def test_tokens_are_made_read_changed_listed_and_deleted(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(TOKEN, 201)
    created = client.tokens.create("ci", description="pipeline", project_id="p-1")
    assert (created.id, created.name, created.description, created.status) == ("geai_secret", "ci", "", "Active")
    assert "geai_secret" not in repr(created)
    assert client.tokens.get("g-1").api_token_id == "g-1"
    assert client.tokens.update("g-1", status="Blocked").name == "ci"
    server.answer = lambda seen: reply_json({"tokens": [TOKEN, {**TOKEN, "id": "g-2"}]})
    assert [token.id for token in client.tokens.list("p-1")] == ["geai_secret", "g-2"]
    server.answer = lambda seen: reply_json({})
    client.tokens.delete("g-1")
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", "/v2/projects/tokens"),
        ("GET", "/v2/projects/tokens/g-1"),
        ("PUT", "/v2/projects/tokens/g-1"),
        ("GET", "/v1/organization/project/p-1/tokens"),
        ("DELETE", "/v2/projects/tokens/g-1"),
    ]
    assert server.seen[0].headers["project-id"] == "p-1"
    assert server.seen[0].json == {"name": "ci", "description": "pipeline"}
    assert server.seen[2].json == {"status": "Blocked"}
    assert server.seen[4].body == b""


def test_an_empty_token_id_is_not_sent(server: OddServer, client: Portico) -> None:
    with pytest.raises(PorticoError, match="empty"):
        client.tokens.delete("")
    assert server.seen == []


def test_a_token_of_an_organization_has_no_project(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"organizationId": "o", "organizationName": "Acme"})
    identity = client.tokens.validate()
    assert (identity.organization_id, identity.organization_name, identity.project_id) == ("o", "Acme", None)
    assert server.seen[0].path == "/v1/accessControl/apitoken/validate"


def test_the_async_client_does_all_of_it_too(server: OddServer) -> None:
    replies = {
        "/v3/llm/providers": {"providers": [{"name": "openai", "models": [MODEL]}]},
        "/v3/llm/providers/openai": {"name": "openai"},
        "/v3/llm/providers/openai/models": {"models": [MODEL]},
        "/v3/llm/providers/openai/models/m": MODEL,
        "/v1/organization/project/p/tokens": {"tokens": [TOKEN]},
        "/v1/accessControl/apitoken/validate": {"organizationId": "o"},
        "/embeddings": {"data": [{"embedding": [1.0]}]},
        "/v1/chat/completions": ANSWER,
        "/v1/system/status": {"running": True},
    }

    def answer(seen: Seen) -> Reply:
        if seen.path == "/v1/models":
            return paged(seen)
        return reply_json(TOKEN if seen.path.startswith("/v2/projects/tokens") else replies[seen.path])

    async def main() -> None:
        async with AsyncPortico("k", server.url) as client:
            assert (await client.chat.complete("m/x", "hi")).text == "Hello"
            assert [p.name async for p in client.llm.providers(models=True)] == ["openai"]
            assert (await client.llm.provider("openai")).name == "openai"
            assert [m.name async for m in client.llm.models("openai", type="Chat")] == ["gpt-4o-mini"]
            assert (await client.llm.model("openai", "m")).id == "6f1d"
            assert len([m async for m in client.llm.available()]) == 250
            assert (await client.embeddings.create("e", "a")).data[0].vector() == [1.0]
            assert (await client.tokens.validate()).organization_id == "o"
            assert (await client.tokens.create("ci")).name == "ci"
            assert (await client.tokens.get("g")).name == "ci"
            assert (await client.tokens.update("g", description="d")).name == "ci"
            await client.tokens.delete("g")
            assert [t.name async for t in client.tokens.list("p")] == ["ci"]
            assert (await client.status()).running
            stream = await client.low.chat.stream_chat_completion("m/x", "hi")
            assert [chunk["id"] async for chunk in stream] == ["chatcmpl-1"]

    server.answer = answer
    asyncio.run(main())
