"""The official `anthropic` SDK against the live server: models of OpenAI and local ones in the words of Anthropic."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import repeat
from typing import Any, Literal

import anthropic
import pydantic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.api.raw import Wire, request
from tests.clients.conftest import TIMEOUT_S
from tests.live import CHAT, LiveServer, wait_until
from tests.upstream import COMPLETION, Upstream, chunk, sse, stream, usage_chunk, whole

MODEL = "openai/gpt-4o-mini"
THINKING = "openai/gpt-5"
ASK: Any = [{"role": "user", "content": "Say hello."}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Lima", "Quito"]}},
        "required": ["city"],
    },
}
FILED = {"type": "image", "source": {"type": "file", "file_id": "f"}}
PICTURE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAAANSUhEUg=="}


class Fruit(pydantic.BaseModel):
    """A shape whose every value is bounded, so that a tiny model ends it soon."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: Literal["apple", "kiwi"]
    ripe: bool


@pytest.fixture
def claude(server: LiveServer) -> Iterator[Anthropic]:
    """The SDK as its users make it: the token goes out as `x-api-key`."""
    with Anthropic(api_key=server.token(), base_url=server.url, max_retries=0, timeout=TIMEOUT_S) as made:
        yield made


def call(index: int, arguments: str, **head: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": head.pop("name")} if "name" in head else {})}
    return chunk({"tool_calls": [{"index": index, "function": function, **head}]})


# answers --------------------------------------------------------------------------------------------------------


def test_a_message_of_a_model_of_openai(upstream: Upstream, claude: Anthropic) -> None:
    message = claude.messages.create(model=MODEL, max_tokens=50, messages=ASK, system="Be brief.")
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn")
    assert message.id.startswith("msg_")
    assert message.model == "gpt-4o-mini-2024-07-18"
    [block] = message.content
    assert block.type == "text"
    assert block.text == "Hello there"
    usage = message.usage.to_dict()
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["output_tokens"]) == (6, 4, 5)
    assert usage["total_cost"] == pytest.approx(usage["prompt_cost"] + usage["completion_cost"])
    assert message._request_id == message.to_dict()["requestId"]
    assert upstream.asked[-1].body == {
        "model": "gpt-4o-mini",
        "max_completion_tokens": 50,
        "messages": [{"role": "system", "content": "Be brief."}, *ASK],
    }


