"""`portico chat`: what is sent, what is shown, and what happens when a model is not ready."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import TOKEN, Run, chunk
from .fake_server import Answer, FakeServer

CHAT = "/v1/chat/completions"
MODELS = "/v3/llm/providers/local/models"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "total_cost": 0.000021, "currency": "USD"}


def completion(text: str, finish: str = "stop") -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    return {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": USAGE}


def frames(*objects: object) -> list[bytes]:
    return [f"data: {json.dumps(o)}\n\n".encode() for o in objects] + [b"data: [DONE]\n\n"]


def streamed(*texts: str) -> Answer:
    pieces = [chunk(content=text) for text in texts]
    usage = {"id": "c1", "choices": [], "usage": USAGE}
    return Answer(stream=frames(chunk(role="assistant", content=""), *pieces, chunk(finish_reason="stop"), usage))


def refusal(status: int, number: int, text: str) -> Answer:
    return Answer({"error": {"code": number, "message": text}, "errors": [{"id": number, "description": text}]}, status)


def test_the_answer_in_a_pipe_is_its_text(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, completion("Biobío"))

    result = run("chat", "--model", "openai/m", "Name", "a", "river")

    assert (result.code, result.out, result.err) == (0, "Biobío\n", "")
    assert server.last(CHAT).body == {
        "model": "openai/m",
        "messages": [{"role": "user", "content": "Name a river"}],
        "stream": False,
    }


def test_the_whole_answer_comes_as_json_when_asked(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, completion("Biobío"))

    assert json.loads(run("chat", "-m", "openai/m", "hi", "-o", "json").out) == completion("Biobío")


@pytest.mark.parametrize("how", [["--no-stream"], ["--stream"], ["-o", "json"]])
def test_a_rag_assistant_that_found_nothing_is_a_failure(run: Run, server: FakeServer, how: list[str]) -> None:
    nothing = {"documents": [], "result": {"success": False, "messages": ["Score threshold not met"]}, "text": ""}
    event = {"event": "saia.rag.documents", "data": nothing, "choices": []}
    end = chunk(finish_reason="stop")
    whole = {**completion(""), **nothing}
    server.answer("POST", CHAT, Answer(stream=frames(end, event)) if how == ["--stream"] else whole)

    result = run("chat", "-m", "saia:search:handbook", *how, "hi")

    assert result.code == 1
    assert result.err.startswith("error: handbook has no answer: Score threshold not met.")
    assert result.out == ("" if how != ["-o", "json"] else json.dumps(whole, indent=2) + "\n")


def test_a_stream_is_shown_as_text(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, streamed("Hel", "lo"))

    result = run("chat", "-m", "openai/m", "--stream", "hi")

    assert (result.code, result.out) == (0, "Hello\n")
    assert server.last(CHAT).body["stream"] is True


def test_an_event_of_the_platform_in_a_stream_is_passed_over(run: Run, server: FakeServer) -> None:
    event = {"event": "saia.metadata.tool.started", "data": {"toolName": "t"}, "choices": []}
    server.answer("POST", CHAT, Answer(stream=frames(event, chunk(content="ok"), chunk(finish_reason="stop"))))

    assert run("chat", "-m", "saia:agent:A", "--stream", "hi").out == "ok\n"


def test_every_option_reaches_the_server(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", CHAT, completion("{}"))
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    (tmp_path / "system.txt").write_text("Be brief.")

    result = run(
        *("chat", "--model", "saia:assistant:Translator", "--system", f"@{tmp_path}/system.txt"),
        *("--json-schema", str(tmp_path / "schema.json"), "--temperature", "0", "--max-tokens", "9"),
        *("--reasoning-effort", "low", "--var", "language=French", "--var", "a=b=c", "--conversation-id", "c1", "hi"),
    )

    assert result.code == 0
    asked = server.last(CHAT)
    assert asked.headers["saia-conversation-id"] == "c1"
    assert asked.body == {
        "model": "saia:assistant:Translator",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "stream": False,
        "temperature": 0.0,
        "max_tokens": 9,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
        "variables": [{"key": "language", "value": "French"}, {"key": "a", "value": "b=c"}],
    }


def test_an_assistant_is_asked_by_its_name(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("POST", CHAT, completion("Salut"))
    monkeypatch.setenv("PORTICO_MODEL", "local/other")

    assert run("chat", "--assistant", "My translator", "--revision", "2", "--var", "language=French", "hi").code == 0
    assert server.last(CHAT).body == {
        "model": "saia:assistant:My translator",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": False,
        "variables": [{"key": "language", "value": "French"}],
        "revision": 2,
    }


def test_a_model_and_an_assistant_at_once_are_wrong_use(run: Run, server: FakeServer) -> None:
    result = run("chat", "--assistant", "A", "--model", "openai/gpt-4o", "hi")

    assert result.code == 2
    assert "--model and --assistant name different things to ask" in result.err
    assert server.asked == []


@pytest.mark.parametrize("words", [[], ["-"]])
def test_the_message_comes_from_standard_input(run: Run, server: FakeServer, words: list[str]) -> None:
    server.answer("POST", CHAT, completion("ok"))

    run("chat", "-m", "openai/m", *words, stdin="línea\n")

    assert server.last(CHAT).body["messages"][0]["content"] == "línea\n"


def test_an_empty_message_is_wrong_use_and_nothing_is_sent(run: Run, server: FakeServer) -> None:
    result = run("chat", "-m", "openai/m", stdin=" \n")

    assert (result.code, server.asked) == (2, [])
    assert "the message is empty" in result.err


def test_usage_is_told_on_standard_error(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, streamed("Hello"))

    result = run("chat", "-m", "openai/m", "--stream", "--usage", "hi")

    assert result.out == "Hello\n"
    assert result.err.startswith("openai/m · 3 + 2 tokens · 0.000021 USD · ")


def test_an_answer_that_was_cut_is_told(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, completion("Once upon", "length"))

    assert "longest length" in run("chat", "-m", "openai/m", "hi").err


def test_without_a_model_the_first_local_one_is_asked(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/big"}, {"fullName": "local/small"}]})
    server.answer("POST", CHAT, completion("ok"))

    assert run("chat", "hi").code == 0
    assert server.last(MODELS).query == {"type": "Chat"}
    assert server.last(CHAT).body["model"] == "local/big"


def test_a_model_that_is_not_installed_is_not_even_asked(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/big"}, {"fullName": "local/small"}]})
    states = [{"name": "big", "state": "absent"}, {"name": "small", "state": "ready"}]
    server.answer("GET", "/v1/system/status", {"running": True, "localModels": states})
    server.answer("POST", CHAT, completion("ok"))

    result = run("chat", "hi")

    assert (result.out, result.err) == ("ok\n", "")
    assert server.last(CHAT).body["model"] == "local/small"


@pytest.fixture(autouse=True)
def status(server: FakeServer) -> None:
    server.answer("GET", "/v1/system/status", {"running": True})


@pytest.mark.parametrize(
    "refused",
    [
        refusal(503, 153, "The model is being downloaded: 43%."),
        refusal(400, 1001, "The model is not here: portico models pull big."),
    ],
)
def test_a_model_that_is_not_ready_hands_over_to_the_next(run: Run, server: FakeServer, refused: Answer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/big"}, {"fullName": "local/small"}]})
    refused.headers = {"Retry-After": "30"}
    server.answer("POST", CHAT, refused, completion("ok"))

    result = run("chat", "hi")

    assert (result.code, result.out) == (0, "ok\n")
    assert server.last(CHAT).body["model"] == "local/small"
    assert result.err.startswith("note: local/big is not ready (The model is")


def test_when_no_model_is_ready_the_last_refusal_is_told(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/big"}]})
    refused = refusal(503, 153, "The model is being downloaded: 43%.")
    refused.headers = {"Retry-After": "30"}
    server.answer("POST", CHAT, refused)

    result = run("chat", "hi")

    assert result.code == 1
    assert "being downloaded: 43%. Try again in 30 s.\n" in result.err


def test_another_refusal_asks_no_other_model(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/big"}, {"fullName": "local/small"}]})
    server.answer("POST", CHAT, refusal(400, 8, "Field temperature is out of range"))

    assert run("chat", "hi").code == 1
    assert len([asked for asked in server.asked if asked.path == CHAT]) == 1


def test_a_server_without_local_models_asks_for_a_model(run: Run, server: FakeServer) -> None:
    server.answer("GET", MODELS, refusal(404, 4000, "Not Found."))

    result = run("chat", "hi")

    assert result.code == 2
    assert "name one with --model" in result.err


def test_the_model_comes_from_the_environment(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_MODEL", "openai/env")
    server.answer("POST", CHAT, completion("ok"))

    run("chat", "hi")

    assert server.last(CHAT).body["model"] == "openai/env"


def test_a_stream_that_breaks_keeps_its_text_and_fails(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, Answer(stream=[f"data: {json.dumps(chunk(content='Hel'))}\n\n".encode()]))

    result = run("chat", "-m", "openai/m", "--stream", "hi")

    assert (result.code, result.out) == (1, "Hel")
    assert "ended before the answer was complete" in result.err


def test_verbose_tells_the_request_and_no_secret(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, completion("ok"))

    result = run("-v", "chat", "-m", "openai/m", "hi")

    assert "credentials: environment" in result.err
    assert f"POST {server.url}{CHAT}" in result.err
    assert TOKEN not in result.err + result.out


@pytest.mark.parametrize("schema", ["{", "[]", "nowhere.json"])
def test_a_bad_schema_is_wrong_use(run: Run, server: FakeServer, schema: str) -> None:
    result = run("chat", "-m", "openai/m", "--json-schema", schema, "hi")

    assert (result.code, server.asked) == (2, [])
