"""Where a suite plays: a live server in front, one fake behind it, and answers read as an OpenAI client reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from tests.live import Answer, LiveServer
from tests.providers.fakes.base import Fake, Heard, Say
from tests.upstream import Asked, Reply, Upstream

KEEP_ALIVE_S = 0.4
GAP_TIMEOUT_S = 5.0
"""Of the impatient server, for the cases about silence."""
HELLO = Say(text=("Hello", " there"))
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "description": "Looks a word up.",
        "parameters": {"type": "object", "properties": {"word": {"type": "string"}}, "required": ["word"]},
    },
}
OTHER_TOOL = {
    "type": "function",
    "function": {
        "name": "tell_time",
        "description": "Tells the time.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


@dataclass
class Streamed:
    """An event stream, read. `events` are the JSON values of its data lines without the closing `[DONE]`."""

    answer: Answer
    events: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False

    @classmethod
    def read(cls, answer: Answer) -> Streamed:
        """Checks the form of the stream: data lines of JSON and comments only, `[DONE]` at the very end or nowhere."""
        assert answer.status == 200, answer.body
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.body.decode().split("\n") if line and not line.startswith(":")]
        assert all(line.startswith("data: ") for line in lines), answer.body
        texts = [line.removeprefix("data: ") for line in lines]
        done = bool(texts) and texts[-1] == "[DONE]"
        events = [json.loads(text) for text in (texts[:-1] if done else texts)]
        streamed = cls(answer, events, done)
        assert all(isinstance(delta.get("content", ""), str) for delta in streamed.deltas), "clients join the texts"
        return streamed

    @property
    def chunks(self) -> list[dict[str, Any]]:
        """Events with a choice."""
        return [event for event in self.events if event.get("choices")]

    @property
    def deltas(self) -> list[dict[str, Any]]:
        return [chunk["choices"][0]["delta"] for chunk in self.chunks]

    @property
    def text(self) -> str:
        return "".join(delta.get("content") or "" for delta in self.deltas)

    @property
    def reasoning(self) -> str:
        return "".join(delta.get("reasoning_content") or "" for delta in self.deltas)

    @property
    def call_deltas(self) -> list[dict[str, Any]]:
        return [call for delta in self.deltas for call in delta.get("tool_calls") or ()]

    @property
    def finishes(self) -> list[str]:
        return [chunk["choices"][0]["finish_reason"] for chunk in self.chunks if chunk["choices"][0]["finish_reason"]]

    @property
    def usages(self) -> list[dict[str, Any]]:
        return [event["usage"] for event in self.events if event.get("usage")]

    @property
    def error(self) -> dict[str, Any] | None:
        return self.events[-1].get("error") if self.events else None

    def message(self) -> dict[str, Any]:
        """The deltas put together, as a client does before it sends them back."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        blocks = [block for delta in self.deltas for block in delta.get("thinking_blocks") or ()]
        if blocks:
            message["thinking_blocks"] = blocks
        calls: dict[int, dict[str, Any]] = {}
        for piece in self.call_deltas:
            if piece["index"] not in calls:
                calls[piece["index"]] = {**piece, "function": dict(piece["function"])}
                del calls[piece["index"]]["index"]
            else:
                calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
        if calls:
            message["tool_calls"] = [calls[index] for index in sorted(calls)]
        return message


class Stage:
    """What the cases stand on. A suite sets `fake`; `gaps` names the cases it cannot play, each with the reason."""

    fake: ClassVar[Fake]
    gaps: ClassVar[dict[str, str]] = {}
    servers: ClassVar[dict[str, str]] = {}
    """The fixture of the server that a case is played on, where it is another one."""
    server: LiveServer
    upstream: Upstream

    @pytest.fixture(autouse=True)
    def _on_stage(self, request: pytest.FixtureRequest) -> Iterator[None]:
        case = request.function.__name__.removeprefix("test_")
        if case in self.gaps:
            pytest.skip(self.gaps[case])
        self.server = request.getfixturevalue(self.servers.get(case, "provider_server"))
        self.upstream = request.getfixturevalue("provider_upstreams")[self.fake.provider]
        self.upstream.reset()
        self.says(HELLO)
        yield
        self.upstream.reset()

    # the provider ---------------------------------------------------------------------------------------------

    def says(self, *what: Say | Reply) -> None:
        """These answers one after the other, the last again and again; a `Say` goes out whole or streamed, as asked."""
        left = list(what)

        def answer(asked: Asked) -> Reply:
            item = left.pop(0) if len(left) > 1 else left[0]
            return self.fake.speak(item, asked) if isinstance(item, Say) else item

        self.plays(answer)

    def plays(self, script: Callable[[Asked], Reply]) -> None:
        """A script for the chats; what else the provider is asked, the fake answers itself."""
        self.upstream.script = lambda asked: self.fake.aside(asked) or script(asked)

    @property
    def asked(self) -> list[Asked]:
        """The chats that reached the provider."""
        return [asked for asked in self.upstream.asked if self.fake.aside(asked) is None]

    @property
    def heard(self) -> Heard:
        """The last of them."""
        return self.fake.heard(self.asked[-1])

    # the caller -----------------------------------------------------------------------------------------------

    def ask(self, messages: Any = "Say hello.", headers: dict[str, str] | None = None, **members: Any) -> Answer:
        """A chat completion; a text is one user message, `model` is the fake's unless told."""
        said = [user(messages)] if isinstance(messages, str) else messages
        body = {"model": self.fake.model, "messages": said, **members}
        return self.server.post("/v1/chat/completions", body, headers)

    def ask_well(self, messages: Any = "Say hello.", **members: Any) -> dict[str, Any]:
        """The body of an answer that must be a good one."""
        answer = self.ask(messages, **members)
        assert answer.status == 200, answer.body
        body: dict[str, Any] = answer.json()
        return body

    def stream(self, messages: Any = "Say hello.", **members: Any) -> Streamed:
        return Streamed.read(self.ask(messages, stream=True, **members))

    def stream_well(self, messages: Any = "Say hello.", **members: Any) -> Streamed:
        streamed = self.stream(messages, **members)
        assert streamed.done and streamed.error is None, streamed.answer.body
        return streamed

    def message(self, streamed: bool, messages: Any = "Say hello.", **members: Any) -> dict[str, Any]:
        """The assistant's message of a good answer, put together when streamed."""
        if streamed:
            return self.stream_well(messages, **members).message()
        message: dict[str, Any] = self.ask_well(messages, **members)["choices"][0]["message"]
        return message

    def adjusted(self, answer: Answer) -> str:
        return answer.headers.get("x-portico-adjusted", "")
