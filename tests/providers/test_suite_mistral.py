"""The suite on the `mistral` adapter, and its fake checked with the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import MistralError

from tests.providers.cases_answers import both
from tests.providers.cases_requests import PDF, data_url, png
from tests.providers.cases_tools import assistant, call_member, result
from tests.providers.fakes.base import RETRY_AFTER_S, Call, Counts, ErrorKind, Finish, Say, json_reply
from tests.providers.fakes.mistral import MistralFake
from tests.providers.stage import TOOL, user
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream


class TestMistral(ProviderSuite):
    fake = MistralFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc25_a_pdf": "the catalogue names no PDF for Mistral's models; how one is written is tested with the adapter"
    }

    @both
    @pytest.mark.parametrize("finish", ["stop", "length", "tool_calls"])
    def test_hc10_finish_reason(self, finish: Finish, streamed: bool) -> None:
        """Mistral has no reason for filtered content."""
        super().test_hc10_finish_reason(finish, streamed)

    def test_hc03_results_go_back_together_and_in_order(self) -> None:
        """The API refuses a user behind a tool: the assistant says a word in between."""
        history = [
            user("Look both up."),
            assistant(call_member("call_a1"), call_member("call_b2", "tell_time", "{}"), content="Looking."),
            result("call_a1", "a star"),
            result("call_b2", [{"type": "text", "text": "noon"}]),
            user("And now?"),
        ]
        self.ask_well(history, tools=self.tools)
        heard = self.heard
        assert [turn.role for turn in heard.turns] == ["user", "assistant", "tool", "tool", "assistant", "user"]
        assert [part.text for part in heard.parts("result")] == ["a star", "noon"]
        assert [part.id for part in heard.parts("result")] == [part.id for part in heard.parts("call")]
        assert heard.turns[-1].text == "And now?"

    def test_hc20_the_beginning_of_an_answer_is_marked_as_such(self) -> None:
        self.ask_well([user("Count."), {"role": "assistant", "content": "One, "}])
        last = self.heard.raw["messages"][-1]
        assert last == {"role": "assistant", "content": "One, ", "prefix": True}

    def test_hc22_unknown_members_pass_in_the_same_dialect_only(self) -> None:
        """`prompt_cache_key` is one of Mistral's own members."""
        self.ask_well(prompt_cache_key="k-1", x_unknown_member={"a": [1]})
        assert self.heard.raw["prompt_cache_key"] == "k-1"
        assert "x_unknown_member" not in self.heard.raw

    def test_hc22_members_of_mistral_pass_and_unknown_ones_do_not(self) -> None:
        self.ask_well(safe_prompt=True, seed=7, user="u", store=True, verbosity="low")
        sent = self.heard.raw
        assert (sent["safe_prompt"], sent["random_seed"]) == (True, 7)
        assert not {"seed", "user", "store", "verbosity", "stream_options"} & sent.keys()

    def test_embeddings(self) -> None:
        data = [{"object": "embedding", "index": i, "embedding": [0.5, i]} for i in range(2)]
        self.plays(lambda _: json_reply(200, {"data": data, "usage": {"prompt_tokens": 6, "total_tokens": 6}}))
        answer = self.server.post("/v1/embeddings", {"model": "mistral/mistral-embed", "input": ["a", "b"]})
        assert answer.status == 200, answer.body
        assert [item["embedding"] for item in answer.json()["data"]] == [[0.5, 0.0], [0.5, 1.0]]
        assert (answer.json()["usage"]["prompt_tokens"], self.asked[0].body["input"]) == (6, ["a", "b"])


# the fake itself, asked by the official SDK -------------------------------------------------------------------

FAKE = MistralFake()
MODEL = "magistral-medium-latest"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}'), "D681PevKs"), Call("tell_time", (), "a1B2c3D4e"))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))
HI: Any = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[Mistral]:
    with httpx.Client(trust_env=False) as http, Mistral(api_key=FAKE.key, server_url=provider.root, client=http) as sdk:
        yield sdk


