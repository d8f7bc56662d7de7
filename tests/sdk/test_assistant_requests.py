"""Assistants at work, both levels: what is sent, what a failure with status 200 becomes, and waiting."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from portico import AsyncPortico, Portico
from portico.sdk.errors import GuardrailBlocked, NotFound, PorticoError
from portico.sdk.managers import assistant_requests
from portico.sdk.managers.assistant_requests import AssistantRequests
from portico.wire.requests_log import RequestFailure
from tests.sdk.odd_server import OddServer, Reply, Seen, reply_json

DONE = {"requestId": "r", "success": True, "status": "completed", "text": "Bonjour", "progress": 100}
BEGUN = {"requestId": "r", "success": True, "status": "pending", "progress": 0}
FRENCH = [{"key": "language", "value": "French"}]


@pytest.fixture
def assistants(client: Portico) -> AssistantRequests:
    return client.assistant_requests


def failed(code: int, message: str) -> dict[str, Any]:
    error = {"code": code, "message": message}
    return {"requestId": "r", "success": False, "status": "failed", "text": "", "error": error}


def test_a_chat_is_sent_as_the_api_has_it(server: OddServer, assistants: AssistantRequests) -> None:
    server.answer = lambda seen: reply_json(DONE)
    answer = assistants.chat(
        "Translator", "Good day", variables={"language": "French"}, revision=2, revision_name="x", cache=False
    )
    assert (answer.text, answer.success, answer.request_id) == ("Bonjour", True, "r")
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", "/v1/assistant/chat")
    assert seen.headers["x-saia-cache-enabled"] == "false"
    assert seen.json == {
        "assistant": "Translator",
        "messages": [{"role": "user", "content": "Good day"}],
        "variables": FRENCH,
        "revision": 2,
        "revisionName": "x",
    }


def test_a_text_and_what_is_not_said_is_not_sent(server: OddServer, assistants: AssistantRequests) -> None:
    server.answer = lambda seen: reply_json(DONE)
    assert assistants.text("Translator", "Good day", variables=FRENCH).text == "Bonjour"
    (seen,) = server.seen
    assert seen.path == "/v1/assistant/text"
    assert seen.json == {"assistant": "Translator", "prompt": "Good day", "variables": FRENCH}


@pytest.mark.parametrize(
    ("number", "kind"), [(1, NotFound), (422, GuardrailBlocked)], ids=["1 Assistant Not Found", "422 guardrails"]
)
def test_a_failure_with_status_200_is_raised(
    server: OddServer, assistants: AssistantRequests, number: int, kind: type[PorticoError]
) -> None:
    server.answer = lambda seen: reply_json(failed(number, "why"))
    with pytest.raises(kind, match="why"):
        assistants.chat("nobody", "Hi")
    assert len(server.seen) == 1, "it costs money: not sent again"


def test_a_request_without_an_assistant_is_not_sent(server: OddServer, assistants: AssistantRequests) -> None:
    with pytest.raises(PorticoError, match="The name of the assistant is empty"):
        assistants.chat("  ", "Hi")
    assert server.seen == []


def test_what_was_begun_is_waited_for(
    server: OddServer, assistants: AssistantRequests, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistant_requests, "FIRST_LOOK_S", 0.01)
    states = [BEGUN, {**BEGUN, "status": "running"}, failed(151, "Provider Rate Limit")]
    server.answer = lambda seen: reply_json(states.pop(0))
    begun = assistants.begin("Translator", "Good day")
    assert (begun.status, begun.request_id) == ("pending", "r")
    found = assistants.wait("r")
    assert (found.status, found.error) == ("failed", RequestFailure(151, "Provider Rate Limit"))
    assert [seen.path for seen in server.seen] == ["/v1/assistant/chat/begin", *["/v1/assistant/request/r/status"] * 2]


def test_waiting_ends(server: OddServer, assistants: AssistantRequests) -> None:
    server.answer = lambda seen: reply_json({**BEGUN, "status": "running"})
    with pytest.raises(PorticoError, match="Request r is still running after"):
        assistants.wait("r", timeout_s=0.1)


def test_status_and_cancel(server: OddServer, assistants: AssistantRequests) -> None:
    server.answer = lambda seen: reply_json({**DONE, "success": False, "status": "cancelled"})
    assert assistants.status("r").status == assistants.cancel("r").status == "cancelled"
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("GET", "/v1/assistant/request/r/status"),
        ("POST", "/v1/assistant/request/r/cancel"),
    ]


def test_the_low_level_begins_texts_too(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(BEGUN)
    assert client.low.assistant_requests.begin_text_request("Translator", "Good day") == BEGUN
    assert server.seen[0].path == "/v1/assistant/text/begin"


def test_the_asynchronous_ones_do_the_same(server: OddServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assistant_requests, "FIRST_LOOK_S", 0.01)
    states = [{**BEGUN, "status": "running"}, DONE]

    def answer(seen: Seen) -> Reply:
        if seen.path.endswith("/status"):
            return reply_json(states.pop(0))
        return reply_json(BEGUN if seen.path.endswith("/begin") else DONE)

    server.answer = answer

    async def ask() -> list[str]:
        async with AsyncPortico("key-1", server.url) as client:
            low, assistants = client.low.assistant_requests, client.assistant_requests
            begun = await assistants.begin("T", "Hi")
            chat = await assistants.chat("T", "Hi")
            text = await assistants.text("T", "Hi")
            waited = await assistants.wait("r")
            low_begun = await low.begin_text_request("T", "Hi")
            cancelled = await assistants.cancel("r")
        return [begun.status, chat.status, text.status, waited.status, low_begun["status"], cancelled.status]

    assert asyncio.run(ask()) == ["pending", "completed", "completed", "completed", "pending", "completed"]
    assert [seen.path for seen in server.seen] == [
        "/v1/assistant/chat/begin",
        "/v1/assistant/chat",
        "/v1/assistant/text",
        "/v1/assistant/request/r/status",
        "/v1/assistant/request/r/status",
        "/v1/assistant/text/begin",
        "/v1/assistant/request/r/cancel",
    ]
