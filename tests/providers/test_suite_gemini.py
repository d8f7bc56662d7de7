"""The suite on the `gemini` adapter, and its fake checked with Google's SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from google import genai
from google.genai import errors, types

from tests.providers.cases_gemini import SIGNATURE, GeminiCases
from tests.providers.cases_requests import PDF, png
from tests.providers.fakes.base import Call, Counts, ErrorKind, Say, json_reply
from tests.providers.fakes.gemini import GeminiFake
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream

NO_THOUGHTS = "Google wants signatures back, on the calls they came with (HC-06), and no summaries of thoughts"


class TestGemini(GeminiCases, ProviderSuite):
    fake = GeminiFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc05_thoughts_are_taken_back": NO_THOUGHTS,
    }

    def test_embeddings_through_the_server(self) -> None:
        vectors = [{"values": [0.5, 1.0]}, {"values": [0.25, 2.0]}]
        self.plays(lambda asked: json_reply(200, {"embeddings": vectors[: len(asked.body["requests"])]}))
        asking = {"model": "gemini/gemini-embedding-001", "input": ["a", "b"], "input_type": "CLUSTERING"}
        answer = self.server.post("/v1/embeddings", asking)
        assert answer.status == 200, answer.body
        assert [item["embedding"] for item in answer.json()["data"]] == [[0.5, 1.0], [0.25, 2.0]]
        assert self.asked[-1].path == "/v1beta/models/gemini-embedding-001:batchEmbedContents"
        assert [one["taskType"] for one in self.asked[-1].body["requests"]] == ["CLUSTERING"] * 2


# the fake itself, asked by Google's SDK -----------------------------------------------------------------------

FAKE = GeminiFake()
MODEL = "gemini-2.0-flash-exp"
CALLS = (
    Call("look_up", ('{"wo', 'rd":"日本"}'), "call_a1", SIGNATURE),
    Call("tell_time", (), "call_b2"),
)
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=provider.root, retry_options=types.HttpRetryOptions(attempts=1))
    client = genai.Client(api_key=FAKE.key, vertexai=False, http_options=options)
    yield client
    client.close()


def _check_usage(usage: Any) -> None:
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (10, 4)
    assert (usage.candidates_token_count, usage.thoughts_token_count, usage.total_token_count) == (3, 2, 15)


def test_fake_gemini_speaks_generate_content(sdk: genai.Client) -> None:
    answer = sdk.models.generate_content(model=MODEL, contents="Hi")
    assert answer.candidates and answer.candidates[0].content
    thought, text, first, second = answer.candidates[0].content.parts or ()
    assert (thought.text, thought.thought, text.text) == ("hmm", True, "Héllo 😀")
    assert answer.function_calls is not None
    assert [(c.id, c.name, c.args) for c in answer.function_calls] == [
        ("call_a1", "look_up", {"word": "日本"}),
        ("call_b2", "tell_time", {}),
    ]
    assert (first.thought_signature, second.thought_signature) == (b"signature of a thought", None)
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP
    _check_usage(answer.usage_metadata)


def test_fake_gemini_streams(sdk: genai.Client) -> None:
    frames = list(sdk.models.generate_content_stream(model=MODEL, contents="Hi"))
    parts = [p for f in frames if f.candidates and f.candidates[0].content for p in f.candidates[0].content.parts or ()]
    assert "".join(p.text or "" for p in parts if p.thought) == "hmm"
    assert "".join(p.text or "" for p in parts if not p.thought) == "Héllo 😀"
    assert [call.name for frame in frames for call in frame.function_calls or ()] == ["look_up", "tell_time"]
    assert frames[-1].candidates and frames[-1].candidates[0].finish_reason == types.FinishReason.STOP
    _check_usage(frames[-1].usage_metadata)


def test_fake_gemini_hears_the_sdk(sdk: genai.Client, provider: Upstream) -> None:
    declared = types.FunctionDeclaration(name="f", description="d", parameters_json_schema={"type": "object"})
    calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["f"])
    config = types.GenerateContentConfig(
        system_instruction="Be brief.",
        temperature=0.5,
        top_p=0.25,
        seed=7,
        max_output_tokens=99,
        stop_sequences=["END"],
        thinking_config=types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
        response_mime_type="application/json",
        response_json_schema={"type": "object"},
        tools=[types.Tool(function_declarations=[declared])],
        tool_config=types.ToolConfig(function_calling_config=calling),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    parts = [types.Part.from_bytes(data=png(), mime_type="image/png"), types.Part(text="What?")]
    file = types.Part.from_bytes(data=PDF, mime_type="application/pdf")
    call = types.Part(function_call=types.FunctionCall(id="c1", name="f", args={"a": 1}), thought_signature=b"sig")
    told = types.Part(function_response=types.FunctionResponse(id="c1", name="f", response={"output": "one"}))
    contents: list[Any] = [
        types.Content(role="user", parts=[*parts, file]),
        types.Content(role="model", parts=[call]),
        types.Content(role="user", parts=[told]),
    ]
    sdk.models.generate_content(model=MODEL, contents=contents, config=config)
    heard = FAKE.heard(provider.asked[-1])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [part.kind for part in heard.parts()] == ["image", "text", "file", "call", "result"]
    image, _, document, called, result = heard.parts()
    assert (image.data, document.data) == (png(), PDF)
    assert (called.id, called.name, called.value, called.signature) == ("c1", "f", {"a": 1}, "c2ln")
    assert (result.id, result.name, result.text) == ("c1", "f", "one")
    assert (heard.temperature, heard.top_p, heard.seed, heard.max_tokens) == (0.5, 0.25, 7, 99)
    assert (heard.stop, heard.effort, heard.tool_choice) == (("END",), "low", "f")
    assert heard.schema == {"type": "object"}
    assert [(tool.name, tool.description, tool.schema) for tool in heard.tools] == [("f", "d", {"type": "object"})]
    assert provider.asked[-1].headers["x-goog-api-key"] == FAKE.key


REFUSED: list[tuple[ErrorKind, int, str]] = [
    ("wrong_key", 400, "INVALID_ARGUMENT"),
    ("forbidden", 403, "PERMISSION_DENIED"),
    ("not_found", 404, "NOT_FOUND"),
    ("rate_limit", 429, "RESOURCE_EXHAUSTED"),
    ("quota", 429, "RESOURCE_EXHAUSTED"),
    ("overloaded", 503, "UNAVAILABLE"),
    ("too_long", 400, "INVALID_ARGUMENT"),
    ("bad_request", 400, "INVALID_ARGUMENT"),
]


@pytest.mark.parametrize(("kind", "code", "status"), REFUSED)
def test_fake_gemini_refuses_as_the_sdk_knows_it(
    sdk: genai.Client, provider: Upstream, kind: ErrorKind, code: int, status: str
) -> None:
    provider.script = lambda _: FAKE.error(kind)
    with pytest.raises(errors.APIError) as caught:
        sdk.models.generate_content(model=MODEL, contents="Hi")
    assert (caught.value.code, caught.value.status) == (code, status)


def test_fake_gemini_breaks_off_a_stream_with_an_error(sdk: genai.Client, provider: Upstream) -> None:
    provider.script = lambda _: FAKE.error_in_stream("overloaded", Say(text=("Hel",)))
    with pytest.raises(errors.APIError) as caught:
        list(sdk.models.generate_content_stream(model=MODEL, contents="Hi"))
    assert caught.value.code == 503


def test_fake_gemini_refuses_what_google_refuses(sdk: genai.Client) -> None:
    with pytest.raises(errors.ClientError, match="user turn"):
        sdk.models.generate_content(model=MODEL, contents=[types.Content(role="model", parts=[types.Part(text="a")])])
