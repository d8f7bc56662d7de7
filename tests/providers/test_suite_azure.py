"""The suite on the `azure` adapter, with tokens of Entra ID, and its fake checked with the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

import openai
import pytest

from tests.providers.fakes.azure import API_VERSION, FINDINGS, KEY, AzureFake
from tests.providers.fakes.base import Call, Counts, ErrorKind, Say
from tests.providers.stage import OTHER_TOOL, TOOL
from tests.providers.suite import ProviderSuite
from tests.providers.test_suite_openai import SAME_DIALECT
from tests.upstream import Upstream

FILTERED = Say(("Well",), finish="content_filter")


class TestAzure(ProviderSuite):
    fake = AzureFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc05_thoughts_are_taken_back": "Azure's chat completions take no thoughts back; they belong to Responses",
        "hc20_empty_texts_are_left_out": SAME_DIALECT,
        "hc20_an_empty_system_message_is_left_out": SAME_DIALECT,
        "hc20_stop_sequences_of_blanks_are_left_out": SAME_DIALECT,
    }

    def test_the_token_is_fetched_once_and_goes_with_every_request(self) -> None:
        for _ in range(3):
            self.ask_well()
        assert {asked.headers["authorization"] for asked in self.asked} == {f"Bearer {self.fake.key}"}
        assert not any("api-key" in asked.headers for asked in self.asked)
        assert len([asked for asked in self.upstream.asked if asked.path.endswith("/token")]) <= 1

    def test_each_deployment_has_its_path(self) -> None:
        self.ask_well()
        assert self.asked[-1].path == f"/openai/deployments/gpt-4o-mini/chat/completions?api-version={API_VERSION}"

    def test_hc26_a_filtered_prompt_is_the_callers_error(self) -> None:
        for stream in (False, True):
            self.says(self.fake.filtered())
            answer = self.ask(stream=stream)
            error = answer.json()["error"]
            assert (answer.status, error["code"], error["param"]) == (400, "content_filter", "prompt")
            assert "content management policy" in error["message"]
            assert len(self.asked) == 1, "another try would be refused as well"
            self.upstream.asked.clear()

    def test_hc10_a_filtered_answer_says_so(self) -> None:
        self.says(FILTERED)
        streamed = self.stream_well()
        assert (streamed.text, streamed.finishes) == ("Well", ["content_filter"])

    def test_findings_of_the_filter_make_no_chunks(self) -> None:
        """Clients take a chunk without choices for usage, and break on a choice without a delta."""
        for event in self.stream_well().events:
            assert event["choices"] and event["choices"][0]["delta"] is not None
            assert "prompt_filter_results" not in event
        assert "prompt_filter_results" not in self.ask_well()

    def test_an_unknown_deployment_is_an_unknown_model(self) -> None:
        self.says(self.fake.error("not_found"))
        answer = self.ask()
        assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")


# the fake itself, asked by the official SDK ------------------------------------------------------------------

FAKE = AzureFake()
MODEL = "gpt-4o-mini"
HELLO: Any = [{"role": "user", "content": "Hi"}]
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "call_a1"), Call("tell_time", (), "call_b2"))
FULL = Say(("Hé", "llo 😀"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=provider.root, api_version=API_VERSION, api_key=KEY, max_retries=0
    ) as client:
        yield client


def test_fake_azure_speaks_azure(sdk: openai.AzureOpenAI, provider: Upstream) -> None:
    answer = sdk.chat.completions.create(model=MODEL, messages=HELLO)
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == ("Héllo 😀", "tool_calls")
    assert choice.model_extra == {"content_filter_results": FINDINGS}
    assert answer.usage is not None and answer.usage.total_tokens == 15
    (asked,) = provider.asked
    assert asked.path == f"/openai/deployments/{MODEL}/chat/completions?api-version={API_VERSION}"
    assert FAKE.heard(asked).model == MODEL


def test_fake_azure_speaks_azure_to_bearers_of_tokens(provider: Upstream) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=provider.root, api_version=API_VERSION, azure_ad_token=FAKE.key, max_retries=0
    ) as client:
        assert client.chat.completions.create(model=MODEL, messages=HELLO).choices
    with (
        openai.AzureOpenAI(
            azure_endpoint=provider.root, api_version=API_VERSION, api_key="another", max_retries=0
        ) as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model=MODEL, messages=HELLO)


def test_fake_azure_speaks_azure_at_its_newer_address(provider: Upstream) -> None:
    with openai.OpenAI(base_url=f"{provider.root}/openai/v1", api_key=FAKE.key, max_retries=0) as client:
        assert client.chat.completions.create(model=MODEL, messages=HELLO).choices
    assert FAKE.heard(provider.asked[-1]).model == MODEL


def test_fake_azure_speaks_azure_in_streams(sdk: openai.AzureOpenAI) -> None:
    tools: Any = [TOOL, OTHER_TOOL]
    chunks = list(
        sdk.chat.completions.create(
            model=MODEL, messages=HELLO, tools=tools, stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[0].choices == [] and chunks[0].usage is None
    assert "prompt_filter_results" in (chunks[0].model_extra or {})
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas if delta) == "Héllo 😀"
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 15


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_key", openai.AuthenticationError),
        ("forbidden", openai.PermissionDeniedError),
        ("not_found", openai.NotFoundError),
        ("rate_limit", openai.RateLimitError),
        ("quota", openai.RateLimitError),
        ("overloaded", openai.InternalServerError),
        ("too_long", openai.BadRequestError),
        ("bad_request", openai.BadRequestError),
        ("html", openai.InternalServerError),
    ],
)
def test_fake_azure_refuses_like_azure(
    sdk: openai.AzureOpenAI, provider: Upstream, kind: ErrorKind, error: type[openai.APIStatusError]
) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(error):
        sdk.chat.completions.create(model=MODEL, messages=HELLO)


def test_fake_azure_filters_like_azure(sdk: openai.AzureOpenAI, provider: Upstream) -> None:
    provider.replies(FAKE.filtered())
    with pytest.raises(openai.BadRequestError) as raised:
        sdk.chat.completions.create(model=MODEL, messages=HELLO)
    assert raised.value.code == "content_filter"
    inner = json.loads(json.dumps(raised.value.body))["innererror"]
    assert inner["code"] == "ResponsibleAIPolicyViolation"
