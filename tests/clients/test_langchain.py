"""`langchain-openai`, unchanged, against a live server: chat, streams, tools, shapes, usage and embeddings.

The local models answer for real; where a certain answer is needed, a provider of our own gives it.
"""

from __future__ import annotations

import json
import math
from typing import Any, Literal

import openai
import pydantic
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.clients.conftest import TIMEOUT_S
from tests.live import CHAT, TEXT, LiveServer
from tests.upstream import COMPLETION, Asked, Reply, Upstream, chunk, sse, stream, usage_chunk, whole

MODEL = "openai/gpt-4o-mini"
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Lima"}'}}


class Fruit(pydantic.BaseModel):
    """A shape whose every value is bounded, so that a tiny model ends it soon."""

    model_config = pydantic.ConfigDict(extra="forbid")
    name: Literal["apple", "banana"]
    ripe: bool


@tool
def get_weather(city: Literal["Lima", "Quito"]) -> str:
    """The weather of a city."""
    return f"It is raining in {city}."


def chat(server: LiveServer, model: str = MODEL, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model=model, base_url=f"{server.url}/v1", api_key=server.token(), max_retries=0, timeout=TIMEOUT_S, **settings
    )


def calling(**more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {**COMPLETION, "choices": [choice], **more}


# the local model ------------------------------------------------------------------------------------------------


def test_a_local_model_answers(server: LiveServer) -> None:
    answer = chat(server, CHAT, max_tokens=8).invoke("Say hello.")
    assert isinstance(answer, AIMessage) and answer.content
    assert answer.usage_metadata is not None
    usage = answer.usage_metadata
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens"] in range(1, 9)
    assert answer.response_metadata["finish_reason"] in ("stop", "length")
    assert answer.response_metadata["model_name"] == "smollm2-135m-instruct"


def test_a_local_model_streams(server: LiveServer) -> None:
    chunks = list(chat(server, CHAT, max_tokens=8, stream_usage=True).stream("Say hello."))
    assert len(chunks) > 2
    joined = chunks[0]
    for one in chunks[1:]:
        joined += one
    assert isinstance(joined, AIMessageChunk) and joined.content
    assert joined.usage_metadata is not None and joined.usage_metadata["output_tokens"] > 0


def test_a_local_model_fills_in_a_shape(server: LiveServer) -> None:
    shaped = chat(server, CHAT, max_tokens=400, temperature=0).with_structured_output(Fruit, method="json_schema")
    fruit = shaped.invoke("A ripe banana.")
    assert isinstance(fruit, Fruit)


def test_a_local_model_calls_a_tool_and_reads_its_result(server: LiveServer) -> None:
    bound = chat(server, CHAT, max_tokens=64, temperature=0).bind_tools([get_weather], tool_choice="get_weather")
    question = HumanMessage("What is the weather in Lima?")
    asked = bound.invoke([question])
    assert isinstance(asked, AIMessage)
    (call,) = asked.tool_calls
    assert call["name"] == "get_weather" and call["args"]["city"] in ("Lima", "Quito")
    result = get_weather.invoke(call)
    assert isinstance(result, ToolMessage)
    answer = chat(server, CHAT, max_tokens=16).bind_tools([get_weather]).invoke([question, asked, result])
    assert isinstance(answer, AIMessage) and (answer.content or answer.tool_calls)


def test_local_embeddings(server: LiveServer) -> None:
    """Texts go out as texts: which tokens LangChain would make of them, it knows of OpenAI's models only."""
    embeddings = OpenAIEmbeddings(
        model=TEXT,
        base_url=f"{server.url}/v1",
        api_key=server.token(),
        check_embedding_ctx_length=False,
        max_retries=0,
    )
    rain, more_rain, tax = embeddings.embed_documents(["It rains.", "Rain is falling.", "Taxes are due in April."])
    assert len(rain) == 384 and math.isclose(math.hypot(*rain), 1.0, rel_tol=1e-3)

    def alike(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert alike(rain, more_rain) > alike(rain, tax)
    assert alike(embeddings.embed_query("It rains."), rain) > 0.999


# a provider that says what it is told to ------------------------------------------------------------------------


def test_what_is_asked_reaches_the_provider(server: LiveServer, upstream: Upstream) -> None:
    answer = chat(server, temperature=0.5, max_tokens=9, stop=["END"], seed=7).invoke(
        [SystemMessage("Be brief."), HumanMessage("Hi")]
    )
    assert answer.content == "Hello there"
    sent = upstream.asked[0].body
    assert [(message["role"], message["content"]) for message in sent["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hi"),
    ]
    assert (sent["temperature"], sent["stop"], sent["seed"]) == (0.5, ["END"], 7)
    assert sent.get("max_completion_tokens", sent.get("max_tokens")) == 9


def test_hc24_usage_metadata_has_the_details(server: LiveServer, upstream: Upstream) -> None:
    answer = chat(server).invoke("Hi")
    assert isinstance(answer, AIMessage) and answer.usage_metadata is not None
    assert answer.usage_metadata == {
        "input_tokens": 10,
        "output_tokens": 5,
        "total_tokens": 15,
        "input_token_details": {"cache_read": 4},
        "output_token_details": {"reasoning": 2},
    }
    assert answer.response_metadata["token_usage"]["currency"] == "USD", "what it costs is there as well"


@pytest.mark.parametrize("wanted", [True, False])
def test_hc09_streams_tell_their_usage_when_asked_to(server: LiveServer, upstream: Upstream, wanted: bool) -> None:
    chunks = list(chat(server, stream_usage=wanted).stream("Hi"))
    assert "".join(str(one.content) for one in chunks) == "Hello there"
    told = [one.usage_metadata for one in chunks if isinstance(one, AIMessageChunk) and one.usage_metadata]
    assert [usage["total_tokens"] for usage in told] == ([15] if wanted else [])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_tools_there_and_back(server: LiveServer, upstream: Upstream, streamed: bool) -> None:
    pieces = [
        {"index": 0, **CALL, "function": {"name": "get_weather", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Lima"}'}},
    ]
    first = chunk({"role": "assistant", "content": None})
    events = [first, *(chunk({"tool_calls": [piece]}) for piece in pieces), chunk({}, "tool_calls"), usage_chunk()]
    upstream.replies(stream(sse(*events, "[DONE]")) if streamed else whole(calling()), whole())
    bound = chat(server, streaming=streamed).bind_tools([get_weather], parallel_tool_calls=False)
    question = HumanMessage("What is the weather in Lima?")
    asked = bound.invoke([question])
    assert isinstance(asked, AIMessage)
    (call,) = asked.tool_calls
    assert (call["name"], call["args"], call["id"]) == ("get_weather", {"city": "Lima"}, "call_1")
    result = get_weather.invoke(call)
    upstream.replies(stream() if streamed else whole())
    assert bound.invoke([question, asked, result]).content == "Hello there"
    first, second = (asked_of.body for asked_of in upstream.asked)
    assert first["tools"][0]["function"]["name"] == "get_weather" and first["parallel_tool_calls"] is False
    _, assistant, told = second["messages"]
    assert assistant["tool_calls"][0]["id"] == told["tool_call_id"] == "call_1"
    assert json.loads(assistant["tool_calls"][0]["function"]["arguments"]) == {"city": "Lima"}
    assert told["content"] == "It is raining in Lima."


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_hc23_shapes_by_every_method(server: LiveServer, upstream: Upstream, method: Any) -> None:
    text = '{"name":"banana","ripe":true}'

    def answer(asked: Asked) -> Reply:
        if "tools" in asked.body:
            function = {"name": asked.body["tools"][0]["function"]["name"], "arguments": text}
            message = {"role": "assistant", "content": None, "tool_calls": [{**CALL, "function": function}]}
        else:
            message = {"role": "assistant", "content": text, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return whole({**COMPLETION, "choices": [choice]})

    upstream.script = answer
    shaped = chat(server).with_structured_output(Fruit, method=method)
    assert shaped.invoke("A ripe banana, as JSON.") == Fruit(name="banana", ripe=True)
    sent = upstream.asked[0].body
    if method == "function_calling":
        assert sent["tool_choice"] == {"type": "function", "function": {"name": "Fruit"}}
    else:
        assert sent["response_format"]["type"] == ("json_schema" if method == "json_schema" else "json_object")


# LangChain dumps the SDK's own parsed events with a class that says `parsed: None`; no byte of ours is in it.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
def test_a_shape_comes_streamed(server: LiveServer, upstream: Upstream) -> None:
    first = chunk({"role": "assistant", "content": ""})
    events = [chunk({"content": piece}) for piece in ('{"name":"ban', 'ana","ripe":', "true}")]
    upstream.replies(stream(sse(first, *events, chunk({}, "stop"), usage_chunk(), "[DONE]")))
    shaped = chat(server).with_structured_output(Fruit, method="json_schema")
    assert list(shaped.stream("A ripe banana."))[-1] == Fruit(name="banana", ripe=True)


def test_pictures_go_through(server: LiveServer, upstream: Upstream) -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    chat(server).invoke([HumanMessage([{"type": "text", "text": "?"}, {"type": "image", "url": url}])])
    (_, picture) = upstream.asked[0].body["messages"][0]["content"]
    assert picture == {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.anyio
async def test_async_and_in_batches(server: LiveServer, upstream: Upstream) -> None:
    model = chat(server)
    assert (await model.ainvoke("Hi")).content == "Hello there"
    assert "".join([str(one.content) async for one in model.astream("Hi")]) == "Hello there"
    assert [one.content for one in await model.abatch(["a", "b", "c"])] == ["Hello there"] * 3


def test_hc26_refusals_are_the_sdks_own(server: LiveServer, upstream: Upstream) -> None:
    with pytest.raises(openai.AuthenticationError):
        ChatOpenAI(model=MODEL, base_url=f"{server.url}/v1", api_key="wrong", max_retries=0).invoke("Hi")
    with pytest.raises(openai.NotFoundError):
        chat(server, "openai-/none").invoke("Hi")
    error = {"message": "Too long.", "type": "invalid_request_error", "code": "context_length_exceeded", "param": None}
    upstream.replies(whole({"error": error}, 400))
    with pytest.raises(openai.BadRequestError) as raised:
        chat(server).invoke("Hi")
    assert raised.value.code == "context_length_exceeded"


def test_embeddings_of_a_provider(server: LiveServer, upstream: Upstream) -> None:
    embeddings = OpenAIEmbeddings(
        model="openai/text-embedding-3-small",
        base_url=f"{server.url}/v1",
        api_key=server.token(),
        check_embedding_ctx_length=False,
        max_retries=0,
        dimensions=256,
    )
    found = embeddings.embed_documents(["a", "b"])
    assert [[round(x, 6) for x in vector] for vector in found] == [[0.6, -0.8]] * 2
    sent = upstream.asked[0].body
    assert (sent["input"], sent["dimensions"]) == (["a", "b"], 256)
