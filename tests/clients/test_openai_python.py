"""The `openai` Python SDK, unchanged, against a live server: what its users do first, and what goes wrong then."""

from __future__ import annotations

import json
import math
from itertools import repeat
from typing import Any, Literal

import openai
import pydantic
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients.conftest import TIMEOUT_S
from tests.live import CHAT, TEXT, LiveServer, wait_until
from tests.upstream import COMPLETION, Asked, Reply, Upstream, chunk, sse, stream, usage_chunk, whole

MODEL = "openai/gpt-4o-mini"
SEED_MODEL = "gpt-4o-mini"
BASES = ("/v1", "", "/v1/chat/completions", "/chat")
"""Chat reference, section 14: all of them must work, two of them by the doubled paths."""
ASK: Any = [{"role": "user", "content": "Say hello."}]
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "enum": ["Lima", "Quito"]},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Fruit(pydantic.BaseModel):
    """A shape whose every value is bounded, so that a tiny model ends it soon."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: Literal["apple", "banana"]
    ripe: bool


def sdk(server: LiveServer, base: str = "/v1", token: str | None = None) -> OpenAI:
    return OpenAI(api_key=token or server.token(), base_url=server.url + base, max_retries=0, timeout=TIMEOUT_S)


def async_sdk(server: LiveServer, base: str = "/v1") -> AsyncOpenAI:
    return AsyncOpenAI(api_key=server.token(), base_url=server.url + base, max_retries=0, timeout=TIMEOUT_S)


def fits_weather(arguments: str) -> bool:
    said = json.loads(arguments)
    return set(said) == {"city", "unit"} and said["city"] in ("Lima", "Quito")


# plain and streamed, on every base URL -----------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_every_documented_base_url_answers(server: LiveServer, base: str) -> None:
    with sdk(server, base) as client:
        answer = client.chat.completions.create(
            model=CHAT,
            messages=ASK,
            max_tokens=4,
            extra_headers={"saia-conversation-id": "visitor42"},
            extra_body={"variables": []},
        )
    assert answer.object == "chat.completion"
    assert answer.model == "smollm2-135m-instruct"
    assert answer.choices[0].message.content
    assert answer.usage is not None and answer.usage.completion_tokens > 0
    assert (answer.usage.model_extra or {})["currency"] == "USD"


@pytest.mark.parametrize("base", BASES)
def test_every_documented_base_url_streams(server: LiveServer, base: str) -> None:
    with sdk(server, base) as client:
        chunks = list(client.chat.completions.create(model=CHAT, messages=ASK, max_tokens=4, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks)
    assert chunks[-1].choices[0].finish_reason in ("stop", "length")


@pytest.mark.anyio
@pytest.mark.parametrize("base", BASES)
async def test_the_async_client_answers_and_streams(server: LiveServer, base: str) -> None:
    async with async_sdk(server, base) as client:
        answer = await client.chat.completions.create(model=CHAT, messages=ASK, max_tokens=4)
        chunks = [
            c async for c in await client.chat.completions.create(model=CHAT, messages=ASK, max_tokens=4, stream=True)
        ]
    assert answer.choices[0].message.content
    assert "".join(c.choices[0].delta.content or "" for c in chunks)


def test_the_sample_of_the_reference_runs_with_its_bare_model_name(server: LiveServer, upstream: Upstream) -> None:
    """The Python sample of the Chat API page, address and token filled in."""
    api_key = server.token()
    api_base = f"{server.url}/v1/chat/completions"
    client = OpenAI(api_key=api_key, base_url=api_base)
    with client:
        completion = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello world"}]
        )
    assert completion.choices[0].message.content == "Hello there"
    assert upstream.asked[0].body["model"] == "gpt-4o-mini"


def test_usage_comes_last_when_asked_for(client: OpenAI) -> None:
    stream_of = client.chat.completions.create(
        model=CHAT, messages=ASK, max_tokens=4, stream=True, stream_options={"include_usage": True}
    )
    *_, last = list(stream_of)
    assert last.choices == []
    assert last.usage is not None and last.usage.total_tokens > 0


def test_raw_responses_show_the_documented_headers(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model=CHAT, messages=ASK, max_tokens=2)
    answer = raw.parse()
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["x-saia-cache"] == "BYPASS"
    assert raw.headers["x-request-id"] == answer._request_id == (answer.model_extra or {})["requestId"]


def test_a_streamed_response_shows_the_documented_headers(client: OpenAI) -> None:
    asked = client.chat.completions.with_streaming_response.create(model=CHAT, messages=ASK, max_tokens=2, stream=True)
    with asked as raw:
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert raw.headers["cache-control"] == "no-cache"
        assert raw.headers["x-accel-buffering"] == "no"
        assert raw.headers["x-request-id"]
        assert list(raw.iter_lines())[-2:] == ["data: [DONE]", ""]


def test_text_of_any_script_arrives_as_it_was(server: LiveServer, upstream: Upstream, client: OpenAI) -> None:
    text = "niño 日本語 \u2028 \u2029 \x85 🙂"
    upstream.replies(stream(sse(chunk({"content": text}), chunk({}, "stop"), "[DONE]")))
    chunks = list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == text


# tools -------------------------------------------------------------------------------------------------------


def test_a_tool_call_is_enforced(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=ASK, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False, max_tokens=400
    )
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    [call] = choice.message.tool_calls or []
    assert call.type == "function" and call.function.name == "get_weather"
    assert fits_weather(call.function.arguments)
    assert call.id


def test_a_named_tool_is_called(client: OpenAI) -> None:
    other: Any = {"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {}}}}
    answer = client.chat.completions.create(
        model=CHAT,
        messages=ASK,
        tools=[other, WEATHER],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        max_tokens=400,
    )
    [call] = answer.choices[0].message.tool_calls or []
    assert call.type == "function" and call.function.name == "get_weather"


def test_a_streamed_tool_call_is_put_together_by_the_sdk(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model=CHAT, messages=ASK, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False, max_tokens=400
    ) as events:
        kinds = [event.type for event in events]
        final = events.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert "tool_calls.function.arguments.done" in kinds
    assert final.choices[0].finish_reason == "tool_calls"
    [call] = final.choices[0].message.tool_calls or []
    assert call.function.name == "get_weather" and fits_weather(call.function.arguments)


@pytest.mark.anyio
async def test_the_async_client_puts_a_streamed_tool_call_together(server: LiveServer) -> None:
    async with (
        async_sdk(server) as client,
        client.chat.completions.stream(
            model=CHAT, messages=ASK, tools=[WEATHER], tool_choice="required", parallel_tool_calls=False, max_tokens=400
        ) as events,
    ):
        final = await events.get_final_completion()
    [call] = final.choices[0].message.tool_calls or []
    assert call.function.name == "get_weather" and fits_weather(call.function.arguments)


def test_parallel_tool_calls_of_a_provider_are_put_together(upstream: Upstream, client: OpenAI) -> None:
    def part(index: int, arguments: str, **head: Any) -> dict[str, Any]:
        function = {"arguments": arguments, **({"name": head.pop("name")} if "name" in head else {})}
        return chunk({"tool_calls": [{"index": index, "function": function, **head}]})

    upstream.replies(
        stream(
            sse(
                chunk({"role": "assistant", "content": None}),
                part(0, "", id="call_a", type="function", name="get_weather"),
                part(0, '{"city":"Lima",'),
                part(1, "", id="call_b", type="function", name="get_weather"),
                part(1, '{"city":"Quito",'),
                part(0, '"unit":"celsius"}'),
                part(1, '"unit":"celsius"}'),
                chunk({}, "tool_calls"),
                usage_chunk(),
                "[DONE]",
            )
        )
    )
    with client.chat.completions.stream(model=MODEL, messages=ASK, tools=[WEATHER]) as events:
        final = events.get_final_completion()
    calls = final.choices[0].message.tool_calls or []
    assert [(c.id, json.loads(c.function.arguments)["city"]) for c in calls] == [
        ("call_a", "Lima"),
        ("call_b", "Quito"),
    ]


def test_the_result_of_a_tool_goes_back_to_the_model(upstream: Upstream, client: OpenAI) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Lima"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    asked_for = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    upstream.replies(whole({**COMPLETION, "choices": [asked_for]}), whole())
    first = client.chat.completions.create(model=MODEL, messages=ASK, tools=[WEATHER])
    again: Any = [
        *ASK,
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": "call_1", "content": "18 degrees"},
    ]
    second = client.chat.completions.create(model=MODEL, messages=again, tools=[WEATHER])
    assert second.choices[0].message.content == "Hello there"
    assert upstream.asked[1].body["messages"][2] == {
        "role": "tool",
        "tool_call_id": "call_1",
        "content": "18 degrees",
    }


# shaped answers ----------------------------------------------------------------------------------------------


def test_a_json_schema_is_enforced(client: OpenAI) -> None:
    wanted: Any = {
        "type": "json_schema",
        "json_schema": {"name": "fruit", "strict": True, "schema": Fruit.model_json_schema()},
    }
    answer = client.chat.completions.create(model=CHAT, messages=ASK, response_format=wanted, max_tokens=400)
    Fruit.model_validate_json(answer.choices[0].message.content or "", strict=True)


def test_parse_gives_the_pydantic_object(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model=CHAT, messages=ASK, response_format=Fruit, max_tokens=400)
    assert isinstance(answer.choices[0].message.parsed, Fruit)


@pytest.mark.anyio
async def test_the_async_client_parses_a_stream(server: LiveServer) -> None:
    async with (
        async_sdk(server) as client,
        client.chat.completions.stream(model=CHAT, messages=ASK, response_format=Fruit, max_tokens=400) as events,
    ):
        final = await events.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Fruit)


def test_an_object_cut_short_is_told_as_such(client: OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model=CHAT, messages=ASK, response_format=Fruit, max_tokens=2)


# embeddings --------------------------------------------------------------------------------------------------


def test_embeddings_come_as_the_sdk_asks_by_default(client: OpenAI) -> None:
    """Without `encoding_format` the SDK asks for base64 and decodes it."""
    answer = client.embeddings.create(model=TEXT, input=["a red chair", "a blue chair"])
    assert answer.model == "all-minilm-l6-v2"
    assert [item.index for item in answer.data] == [0, 1]
    for item in answer.data:
        assert len(item.embedding) == 384
        assert math.isclose(sum(x * x for x in item.embedding), 1.0, abs_tol=1e-3)
    assert answer.usage.prompt_tokens > 0
    assert (answer.usage.model_extra or {})["currency"] == "USD"


def test_embeddings_as_numbers_are_the_same_vectors(client: OpenAI) -> None:
    packed = client.embeddings.create(model=TEXT, input="a red chair").data[0].embedding
    plain = client.embeddings.create(model=TEXT, input="a red chair", encoding_format="float").data[0].embedding
    assert packed == pytest.approx(plain, abs=1e-6)


@pytest.mark.anyio
@pytest.mark.parametrize("base", ["/v1", ""])
async def test_the_async_client_embeds(server: LiveServer, base: str) -> None:
    async with async_sdk(server, base) as client:
        answer = await client.embeddings.create(model=TEXT, input="a red chair")
    assert len(answer.data[0].embedding) == 384


def test_dimensions_reach_a_provider_that_knows_them(upstream: Upstream, client: OpenAI) -> None:
    answer = client.embeddings.create(model="openai/text-embedding-3-small", input="x", dimensions=2)
    assert answer.data[0].embedding == pytest.approx([0.6, -0.8])
    assert upstream.asked[0].body["dimensions"] == 2


def test_dimensions_that_a_model_cannot_give_are_refused(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=TEXT, input="x", dimensions=5)
    assert (refused.value.code, refused.value.param) == ("8", "dimensions")


def test_a_text_that_is_too_long_is_refused_and_the_field_named(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model=TEXT, input="word " * 3000)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "input")


# models ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/v1", ""])
def test_models_are_listed(server: LiveServer, base: str) -> None:
    with sdk(server, base) as client:
        listed = {model.id: model for model in client.models.list()}
    assert {CHAT, TEXT, MODEL} <= listed.keys()
    assert (listed[MODEL].object, listed[MODEL].owned_by, listed[MODEL].created) == ("model", "openai", 0)
    assert "openai/gpt-3.5-turbo" not in listed, "deprecated models are not listed"


@pytest.mark.parametrize("base", ["/v1", ""])
@pytest.mark.parametrize("model", [CHAT, "awsbedrock/amazon.nova-pro-v1:0"])
def test_a_model_is_retrieved(server: LiveServer, base: str, model: str) -> None:
    """The SDK escapes slash and colon of the name."""
    with sdk(server, base) as client:
        assert client.models.retrieve(model).id == model


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("openai/no-such-model")
    assert refused.value.type == "invalid_request_error"


# refusals ----------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_an_authentication_error(server: LiveServer) -> None:
    with sdk(server, token="geai_wrong") as client, pytest.raises(openai.AuthenticationError) as refused:
        client.chat.completions.create(model=CHAT, messages=ASK)
    error = refused.value
    assert (error.status_code, error.code, error.type, error.param) == (401, "401", "authentication_error", None)
    assert error.response.headers["www-authenticate"] == "Bearer"
    assert error.request_id == error.response.headers["x-request-id"]


def test_the_organization_token_may_not_chat(server: LiveServer) -> None:
    organization = server.token("organization")
    with sdk(server, token=organization) as client, pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=CHAT, messages=ASK)
    assert (refused.value.code, refused.value.type) == ("7", "permission_error")
    assert "ApiToken out of scope" in refused.value.message


def test_the_organization_token_may_not_embed_but_list_models(server: LiveServer) -> None:
    with sdk(server, token=server.token("organization")) as client:
        with pytest.raises(openai.PermissionDeniedError):
            client.embeddings.create(model=TEXT, input="x")
        assert client.models.list().data


@pytest.mark.parametrize("model", ["openai-of-nobody/gpt", "local/no-such-model"])
def test_an_unknown_model_in_a_chat_is_not_found(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model=model, messages=ASK)
    assert refused.value.param == "model"
    assert f"Model '{model}' does not exist." in refused.value.message
    assert refused.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"temperature": 3}, 8, "temperature"),
        ({"max_tokens": -1}, 8, "max_tokens"),
        ({"messages": []}, 9, "messages"),
        ({"model": ""}, 9, "model"),
        ({"stop": ["a", "b", "c", "d", "e"]}, 8, "stop"),
        ({"model": TEXT}, 2009, "model"),
        ({"model": "saia:robot:x"}, 2009, "model"),
    ],
)
def test_a_wrong_member_is_a_bad_request(client: OpenAI, wrong: dict[str, Any], code: int, param: str) -> None:
    asked: dict[str, Any] = {"model": CHAT, "messages": ASK, "max_tokens": 2, **wrong}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**asked)
    error = refused.value
    assert (error.code, error.param, error.type) == (str(code), param, "invalid_request_error")


def test_a_providers_validation_error_keeps_its_code_and_param(upstream: Upstream, client: OpenAI) -> None:
    said = {"message": "Too long.", "type": "invalid_request_error", "param": "messages", "code": "too_long"}
    upstream.replies(whole({"error": said}, 400))
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK)
    error = refused.value
    assert (error.code, error.param, error.type) == ("too_long", "messages", "invalid_request_error")
    assert "Too long." in error.message


def test_a_providers_rate_limit_is_a_rate_limit_error(upstream: Upstream, client: OpenAI) -> None:
    upstream.replies(whole({"error": {"message": "Slow down.", "code": "rate_limit"}}, 429, **{"Retry-After": "30"}))
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK)
    error = refused.value
    assert error.type == "rate_limit_error"
    assert error.response.headers["retry-after"] == "30"
    assert error.response.json()["errors"][0]["id"] == 151


def test_the_sdk_tries_again_after_a_full_house(server: LiveServer, upstream: Upstream) -> None:
    """Our own tries are used up by a pause beyond the budget; the SDK's own try then finds the provider well."""
    busy = whole({"error": {"message": "Busy."}}, 503, **{"Retry-After": "6"})
    upstream.replies(busy, whole())
    with OpenAI(api_key=server.token(), base_url=f"{server.url}/v1", max_retries=1, timeout=TIMEOUT_S) as client:
        answer = client.chat.completions.create(model=MODEL, messages=ASK)
    assert answer.choices[0].message.content == "Hello there"
    assert len(upstream.asked) == 2


