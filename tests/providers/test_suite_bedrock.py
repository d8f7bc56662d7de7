"""The suite on the `bedrock` adapter, and its fake checked with boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from tests.providers.cases_requests import PDF, png
from tests.providers.fakes.base import RETRY_AFTER_S, Call, Counts, ErrorKind, Say, json_reply
from tests.providers.fakes.bedrock import REGION, BedrockFake
from tests.providers.stage import TOOL
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream


class TestBedrock(ProviderSuite):
    fake = BedrockFake()
    gaps: ClassVar[dict[str, str]] = {}

    def test_embeddings(self) -> None:
        """One call a text, each signed; counted together."""
        body = {"embedding": [0.5, -1.0], "inputTextTokenCount": 3}
        self.plays(lambda _: json_reply(200, body))
        answer = self.server.post("/v1/embeddings", {"model": "awsbedrock/amazon.titan-embed-v2", "input": ["a", "b"]})
        assert answer.status == 200, answer.body
        assert [item["embedding"] for item in answer.json()["data"]] == [[0.5, -1.0], [0.5, -1.0]]
        assert answer.json()["usage"]["prompt_tokens"] == 6
        assert [asked.body["inputText"] for asked in self.asked] == ["a", "b"]
        assert all(asked.path == "/model/amazon.titan-embed-text-v2%3A0/invoke" for asked in self.asked)
        assert all(f"/{REGION}/bedrock/aws4_request" in asked.headers["authorization"] for asked in self.asked)

    def test_rerank(self) -> None:
        ranks = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
        self.plays(lambda _: json_reply(200, {"results": ranks}))
        body = {"model": "awsbedrock/cohere.rerank-v3.5", "query": "q", "documents": ["a", "b"], "top_n": 1}
        answer = self.server.post("/v1/rerank", body)
        assert answer.status == 200, answer.body
        assert answer.json()["results"] == ranks[:1]
        assert self.asked[0].body["api_version"] == 2


# the fake itself, asked by boto3 ------------------------------------------------------------------------------

FAKE = BedrockFake()
MODEL = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "tooluse_a1"), Call("tell_time", (), "tooluse_b2"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), "c2ln", calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))
HI: list[Any] = [{"role": "user", "content": [{"text": "Hi"}]}]


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[Any]:
    access_key, secret = FAKE.key.split(":")
    client = boto3.session.Session().client(
        "bedrock-runtime",
        region_name=REGION,
        endpoint_url=provider.root,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )
    yield client
    client.close()


def test_fake_bedrock_speaks_converse(sdk: Any) -> None:
    answer = sdk.converse(modelId=MODEL, messages=HI)
    thought, text, first, second = answer["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"] == {"text": "hmm", "signature": "c2ln"}
    assert text == {"text": "Héllo 😀"}
    assert first["toolUse"] == {"toolUseId": "tooluse_a1", "name": "look_up", "input": {"word": "日本"}}
    assert second["toolUse"]["input"] == {}
    assert answer["stopReason"] == "tool_use"
    usage = answer["usage"]
    assert (usage["inputTokens"], usage["outputTokens"], usage["totalTokens"]) == (6, 5, 15)
    assert usage["cacheReadInputTokens"] == 4


def test_fake_bedrock_speaks_converse_in_streams(sdk: Any) -> None:
    events = list(sdk.converse_stream(modelId=MODEL, messages=HI)["stream"])
    assert events[0] == {"messageStart": {"role": "assistant"}}
    deltas = [event["contentBlockDelta"] for event in events if "contentBlockDelta" in event]
    assert "".join(d["delta"].get("text", "") for d in deltas) == "Héllo 😀"
    thoughts = [d["delta"]["reasoningContent"] for d in deltas if "reasoningContent" in d["delta"]]
    assert thoughts == [{"text": "hm"}, {"text": "m"}, {"signature": "c2ln"}]
    starts = [event["contentBlockStart"]["start"]["toolUse"] for event in events if "contentBlockStart" in event]
    assert starts == [
        {"toolUseId": "tooluse_a1", "name": "look_up"},
        {"toolUseId": "tooluse_b2", "name": "tell_time"},
    ]
    assert "".join(d["delta"]["toolUse"]["input"] for d in deltas if "toolUse" in d["delta"]) == '{"word":"日本"}'
    assert [event["messageStop"]["stopReason"] for event in events if "messageStop" in event] == ["tool_use"]
    assert events[-1]["metadata"]["usage"]["totalTokens"] == 15


@pytest.mark.parametrize(
    ("kind", "name", "status"),
    [
        ("wrong_key", "UnrecognizedClientException", 403),
        ("forbidden", "AccessDeniedException", 403),
        ("not_found", "ResourceNotFoundException", 404),
        ("rate_limit", "ThrottlingException", 429),
        ("quota", "ServiceQuotaExceededException", 400),
        ("overloaded", "ServiceUnavailableException", 503),
        ("too_long", "ValidationException", 400),
        ("bad_request", "ValidationException", 400),
        ("html", "502", 502),
    ],
)
def test_fake_bedrock_refuses_like_bedrock(
    sdk: Any, provider: Upstream, kind: ErrorKind, name: str, status: int
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(ClientError) as raised:
        sdk.converse(modelId=MODEL, messages=HI)
    assert raised.value.response["Error"]["Code"] == name
    metadata = raised.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == status
    if kind == "rate_limit":
        assert metadata["HTTPHeaders"]["retry-after"] == str(RETRY_AFTER_S)
    if kind != "html":
        assert metadata["RequestId"] == FAKE.request_id


@pytest.mark.parametrize("say", [None, Say(("Hel", "lo"))], ids=["at once", "behind text"])
def test_fake_bedrock_fails_in_streams_like_bedrock(sdk: Any, provider: Upstream, say: Say | None) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", say))
    seen = ""
    stream = sdk.converse_stream(modelId=MODEL, messages=HI)["stream"]
    with closing(stream), pytest.raises(EventStreamError) as raised:
        for event in stream:
            seen += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
    assert raised.value.response["Error"]["Code"] == "serviceUnavailableException"
    assert seen == (say.whole_text if say else "")


def test_fake_bedrock_hears_what_boto3_sends(sdk: Any, provider: Upstream) -> None:
    """Its signature included, which `heard` checks."""
    thought = {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}}
    call = {"toolUse": {"toolUseId": "t1", "name": "look_up", "input": {"word": "a"}}}
    picture = {"image": {"format": "png", "source": {"bytes": png()}}}
    document = {"document": {"format": "pdf", "name": "menu", "source": {"bytes": PDF}}}
    function: Any = TOOL["function"]
    spec = {"name": function["name"], "inputSchema": {"json": function["parameters"]}}
    sdk.converse(
        modelId=MODEL,
        system=[{"text": "Be brief."}],
        messages=[
            {"role": "user", "content": [{"text": "What?"}, picture, document]},
            {"role": "assistant", "content": [thought, call]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"text": "found"}]}}]},
        ],
        toolConfig={"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "look_up"}}},
        inferenceConfig={"maxTokens": 9, "temperature": 0.5, "stopSequences": ["END"]},
        additionalModelRequestFields={"thinking": {"type": "enabled", "budget_tokens": 2048}},
    )
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    kinds = [part.kind for part in heard.parts()]
    assert kinds == ["text", "image", "file", "reasoning", "call", "result"]
    assert heard.parts("image")[0].data == png() and heard.parts("file")[0].data == PDF
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "t1"
    assert (heard.tool_choice, heard.max_tokens, heard.temperature, heard.stop) == ("look_up", 9, 0.5, ("END",))
    assert heard.thought == "2048"


def test_fake_bedrock_refuses_a_wrong_signature(sdk: Any, provider: Upstream) -> None:
    sdk.converse(modelId=MODEL, messages=HI)
    asked = provider.asked[0]
    asked.raw_body += b" "
    with pytest.raises(AssertionError, match="signature does not match"):
        FAKE.heard(asked)
