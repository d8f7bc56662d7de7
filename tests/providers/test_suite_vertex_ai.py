"""The suite on the `vertex_ai` adapter, and its fake checked with Google's SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from google import genai
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.genai import errors, types
from google.oauth2 import service_account as accounts

from tests.providers.cases_gemini import SIGNATURE, GeminiCases
from tests.providers.fakes.anthropic import AnthropicFake
from tests.providers.fakes.base import Call, Counts, Fake, Say, json_reply
from tests.providers.fakes.mistral import MistralFake
from tests.providers.fakes.openai import OpenAIFake
from tests.providers.fakes.vertex_ai import LOCATION, PROJECT, VertexFake, service_account
from tests.providers.stage import OTHER_TOOL
from tests.providers.suite import ProviderSuite
from tests.providers.test_suite_gemini import NO_THOUGHTS
from tests.upstream import Asked, Reply, Upstream

CALLS = (Call("look_up", ('{"word":"日本"}',), signature=SIGNATURE), Call("tell_time"))


class TestVertexAI(GeminiCases, ProviderSuite):
    fake = VertexFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc05_thoughts_are_taken_back": NO_THOUGHTS,
    }

    def test_the_token_is_fetched_once_and_goes_with_every_request(self) -> None:
        for _ in range(3):
            self.ask_well()
        assert {asked.headers["authorization"] for asked in self.asked} == {f"Bearer {self.fake.key}"}
        assert len([asked for asked in self.upstream.asked if asked.path == "/token"]) <= 1

    @pytest.mark.parametrize(
        ("model", "dialect", "whole", "streamed"),
        [
            ("claude-sonnet-4-5", AnthropicFake(), ":rawPredict", ":streamRawPredict"),
            ("mistral-large-2411", MistralFake(), ":rawPredict", ":streamRawPredict"),
            ("meta-llama-4-scout-17b-16e-instruct-maas", OpenAIFake(), "/chat/completions", "/chat/completions"),
        ],
        ids=["claude", "mistral", "llama"],
    )
    def test_partners_answer_in_their_own_dialect(self, model: str, dialect: Fake, whole: str, streamed: str) -> None:
        say = Say(("Hé", "llo 😀"), calls=CALLS[1:], finish="tool_calls", counts=Counts(6, 4, 3))
        asking = {"model": f"vertex_ai/{model}", "tools": [OTHER_TOOL], "stream_options": {"include_usage": True}}
        for stream, reply, verb in ((False, dialect.whole, whole), (True, dialect.stream, streamed)):
            self.says(reply(say))
            if stream:
                read = self.stream_well(**asking)
                message, usage, finish = read.message(), read.usages[0], read.finishes
            else:
                body = self.ask_well(**asking)
                message, usage = body["choices"][0]["message"], body["usage"]
                finish = [body["choices"][0]["finish_reason"]]
            assert (message["content"], finish) == ("Héllo 😀", ["tool_calls"])
            assert message["tool_calls"][0]["function"] == {"name": "tell_time", "arguments": "{}"}
            assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 3)
            assert self.asked[-1].path.endswith(verb)
            assert self.asked[-1].path.startswith(f"/v1/projects/{PROJECT}/locations/{LOCATION}/")
            assert self.asked[-1].headers["authorization"] == f"Bearer {self.fake.key}"

    def test_a_partner_refuses_in_its_own_dialect(self) -> None:
        for kind, status in (("rate_limit", 429), ("bad_request", 400), ("too_long", 400)):
            self.says(AnthropicFake().error(kind))
            answer = self.ask(model="vertex_ai/claude-sonnet-4-5")
            assert answer.status == status, answer.body

    def test_embeddings_through_the_server(self) -> None:
        told = {"values": [0.5, 1.0], "statistics": {"token_count": 3}}
        self.plays(lambda asked: self.fake.predictions(*[{"embeddings": told} for _ in asked.body["instances"]]))
        for model, calls in (("text-embedding-005", [["a", "b"]]), ("gemini-embedding-001", [["a"], ["b"]])):
            self.upstream.asked.clear()
            asking = {"model": f"vertex_ai/{model}", "input": ["a", "b"], "input_type": "RETRIEVAL_QUERY"}
            answer = self.server.post("/v1/embeddings", asking)
            assert answer.status == 200, answer.body
            body = answer.json()
            assert [item["embedding"] for item in body["data"]] == [[0.5, 1.0]] * 2
            assert body["usage"]["prompt_tokens"] == 6
            sent = [[one["content"] for one in asked.body["instances"]] for asked in self.asked]
            assert sent == calls, "as many inputs in a call as the model takes"

    def test_pictures_through_the_server(self) -> None:
        self.plays(lambda _: self.fake.predictions({"bytesBase64Encoded": "aGk=", "mimeType": "image/png"}))
        asking = {"model": "vertex_ai/imagen-3.0-generate-002", "prompt": "a boat", "aspectRatio": "16:9"}
        answer = self.server.post("/v1/images/generations", asking)
        assert answer.status == 200, answer.body
        assert answer.json()["data"] == [{"b64_json": "aGk="}]
        assert self.asked[-1].path.endswith("imagen-3.0-generate-002:predict")
        assert self.asked[-1].body["parameters"]["aspectRatio"] == "16:9"

    def test_films_through_the_server(self) -> None:
        films = {"videos": [{"gcsUri": "gs://b/v.mp4"}]}
        operation = f"projects/{PROJECT}/locations/{LOCATION}/publishers/google/models/x/operations/1"

        def film(asked: Asked) -> Reply:
            begun = asked.path.endswith(":predictLongRunning")
            return json_reply(200, {"name": operation} if begun else {"done": True, "response": films})

        self.plays(film)
        model = "vertex_ai/veo-3.0-generate-001"
        asking = {"model": model, "instances": [{"prompt": "waves"}], "parameters": {"duration": 6}}
        begun = self.server.post("/v1/videos/generations", asking)
        assert begun.status == 202, begun.body
        assert self.asked[-1].body["parameters"]["durationSeconds"] == 6
        name = begun.json()["name"]
        told = self.server.post("/v1/videos/status", {"model": model, "operationName": name})
        assert told.status == 200, told.body
        assert (told.json()["status"], told.json()["url"]) == ("completed", "gs://b/v.mp4")
        assert self.asked[-1].body == {"operationName": operation}


# the fake itself, asked by Google's SDK -----------------------------------------------------------------------

FAKE = VertexFake()
MODEL = "gemini-2.0-flash"
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))


@pytest.fixture
def provider() -> Iterator[Upstream]:
    def script(asked: Asked) -> Reply:
        return FAKE.aside(asked) or FAKE.speak(FULL, asked)

    with Upstream() as upstream:
        upstream.script = script
        yield upstream


def _credentials(provider: Upstream) -> Any:
    """Google's own reading of the account file. The SDK of the accounts takes the token address from the file."""
    read = accounts.Credentials.from_service_account_info
    info = {**json.loads(service_account()), "token_uri": f"{provider.root}/token"}
    return read(info, scopes=["https://www.googleapis.com/auth/cloud-platform"])


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[genai.Client]:
    options = types.HttpOptions(
        base_url=provider.root, api_version="v1", retry_options=types.HttpRetryOptions(attempts=1)
    )
    client = genai.Client(
        vertexai=True, project=PROJECT, location=LOCATION, credentials=_credentials(provider), http_options=options
    )
    yield client
    client.close()