def test_a_streamed_message(upstream: Upstream, claude: Anthropic) -> None:
    with claude.messages.stream(model=MODEL, max_tokens=50, messages=ASK) as events:
        kinds = [event.type for event in events]
        message = events.get_final_message()
    assert kinds == [
        "message_start", "content_block_start", "content_block_delta", "text", "content_block_delta", "text",
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert message.stop_reason == "end_turn"
    assert [block.to_dict() for block in message.content] == [{"type": "text", "text": "Hello there"}]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (6, 5)


def test_the_bytes_of_a_stream_are_those_of_the_api(upstream: Upstream, server: LiveServer) -> None:
    upstream.replies(stream(sse(chunk({"role": "assistant", "content": "\u2028 d\u00e9j\u00e0"}), chunk({}, "length"))))
    body = {"model": MODEL, "max_tokens": 5, "messages": ASK, "stream": True}
    got = server.post("/v1/messages?beta=true", body)
    assert got.body.isascii()
    assert got.headers["request-id"] == got.headers["x-request-id"]
    frames = [frame.split(b"\n") for frame in got.body.removesuffix(b"\n\n").split(b"\n\n")]
    names = [name.removeprefix(b"event: ").decode() for name, _ in frames]
    told = [json.loads(data.removeprefix(b"data: ")) for _, data in frames]
    assert [one["type"] for one in told] == names
    assert names[-2:] == ["message_delta", "message_stop"]
    assert told[-2]["delta"]["stop_reason"] == "max_tokens"
    assert told[2]["delta"]["text"] == "\u2028 d\u00e9j\u00e0"


@pytest.mark.parametrize("path", ["/v1/messages", "/messages"])
def test_a_local_model_answers(server: LiveServer, path: str) -> None:
    got = server.post(path, {"model": CHAT, "max_tokens": 16, "messages": ASK, "metadata": {"user_id": "u"}})
    assert got.status == 200, got.body
    assert got.json()["content"][0]["type"] == "text"
    assert got.json()["usage"]["output_tokens"] > 0


def test_a_local_model_streams(claude: Anthropic) -> None:
    with claude.messages.stream(
        model=CHAT, max_tokens=16, messages=ASK, stop_sequences=list("\u00e0\u00e1\u00e2\u00e3\u00e4")
    ) as events:
        text = "".join(events.text_stream)
        message = events.get_final_message()
    assert message.content[0].to_dict()["text"] == text != ""
    assert message.usage.output_tokens > 0


@pytest.mark.anyio
async def test_the_async_client(server: LiveServer) -> None:
    async with (
        AsyncAnthropic(auth_token=server.token(), base_url=server.url, max_retries=0, timeout=TIMEOUT_S) as client,
        client.messages.stream(model=CHAT, max_tokens=16, messages=ASK) as events,
    ):
        text = "".join([piece async for piece in events.text_stream])
        message = await events.get_final_message()
    assert message.content[0].to_dict()["text"] == text


# tools ----------------------------------------------------------------------------------------------------------


def test_a_round_trip_with_a_tool(upstream: Upstream, claude: Anthropic) -> None:
    calls = [
        {
            "id": f"call_{name}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": f'{{"city":"{name}"}}'},
        }
        for name in ("Lima", "Quito")
    ]
    said = {"role": "assistant", "content": "Let me see.", "tool_calls": calls}
    choice = {"index": 0, "message": said, "finish_reason": "tool_calls"}
    upstream.replies(whole({**COMPLETION, "choices": [choice]}), whole())
    first = claude.messages.create(
        model=MODEL, max_tokens=50, messages=ASK, tools=[WEATHER],
        tool_choice={"type": "any", "disable_parallel_tool_use": False},
    )  # fmt: skip
    assert first.stop_reason == "tool_use"
    assert [block.type for block in first.content] == ["text", "tool_use", "tool_use"]
    used: Any = first.content[1]
    assert (used.id, used.name, used.input) == ("call_Lima", "get_weather", {"city": "Lima"})
    asked = upstream.asked[-1].body
    assert (asked["tool_choice"], asked["parallel_tool_calls"]) == ("required", True)
    assert asked["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": WEATHER["description"],
                "parameters": WEATHER["input_schema"],
            },
        }
    ]
    results: Any = [
        {"type": "tool_result", "tool_use_id": "call_Lima", "content": "18 degrees", "is_error": True},
        {
            "type": "tool_result",
            "tool_use_id": "call_Quito",
            "content": [{"type": "text", "text": "12"}, {"type": "image", "source": PICTURE}],
        },
        {"type": "text", "text": "Compare them.", "cache_control": {"type": "ephemeral"}},
    ]
    again: Any = [*ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": results}]
    second = claude.messages.create(model=MODEL, max_tokens=50, messages=again, tools=[WEATHER])
    assert second.stop_reason == "end_turn"
    sent = upstream.asked[-1].body["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert sent[1] == {"role": "assistant", "content": "Let me see.", "tool_calls": calls}
    assert sent[2] == {"role": "tool", "tool_call_id": "call_Lima", "content": "18 degrees"}
    assert sent[3]["content"].startswith("12\n")
    assert [part["type"] for part in sent[4]["content"]] == ["image_url", "text"]
    assert "cache_control" not in json.dumps(sent)


def test_mixed_fragments_of_parallel_calls_come_one_call_after_the_other(upstream: Upstream, claude: Anthropic) -> None:
    upstream.replies(
        stream(
            sse(
                chunk({"role": "assistant", "content": None}),
                call(0, "", id="call_a", type="function", name="get_weather"),
                call(0, '{"city":'),
                call(1, "", id="call_b", type="function", name="get_weather"),
                call(1, '{"city":"Quito"}'),
                call(0, '"Lima"}'),
                call(2, "", id="call_c", type="function", name="now"),
                chunk({}, "tool_calls"),
                usage_chunk(),
                "[DONE]",
            )
        )
    )
    with claude.messages.stream(model=MODEL, max_tokens=50, messages=ASK, tools=[WEATHER]) as events:
        kinds = [event.type for event in events if event.type.startswith("content_block")]
        message = events.get_final_message()
    found: list[Any] = [block for block in message.content if block.type == "tool_use"]
    assert [(block.id, block.input) for block in found] == [
        ("call_a", {"city": "Lima"}), ("call_b", {"city": "Quito"}), ("call_c", {}),
    ]  # fmt: skip
    is_open = False
    for kind in kinds:
        assert (kind == "content_block_start") != is_open
        is_open = kind != "content_block_stop"
    assert message.stop_reason == "tool_use"


def test_a_local_model_calls_a_tool_and_takes_its_result(claude: Anthropic) -> None:
    once: Any = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    with claude.messages.stream(model=CHAT, max_tokens=400, messages=ASK, tools=[WEATHER], tool_choice=once) as events:
        kinds = {event.type for event in events}
        first = events.get_final_message()
    assert "input_json" in kinds
    [used] = first.content
    assert used.type == "tool_use"
    assert isinstance(used.input["city"], str)
    result: Any = {"type": "tool_result", "tool_use_id": used.id, "content": "18 degrees"}
    again: Any = [*ASK, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = claude.messages.create(model=CHAT, max_tokens=24, messages=again, tools=[WEATHER])
    assert second.content


def test_the_tool_runner_goes_on_without_a_thread(upstream: Upstream, claude: Anthropic) -> None:
    """It begins with a thread, a conversation that the server keeps, and is told that there are none."""
    called = {"id": "call_1", "type": "function", "function": {"name": "weather_of", "arguments": '{"city":"Lima"}'}}
    said = {"role": "assistant", "content": None, "tool_calls": [called]}
    upstream.replies(
        whole({**COMPLETION, "choices": [{"index": 0, "message": said, "finish_reason": "tool_calls"}]}), whole()
    )

    @anthropic.beta_tool
    def weather_of(city: str) -> str:
        """The weather of a city.

        Args:
            city: Its name.
        """
        return f"18 degrees in {city}"

    runner = claude.beta.messages.tool_runner(model=MODEL, max_tokens=50, tools=[weather_of], messages=ASK)
    message: Any = runner.until_done()
    assert message.content[0].text == "Hello there"
    assert [m["role"] for m in upstream.asked[-1].body["messages"]] == ["user", "assistant", "tool"]
    assert upstream.asked[-1].body["messages"][2]["content"] == "18 degrees in Lima"


def test_a_thread_is_refused_with_its_own_error(claude: Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        claude.beta.messages.create(model=MODEL, max_tokens=5, messages=ASK, thread={"type": "create"})
    assert refused.value.error_code == "thread_unsupported_request"


def test_parse_gives_the_pydantic_object(claude: Anthropic) -> None:
    given = claude.messages.parse(model=CHAT, max_tokens=400, messages=ASK, output_format=Fruit)
    assert isinstance(given.parsed_output, Fruit)


def test_a_tool_of_another_provider_is_refused_by_its_name(claude: Anthropic) -> None:
    search: Any = {"type": "web_search_20250305", "name": "web_search"}
    with pytest.raises(anthropic.BadRequestError, match="web_search_20250305"):
        claude.messages.create(model=MODEL, max_tokens=5, messages=ASK, tools=[search])


# thinking ---------------------------------------------------------------------------------------------------------


def test_effort_and_thinking_go_to_a_model_that_takes_efforts(upstream: Upstream, claude: Anthropic) -> None:
    claude.messages.create(model=THINKING, max_tokens=50, messages=ASK, output_config={"effort": "low"})
    assert upstream.asked[-1].body["reasoning_effort"] == "low"
    claude.messages.create(
        model=THINKING, max_tokens=40000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 31999}
    )
    assert upstream.asked[-1].body["reasoning_effort"] == "high"


def test_thoughts_of_any_model_are_a_thinking_block(upstream: Upstream, claude: Anthropic) -> None:
    upstream.replies(
        stream(
            sse(
                chunk({"role": "assistant", "content": ""}),
                chunk({"reasoning_content": "Hm"}),
                chunk({"reasoning_content": "m."}),
                chunk({"content": "Hello"}),
                chunk({}, "stop"),
                usage_chunk(),
                "[DONE]",
            )
        ),
        whole(),
    )
    with claude.messages.stream(model=MODEL, max_tokens=50, messages=ASK) as events:
        kinds = [event.type for event in events]
        message = events.get_final_message()
    assert kinds.count("thinking") == 2
    assert [block.to_dict() for block in message.content] == [
        {"type": "thinking", "thinking": "Hmm.", "signature": ""},
        {"type": "text", "text": "Hello"},
    ]
    again: Any = [*ASK, {"role": "assistant", "content": message.content}, *ASK]
    claude.messages.create(model=MODEL, max_tokens=50, messages=again)
    assert upstream.asked[-1].body["messages"][1] == {"role": "assistant", "content": "Hello"}


def test_what_only_anthropic_knows_does_not_reach_openai(upstream: Upstream, claude: Anthropic) -> None:
    claude.beta.messages.create(
        model=MODEL,
        max_tokens=50,
        betas=["context-management-2025-06-27"],
        context_management={"edits": []},
        system=[
            {"type": "text", "text": "One."},
            {"type": "text", "text": "Two.", "cache_control": {"type": "ephemeral"}},
        ],
        tools=[{**WEATHER, "cache_control": {"type": "ephemeral"}}],
        metadata={"user_id": "user_" + "x" * 100},
        messages=ASK,
        extra_body={"top_k": 5, "cache_control": {"type": "ephemeral"}},
    )
    sent = upstream.asked[-1].body
    assert sent["messages"][0] == {"role": "system", "content": "One.\n\nTwo."}
    assert set(sent) == {"model", "max_completion_tokens", "messages", "tools", "user"}
    assert len(sent["user"]) == 32
    assert "anthropic-beta" not in upstream.asked[-1].headers


def test_pictures_and_documents(upstream: Upstream, claude: Anthropic) -> None:
    pdf: Any = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}
    content: Any = [
        {"type": "image", "source": PICTURE},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
        {"type": "document", "source": pdf, "title": "a.pdf"},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Line."}, "title": "T"},
        {"type": "text", "text": "What is this?"},
    ]
    claude.messages.create(model=MODEL, max_tokens=50, messages=[{"role": "user", "content": content}])
    assert upstream.asked[-1].body["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE['data']}"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0x", "filename": "a.pdf"}},
        {"type": "text", "text": "T\n\nLine."},
        {"type": "text", "text": "What is this?"},
    ]


def test_structured_output(upstream: Upstream, claude: Anthropic) -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    claude.messages.create(
        model=MODEL, max_tokens=50, messages=ASK, output_config={"format": {"type": "json_schema", "schema": schema}}
    )
    assert upstream.asked[-1].body["response_format"]["json_schema"]["schema"] == schema


# refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("auth", ["x-api-key", "bearer"])
def test_a_wrong_token_is_an_authentication_error(server: LiveServer, auth: str) -> None:
    keys: Any = {"api_key": "wrong"} if auth == "x-api-key" else {"auth_token": "wrong"}
    with (
        Anthropic(**keys, base_url=server.url, max_retries=0) as client,
        pytest.raises(anthropic.AuthenticationError) as refused,
    ):
        client.messages.create(model=CHAT, max_tokens=5, messages=ASK)
    body: Any = refused.value.body
    assert body["type"] == "error"
    assert body["error"] == {"type": "authentication_error", "message": "Unauthorized"}
    assert body["errors"] == [{"id": 401, "description": "Unauthorized"}]
    assert refused.value.request_id == body["request_id"]


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "api_error", anthropic.InternalServerError),
        (404, "not_found_error", anthropic.NotFoundError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (503, "overloaded_error", anthropic.InternalServerError),
    ],
)
def test_refusals_of_a_provider_have_the_types_of_the_api(
    upstream: Upstream, claude: Anthropic, status: int, kind: str, expected: type[anthropic.APIStatusError]
) -> None:
    upstream.replies(whole({"error": {"message": "No.", "code": "x"}}, status))
    with pytest.raises(expected) as refused:
        claude.messages.create(model=MODEL, max_tokens=5, messages=ASK)
    body: Any = refused.value.body
    assert body["error"]["type"] == kind
    assert body["errors"][0]["description"] == body["error"]["message"]


