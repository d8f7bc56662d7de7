"""An adapter by itself, without a server: chat requests as the edge leaves them, and what became of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from portico.server.providers.base import Adapter, Credential, Members, Target, Traits, Turn
from portico.wire.model_ref import DirectModel
from portico.wire.requests import ChatRequest


def chat_request(
    messages: Any = "Hi", *, stream: bool = False, effort: str = "", budget: int | None = None, **members: Any
) -> ChatRequest:
    """A text is one user message."""
    said = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in {"messages": said, **members}.items()}
    ref = DirectModel("acme", "model-1")
    return ChatRequest(ref, raw, stream=stream, has_tools="tools" in members, effort=effort, budget=budget)


class Translation:
    """One request of one adapter. `body` is what goes out, `turn.adjusted` what was changed on the way."""

    def __init__(self, adapter: Adapter, request: ChatRequest, traits: Traits | None = None, **options: str) -> None:
        self.adapter = adapter
        self.request = request
        credential = Credential("https://api.example.com", "key", tuple(options.items()))
        target = self.target = Target(
            "acme", "model-1", "model-1-up", adapter, adapter.endpoint(credential), credential, traits or Traits()
        )
        self.turn = Turn(keep_usage=True)
        self.outgoing = adapter.write_chat(request, target, self.turn)
        self.again = adapter.write_chat(request, target, Turn(keep_usage=True)).body
        self.body: Any = json.loads(self.outgoing.body)

    def read(self, answer: Any) -> Members:
        """The answer's first choice."""
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        members = self.adapter.read_chat(body, self.request, self.turn)
        (choice,) = json.loads(bytes(members["choices"]))
        return dict(choice)

    def read_events(self, *events: Any) -> list[Any]:
        """The chunks that these events of a stream become."""
        chunks: list[Any] = []
        for event in events:
            chunks += self.adapter.read_frame(json.dumps(event).encode(), self.request, self.turn)
        return [json.loads(chunk) for chunk in chunks]

    def deltas(self, *events: Any) -> list[Any]:
        return [chunk["choices"][0]["delta"] for chunk in self.read_events(*events)]