def test_fake_vertex_gives_tokens_to_signed_assertions_only(provider: Upstream) -> None:
    credentials = _credentials(provider)
    credentials.refresh(Request())
    assert credentials.token == FAKE.key
    provider.script = lambda asked: FAKE.token(Asked(asked.path, asked.headers, None, raw_body=b"grant_type=password"))
    with pytest.raises(RefreshError):
        credentials.refresh(Request())


def test_fake_vertex_speaks_and_streams(sdk: genai.Client, provider: Upstream) -> None:
    answer = sdk.models.generate_content(model=MODEL, contents="Hi")
    assert answer.function_calls is not None
    assert [(c.id, c.name, c.args) for c in answer.function_calls] == [
        (None, "look_up", {"word": "日本"}),
        (None, "tell_time", {}),
    ]
    frames = list(sdk.models.generate_content_stream(model=MODEL, contents="Hi"))
    parts = [p for f in frames if f.candidates and f.candidates[0].content for p in f.candidates[0].content.parts or ()]
    assert "".join(p.text or "" for p in parts if not p.thought) == "Héllo 😀"
    usage: Any = frames[-1].usage_metadata
    assert (usage.prompt_token_count, usage.cached_content_token_count, usage.thoughts_token_count) == (10, 4, 2)
    assert provider.asked[-1].headers["authorization"] == f"Bearer {FAKE.key}"


def test_fake_vertex_hears_the_sdk(sdk: genai.Client, provider: Upstream) -> None:
    config = types.GenerateContentConfig(system_instruction="Be brief.", max_output_tokens=9)
    sdk.models.generate_content(model=MODEL, contents="Hi", config=config)
    heard = FAKE.heard(provider.asked[-1])
    assert (heard.model, heard.system, heard.max_tokens) == (MODEL, "Be brief.", 9)
    assert [turn.text for turn in heard.turns] == ["Hi"]


def test_fake_vertex_refuses_as_the_sdk_knows_it(sdk: genai.Client, provider: Upstream) -> None:
    for kind, code in (("wrong_key", 401), ("not_found", 404), ("quota", 429), ("bad_request", 400)):
        refusal = FAKE.error(kind)
        provider.script = lambda asked, refusal=refusal: FAKE.aside(asked) or refusal
        with pytest.raises(errors.APIError) as caught:
            sdk.models.generate_content(model=MODEL, contents="Hi")
        assert caught.value.code == code
