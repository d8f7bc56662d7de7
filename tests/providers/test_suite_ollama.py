"""The suite on the `ollama` adapter, and its fake checked with the official SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, ClassVar

import ollama
import pytest

from tests.providers.cases_answers import both
from tests.providers.cases_requests import png
from tests.providers.fakes.base import Call, Counts, ErrorKind, Finish, Say, json_reply
from tests.providers.fakes.ollama import OllamaFake
from tests.providers.stage import TOOL, user
from tests.providers.suite import ProviderSuite
from tests.upstream import Upstream


class TestOllama(ProviderSuite):
    fake = OllamaFake()
    gaps: ClassVar[dict[str, str]] = {
        "hc25_a_pdf": "Ollama takes texts and pictures; a PDF is refused with 400",
    }

    @both
    @pytest.mark.parametrize("finish", ["stop", "length", "tool_calls"])
    def test_hc10_finish_reason(self, finish: Finish, streamed: bool) -> None:
        """Ollama filters nothing."""
        super().test_hc10_finish_reason(finish, streamed)

    def test_a_model_that_was_not_pulled_says_how_to_get_it(self) -> None:
        self.says(self.fake.error("not_found"))
        answer = self.ask()
        assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")
        assert "ollama pull llama3.2" in answer.json()["error"]["message"]

    def test_hc20_neighbours_of_one_role(self) -> None:
        """A message has one text: neighbours become its lines."""
        self.ask_well([user("one"), user("two"), {"role": "assistant", "content": "three"}, user("four")])
        assert [(turn.role, turn.text) for turn in self.heard.turns] == [
            ("user", "one\ntwo"),
            ("assistant", "three"),
            ("user", "four"),
        ]

    def test_hc20_empty_texts_are_left_out(self) -> None:
        parts = [{"type": "text", "text": ""}, {"type": "text", "text": "Hi"}]
        self.ask_well([user(parts), {"role": "assistant", "content": ""}, user("there")])
        assert [(turn.role, turn.text) for turn in self.heard.turns] == [("user", "Hi\nthere")]

    def test_embeddings(self) -> None:
        self.plays(lambda _: json_reply(200, {"embeddings": [[0.5], [1.5]], "prompt_eval_count": 6}))
        answer = self.server.post("/v1/embeddings", {"model": "ollama/nomic-embed-text", "input": ["a", "b"]})
        assert answer.status == 200, answer.body
        assert [item["embedding"] for item in answer.json()["data"]] == [[0.5], [1.5]]
        assert (answer.json()["usage"]["prompt_tokens"], self.asked[0].path) == (6, "/api/embed")


# the fake itself, asked by the official SDK -------------------------------------------------------------------

FAKE = OllamaFake()
MODEL = "llama3.2"
CALLS = (Call("look_up", ('{"wo', 'rd":"日本"}')), Call("tell_time", ()))
FULL = Say(("Hé", "llo 😀"), ("hm", "m"), calls=CALLS, finish="tool_calls", counts=Counts(6, 4, 3, 2))
HI = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def provider() -> Iterator[Upstream]:
    with Upstream() as upstream:
        upstream.script = lambda asked: FAKE.speak(FULL, asked)
        yield upstream


@pytest.fixture
def sdk(provider: Upstream) -> Iterator[ollama.Client]:
    client = ollama.Client(host=provider.root, trust_env=False)
    yield client
    client._client.close()


def test_fake_ollama_speaks_ollama(sdk: ollama.Client) -> None:
    answer = sdk.chat(MODEL, HI)
    assert (answer.message.content, answer.message.thinking) == ("Héllo 😀", "hmm")
    calls = answer.message.tool_calls or []
    assert [(c.function.name, dict(c.function.arguments)) for c in calls] == [
        ("look_up", {"word": "日本"}),
        ("tell_time", {}),
    ]
    assert (answer.done, answer.done_reason) == (True, "stop")
    assert (answer.prompt_eval_count, answer.eval_count) == (10, 5)


def test_fake_ollama_speaks_ollama_in_streams(sdk: ollama.Client) -> None:
    lines = list(sdk.chat(MODEL, HI, stream=True))
    assert "".join(line.message.content or "" for line in lines) == "Héllo 😀"
    assert "".join(line.message.thinking or "" for line in lines) == "hmm"
    calls = [call for line in lines for call in line.message.tool_calls or ()]
    assert [c.function.name for c in calls] == ["look_up", "tell_time"]
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert (lines[-1].prompt_eval_count, lines[-1].eval_count) == (10, 5)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("wrong_key", 401), ("forbidden", 403), ("not_found", 404), ("rate_limit", 429), ("quota", 402),
        ("overloaded", 503), ("too_long", 400), ("bad_request", 400), ("html", 502),
    ],
)  # fmt: skip
def test_fake_ollama_refuses_like_ollama(sdk: ollama.Client, provider: Upstream, kind: ErrorKind, status: int) -> None:
    provider.replies(FAKE.error(kind))
    with pytest.raises(ollama.ResponseError) as raised:
        sdk.chat(MODEL, HI)
    assert raised.value.status_code == status
    if kind == "not_found":
        assert raised.value.error == "model 'llama3.2' not found"


@pytest.mark.parametrize("say", [None, Say(("Hel", "lo"))], ids=["at once", "behind text"])
def test_fake_ollama_fails_in_streams_like_ollama(sdk: ollama.Client, provider: Upstream, say: Say | None) -> None:
    provider.replies(FAKE.error_in_stream("overloaded", say))
    seen = ""
    with pytest.raises(ollama.ResponseError, match="server busy"):
        for line in sdk.chat(MODEL, HI, stream=True):
            seen += line.message.content or ""
    assert seen == (say.whole_text if say else "")


def test_fake_ollama_hears_what_the_sdk_sends(sdk: ollama.Client, provider: Upstream) -> None:
    call = {"function": {"name": "look_up", "arguments": {"word": "a"}}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What?", "images": [base64.b64encode(png()).decode()]},
        {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call]},
    ]
    options = {"num_predict": 9, "temperature": 0.5, "stop": ["END"], "seed": 3}
    sdk.chat(MODEL, messages, tools=[TOOL], think="low", format={"type": "object"}, options=options)
    heard = FAKE.heard(provider.asked[0])
    assert (heard.model, heard.stream, heard.system) == (MODEL, False, "Be brief.")
    assert [part.kind for part in heard.parts()] == ["text", "image", "reasoning", "call"]
    assert heard.parts("image")[0].data == png() and heard.parts("call")[0].value == {"word": "a"}
    assert (heard.max_tokens, heard.temperature, heard.stop, heard.seed) == (9, 0.5, ("END",), 3)
    assert (heard.thought, heard.schema) == ("low", {"type": "object"})
    assert [tool.name for tool in heard.tools] == ["look_up"]