def test_a_refused_stream_is_refused_with_its_status(upstream: Upstream, claude: Anthropic) -> None:
    upstream.replies(whole({"error": {"message": "No.", "code": "x"}}, 404))
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.create(model=MODEL, max_tokens=5, messages=ASK, stream=True)


def test_an_error_after_the_first_byte_is_an_error_event(
    upstream: Upstream, server: LiveServer, claude: Anthropic
) -> None:
    upstream.replies(stream(sse(chunk({"role": "assistant", "content": "Hel"}), {"error": {"message": "It broke."}})))
    got = server.post("/v1/messages", {"model": MODEL, "max_tokens": 5, "messages": ASK, "stream": True})
    *_, last = got.body.removesuffix(b"\n\n").split(b"\n\n")
    name, data = last.split(b"\n")
    assert name == b"event: error"
    told = json.loads(data.removeprefix(b"data: "))
    assert told["error"]["type"] == "api_error"
    assert "It broke." in told["error"]["message"]
    assert b"message_stop" not in got.body
    with pytest.raises(anthropic.APIStatusError, match="It broke"):
        list(claude.messages.create(model=MODEL, max_tokens=5, messages=ASK, stream=True))


def test_a_silence_is_broken_by_pings(upstream: Upstream, talkative: LiveServer) -> None:
    pieces = [sse(chunk({"role": "assistant", "content": "a"})), sse(chunk({}, "stop"), "[DONE]")]
    heard = threading.Event()

    def halting() -> Iterator[bytes]:
        yield pieces[0]
        assert heard.wait(60)
        yield pieces[1]

    upstream.replies(stream(halting()), stream(pieces, gap_s=1.2))
    body = {"model": MODEL, "max_tokens": 5, "messages": ASK, "stream": True}
    with Wire(talkative) as wire:
        wire.send(request(talkative, body, path="/v1/messages"))
        wire.wait_for(b'event: ping\ndata: {"type": "ping"}\n\n')
        heard.set()
        got = wire.answer()
    assert b"event: message_stop" in got.body and b": keep-alive" not in got.body
    with (
        Anthropic(api_key=talkative.token(), base_url=talkative.url, max_retries=0, timeout=TIMEOUT_S) as claude,
        claude.messages.stream(model=MODEL, max_tokens=5, messages=ASK) as events,
    ):
        assert events.get_final_text() == "a"


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"model": None}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [FILED]}]}, "files are not kept"),
        ({"messages": [{"role": "user", "content": [{"type": "hologram"}]}]}, "hologram"),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
        ({"tools": [WEATHER], "tool_choice": {"type": "some"}}, "tool_choice"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"thinking": {"type": "perhaps"}}, "thinking"),
        ({"temperature": 7}, "temperature"),
        ({"mcp_servers": [{"type": "url", "url": "https://example.org", "name": "x"}]}, "mcp_servers"),
        ({"container": "container_1"}, "container"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"compaction": {"type": "auto"}}, "compaction"),
        ({"workspace_id": "w"}, "workspace_id"),
    ],
)  # fmt: skip
def test_wrong_requests_are_invalid_requests(server: LiveServer, members: dict[str, Any], says: str) -> None:
    got = server.post("/v1/messages", {"model": CHAT, "max_tokens": 5, "messages": ASK, **members})
    assert got.status == 400, got.body
    body = got.json()
    assert body["error"]["type"] == "invalid_request_error"
    assert says in body["error"]["message"]
    assert body["errors"][0]["description"] == body["error"]["message"]