def test_fake_mistral_speaks_mistral(sdk: Mistral) -> None:
    answer = sdk.chat.complete(model=MODEL, messages=HI)
    (choice,) = answer.choices
    assert choice.message is not None and isinstance(choice.message.content, list)
    thought, text = choice.message.content
    assert (thought.type, thought.thinking[0].text) == ("thinking", "hmm")  # type: ignore[union-attr]
    assert (text.type, text.text) == ("text", "Héllo 😀")  # type: ignore[union-attr]
    calls = choice.message.tool_calls or []
    assert [(c.id, c.function.name, c.function.arguments) for c in calls] == [  # type: ignore[union-attr]
        (c.id, c.name, c.text) for c in CALLS
    ]
    assert choice.finish_reason == "tool_calls"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (10, 5, 15)


def test_fake_mistral_speaks_mistral_in_streams(sdk: Mistral) -> None:
    with sdk.chat.stream(model=MODEL, messages=HI) as stream:
        chunks = [event.data for event in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(d.content for d in deltas if isinstance(d.content, str)) == "Héllo 😀"
    thoughts = [piece for d in deltas if isinstance(d.content, list) for piece in d.content]
    assert "".join(piece.thinking[0].text for piece in thoughts) == "hmm"  # type: ignore[union-attr]
    calls = [call for d in deltas for call in d.tool_calls or ()]
    assert [(c.index, c.id, c.function.name, c.function.arguments) for c in calls] == [
        (i, c.id, c.name, c.text) for i, c in enumerate(CALLS)
    ]
    assert [c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason] == ["tool_calls"]
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 15


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("wrong_key", 401), ("forbidden", 403), ("not_found", 400), ("rate_limit", 429), ("quota", 402),
        ("overloaded", 503), ("too_long", 400), ("bad_request", 400), ("html", 502),
    ],
)  # fmt: skip
def test_fake_mistral_refuses_like_mistral(sdk: Mistral, provider: Upstream, kind: ErrorKind, status: int) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(MistralError) as raised:
        sdk.chat.complete(model=MODEL, messages=HI)
    assert raised.value.status_code == status
    if kind == "rate_limit":
        assert raised.value.headers["retry-after"] == str(RETRY_AFTER_S)


def test_fake_mistral_hears_what_the_sdk_sends(sdk: Mistral, provider: Upstream) -> None:
    picture = {"type": "image_url", "image_url": data_url("image/png", png())}
    document = {"type": "document_url", "document_url": data_url("application/pdf", PDF), "document_name": "menu.pdf"}
    call = {"id": "D681PevKs", "function": {"name": "look_up", "arguments": '{"word":"a"}'}}
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        user([{"type": "text", "text": "What?"}, picture, document]),
        {"role": "assistant", "content": [thought], "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "D681PevKs", "name": "look_up", "content": "found"},
    ]
    tools: Any = [TOOL]
    form: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
    sdk.chat.complete(
        model=MODEL, messages=messages, tools=tools, tool_choice="any", parallel_tool_calls=False, max_tokens=9,
        temperature=0.5, stop="END", random_seed=3, response_format=form, prompt_mode="reasoning",
    )  # fmt: skip
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [turn.role for turn in heard.turns] == ["user", "assistant", "tool"]
    assert [part.kind for part in heard.parts()] == ["text", "image", "file", "reasoning", "call", "result"]
    assert heard.parts("image")[0].data == png() and heard.parts("file")[0].data == PDF
    assert heard.parts("call")[0].value == {"word": "a"} and heard.parts("result")[0].id == "D681PevKs"
    assert (heard.tool_choice, heard.parallel, heard.max_tokens, heard.seed) == ("required", False, 9, 3)
    assert (heard.temperature, heard.stop, heard.thought) == (0.5, ("END",), "on")
    assert heard.schema == {"type": "object"}
    assert provider.asked[0].headers["authorization"] == f"Bearer {FAKE.key}"