def test_a_provider_that_fails_is_a_server_error(upstream: Upstream, client: OpenAI) -> None:
    upstream.replies(whole({"error": {"message": "x"}}, 401))
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK)
    assert refused.value.status_code == 502
    assert refused.value.type == "server_error"


# streams that end early --------------------------------------------------------------------------------------


def test_an_error_in_the_middle_of_a_stream_is_raised(upstream: Upstream, client: OpenAI) -> None:
    broken = sse(chunk({"content": "Hel"}), {"error": {"message": "The engine is gone.", "code": "engine"}})
    upstream.replies(stream(broken))
    got = []
    with pytest.raises(openai.APIError) as raised:
        for piece in client.chat.completions.create(model=MODEL, messages=ASK, stream=True):
            got.append(piece.choices[0].delta.content)
    assert "Hel" in got
    assert not isinstance(raised.value, openai.APIStatusError), "the status was spent"
    assert "The engine is gone." in raised.value.message


@pytest.mark.anyio
async def test_an_error_in_the_middle_of_an_async_stream_is_raised(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(stream(sse(chunk({"content": "Hel"})), cut=True))
    async with async_sdk(server) as client:
        with pytest.raises(openai.APIError):
            async for _ in await client.chat.completions.create(model=MODEL, messages=ASK, stream=True):
                pass


def test_closing_a_stream_hangs_up_on_the_provider(upstream: Upstream, client: OpenAI) -> None:
    upstream.replies(stream(repeat(sse(chunk({"content": "on and on "}))), gap_s=0.05))
    chunks = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    next(iter(chunks))
    chunks.close()
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the connection end")


@pytest.mark.anyio
async def test_leaving_an_async_stream_hangs_up_on_the_provider(server: LiveServer, upstream: Upstream) -> None:
    upstream.replies(stream(repeat(sse(chunk({"content": "on and on "}))), gap_s=0.05))
    async with (
        async_sdk(server) as client,
        await client.chat.completions.create(model=MODEL, messages=ASK, stream=True) as chunks,
    ):
        async for _ in chunks:
            break
    wait_until(lambda: upstream.hang_ups == 1, "the provider saw the connection end")


def test_keep_alive_comments_disturb_nobody(talkative: LiveServer, upstream: Upstream) -> None:

    def late(asked: Asked) -> Reply:
        return stream(
            [sse(chunk({"content": "Hel"})), sse(chunk({"content": "lo"}), chunk({}, "stop"), "[DONE]")], gap_s=1.2
        )

    upstream.script = late
    with sdk(talkative) as client:
        chunks = list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello"