def test_an_unknown_search_assistant_is_not_found(server: LiveServer) -> None:
    got = server.post("/v1/messages", {"model": "saia:search:None", "max_tokens": 5, "messages": ASK})
    assert (got.status, got.json()["errors"][0]["id"]) == (404, 1101)


def test_another_method_is_refused_in_the_same_shape(server: LiveServer) -> None:
    got = server.get("/v1/messages")
    assert got.status == 405
    assert got.json()["error"]["type"] == "invalid_request_error"


# counting ---------------------------------------------------------------------------------------------------------


def test_tokens_are_estimated(claude: Anthropic) -> None:
    short = claude.messages.count_tokens(model=CHAT, messages=ASK)
    longer: Any = [{"role": "user", "content": "word " * 1000}]
    counted = claude.messages.count_tokens(model=CHAT, messages=longer, system="Be brief.", tools=[WEATHER])
    assert 2 < short.input_tokens < 20
    assert 1000 <= counted.input_tokens < 2000
    assert counted.to_dict()["estimated"] is True


def test_tokens_of_a_picture_do_not_depend_on_its_bytes(claude: Anthropic) -> None:
    big: Any = [
        {"role": "user", "content": [{"type": "image", "source": {**PICTURE, "data": "iVBORw0KGgo" + "A" * 400_001}}]}
    ]
    assert claude.messages.count_tokens(model=CHAT, messages=big).input_tokens < 2000


def test_tokens_for_an_unknown_model_are_not_found(claude: Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError):
        claude.messages.count_tokens(model="local/nothing", messages=ASK)


def test_a_caller_who_leaves_a_stream_ends_the_work(upstream: Upstream, claude: Anthropic) -> None:
    piece = sse(chunk({"content": "a"}))
    upstream.replies(stream(repeat(piece), gap_s=0.05))
    with claude.messages.stream(model=MODEL, max_tokens=5, messages=ASK) as events:
        assert next(iter(events.text_stream)) == "a"
    wait_until(lambda: upstream.hang_ups == 1, "the provider's stream is closed")
    assert upstream.hang_ups == 1
