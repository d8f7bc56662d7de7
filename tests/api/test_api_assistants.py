"""API assistants through the door: a model that calls functions, and a service of our own behind them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.api_house import (
    PROMPT,
    QUESTION,
    add_secret,
    calling,
    document,
    make_api_assistant,
    new_plain_name,
    results,
    sunny,
)
from tests.api.assistant_house import change_assistant, make_assistant
from tests.api.provider_house import make_project
from tests.api.test_seed_samples import API, run
from tests.live import Answer, LiveServer, wait_until
from tests.upstream import COMPLETION, Upstream, whole

MADRID = ("getWeather", {"city": "madrid", "days": 2})
VALIDATE = "/v1/accessControl/apitoken/validate"
KEY = "s3cr3t-of-the-service"


@pytest.fixture
def service() -> Iterator[Upstream]:
    with Upstream() as made:
        made.script = sunny
        yield made


def ask(server: LiveServer, name: str, *, token: str = "", **members: Any) -> Answer:
    body = {"model": f"saia:assistant:{name}", "messages": QUESTION, **members}
    return server.post("/v1/chat/completions", body, token=token)


def make(server: LiveServer, service: Upstream, **members: Any) -> str:
    name = new_plain_name("Weather")
    made = make_api_assistant(server, name, document(service.root), **members)
    assert made.status == 200, made.body
    return name


def refusal(answer: Answer) -> tuple[int, int, str]:
    error = answer.json()["errors"][0]
    return answer.status, error["id"], error["description"]


def bearer(secret: str, auth_type: str = "Bearer") -> dict[str, str]:
    return {"type": "apiKey", "authType": auth_type, "apiKeySecret": secret}


# the loop -------------------------------------------------------------------------------------------------------


def test_the_model_calls_the_service_and_answers(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    upstream.replies(calling(MADRID), whole())
    answer = ask(server, make(server, service))
    assert answer.status == 200, answer.body
    body = answer.json()
    assert body["choices"][0]["message"]["content"] == "Hello there"
    assert body["requestId"] == answer.headers["x-request-id"]
    assert [(asked.method, asked.path) for asked in service.asked] == [("GET", "/weather/madrid?days=2")]
    assert results(upstream, 1) == [
        {"status": 200, "contentType": "application/json", "body": json.dumps(sunny_body("/weather/madrid?days=2"))}
    ]
    first, second = (asked.body for asked in upstream.asked)
    assert [tool["function"]["name"] for tool in first["tools"]] == ["getWeather", "post_reports"]
    assert first["messages"] == [{"role": "system", "content": PROMPT}, *QUESTION]
    assert (first["temperature"], first["max_completion_tokens"]) == (0.1, 1024)
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert second["messages"][2]["tool_calls"][0]["id"] == second["messages"][3]["tool_call_id"]


def sunny_body(path: str) -> dict[str, str]:
    return {"sky": "sunny", "path": path}


def test_each_round_is_metered_and_the_answer_has_the_sum(
    server: LiveServer, upstream: Upstream, service: Upstream
) -> None:
    upstream.replies(calling(MADRID), calling(MADRID), whole())
    name, organization = make(server, service), server.token("organization")
    answer = ask(server, name).json()
    usage, one = answer["usage"], COMPLETION["usage"]
    assert usage["prompt_tokens"] == 3 * one["prompt_tokens"]
    assert usage["total_tokens"] == 3 * one["total_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 3 * one["prompt_tokens_details"]["cached_tokens"]
    assert (usage["currency"], usage["total_cost"]) == ("USD", pytest.approx(3 * whole_cost(server)))

    def lines() -> list[dict[str, Any]]:
        listed = server.get(f"/v1/organization/request/export?assistantName={quote(name)}", token=organization)
        assert listed.status == 200, listed.body
        found: list[dict[str, Any]] = listed.json()["items"]
        return found

    wait_until(lambda: len(lines()) == 3, "each round has its line")
    parents = {line["requestId"]: line.get("parentRequestId", "") for line in lines()}
    assert parents.pop(answer["requestId"]) == ""
    assert list(parents.values()) == [answer["requestId"]] * 2


def test_several_calls_at_once_and_a_body(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    report = ("post_reports", {"body": {"text": "hot"}})
    upstream.replies(calling(MADRID, report), whole())
    assert ask(server, make(server, service)).status == 200
    assert len(results(upstream, 1)) == 2
    posted = next(asked for asked in service.asked if asked.method == "POST")
    assert (posted.path, posted.body) == ("/reports", {"text": "hot"})
    assert posted.headers["content-type"] == "application/json"


def test_a_stream_comes_in_one_piece(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    upstream.replies(calling(MADRID), whole())
    answer = ask(server, make(server, service), stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done = answer.events()
    assert done == "[DONE]"
    first, end, usage = (json.loads(event) for event in events)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "Hello there"}
    assert end["choices"][0]["finish_reason"] == "stop"
    assert usage["usage"]["total_tokens"] == 2 * COMPLETION["usage"]["total_tokens"]
    assert all("stream" not in asked.body for asked in upstream.asked)


def test_the_assistant_api_asks_it_too(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    upstream.replies(calling(MADRID), whole())
    answer = server.post("/v1/assistant/chat", {"assistant": make(server, service), "messages": QUESTION})
    assert (answer.json()["success"], answer.json()["text"]) == (True, "Hello there")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages"])
def test_the_other_doors_open_it_too(
    server: LiveServer, upstream: Upstream, service: Upstream, path: str, stream: bool
) -> None:
    upstream.replies(calling(MADRID), whole())
    question = {"messages": QUESTION, "max_tokens": 50} if path == "/v1/messages" else {"input": "weather in madrid"}
    body = {"model": f"saia:assistant:{make(server, service)}", "stream": stream, **question}
    answer = server.post(path, body)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
    assert "Hello there" in answer.body.decode()
    assert "getWeather" not in answer.body.decode()
    assert len(service.asked) == 1


def test_a_request_that_was_begun_is_answered(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    upstream.replies(calling(MADRID), whole())
    begun = server.post("/v1/assistant/chat/begin", {"assistant": make(server, service), "messages": QUESTION}).json()
    path = f"/v1/assistant/request/{begun['requestId']}/status"
    wait_until(lambda: server.get(path).json()["status"] == "completed", "the answer is there")
    assert server.get(path).json()["text"] == "Hello there"


def test_the_weather_sample_works_word_for_word(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    made = make_api_assistant(server, "test-openapi-weather-assistant", document(service.root))
    assert made.status == 200, made.body
    upstream.replies(calling(MADRID), whole())
    shown = run(API, server)
    assert shown.status == 200, shown.body
    assert shown.json()["choices"][0]["message"]["content"] == "Hello there"
    assert service.asked[0].path == "/weather/madrid?days=2"
    assert server.request("DELETE", "/v1/assistant/test-openapi-weather-assistant").status == 200


def test_in_the_last_round_nothing_can_be_called(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    upstream.replies(*[calling(MADRID)] * 9, whole())
    assert ask(server, make(server, service)).status == 200
    choices = [asked.body.get("tool_choice") for asked in upstream.asked]
    assert choices == [None] * 9 + ["none"]


def test_a_model_that_never_answers_is_400_with_id_2011(
    server: LiveServer, upstream: Upstream, service: Upstream
) -> None:
    upstream.replies(calling(MADRID))
    status, number, text = refusal(ask(server, make(server, service)))
    assert (status, number) == (400, 2011) and "10 rounds" in text
    assert (len(upstream.asked), len(service.asked)) == (10, 10)


def whole_cost(server: LiveServer) -> float:
    """Of one plain answer of the model."""
    cost: float = server.chat("openai/gpt-4o-mini").json()["usage"]["total_cost"]
    return cost


# what the model is told when a call fails ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("dropTables", {}), "there is no function dropTables"),
        (("getWeather", "{"), "the arguments are no JSON object"),
        (("getWeather", "[]"), "the arguments are no JSON object"),
        (("getWeather", {}), "the argument city is missing"),
        (("getWeather", {"city": ".."}), "the argument city cannot stand in a path"),
    ],
)
def test_a_call_that_makes_no_sense(
    server: LiveServer, upstream: Upstream, service: Upstream, call: Any, told: str
) -> None:
    upstream.replies(calling(call), whole())
    assert ask(server, make(server, service)).status == 200
    assert results(upstream, 1) == [{"error": told}]
    assert service.asked == []


def test_failures_of_the_service_are_data(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    service.replies(whole({"error": "no such city"}, 404))
    upstream.replies(calling(MADRID), whole())
    assert ask(server, make(server, service)).status == 200
    assert results(upstream, 1)[0]["status"] == 404


def test_a_redirect_is_not_followed(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    service.replies(whole({}, 302, Location="http://10.0.0.1/"))
    upstream.replies(calling(MADRID), whole())
    assert ask(server, make(server, service)).status == 200
    assert results(upstream, 1)[0]["location"] == "http://10.0.0.1/"
    assert len(service.asked) == 1


def test_a_service_that_is_not_there_is_data(server: LiveServer, upstream: Upstream) -> None:
    with Upstream() as gone:
        name = make(server, gone)
    upstream.replies(calling(MADRID), whole())
    assert ask(server, name).status == 200
    assert "cannot be reached" in results(upstream, 1)[0]["error"]


def test_a_long_answer_is_cut(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    service.replies(whole("x" * 600_000))
    upstream.replies(calling(MADRID), whole())
    assert ask(server, make(server, service)).status == 200
    told = results(upstream, 1)[0]
    assert (len(told["body"]), told["note"]) == (24_000, "cut after 24000 characters")


# secrets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth_type", "value", "sent"),
    [
        ("Bearer", KEY, f"Bearer {KEY}"),
        ("basic", KEY, f"Basic {KEY}"),
        ("Basic", "user:pass", "Basic " + base64.b64encode(b"user:pass").decode()),
    ],
)
def test_the_secret_goes_to_the_service_and_to_nobody_else(
    server: LiveServer, upstream: Upstream, service: Upstream, auth_type: str, value: str, sent: str
) -> None:
    service.script = lambda asked: whole(asked.headers)  # shows what it was sent
    upstream.replies(calling(MADRID), whole())
    name = make(server, service, authentication=bearer(add_secret(server, value), auth_type))
    answer = ask(server, name)
    assert answer.status == 200, answer.body
    assert service.asked[0].headers["authorization"] == sent
    seen = json.dumps([asked.body for asked in upstream.asked])
    assert value not in seen and sent.partition(" ")[2] not in seen
    assert json.loads(results(upstream, 1)[0]["body"])["authorization"].endswith("***")
    shown = server.get(f"/v1/assistant/{name}?detail=full").body.decode()
    assert value not in shown


def test_a_secret_that_is_missing_is_told_before_anything_is_spent(
    server: LiveServer, upstream: Upstream, service: Upstream
) -> None:
    name = make(server, service, authentication=bearer("NO_SUCH_SECRET"))
    status, _, text = refusal(ask(server, name))
    assert (status, text) == (404, "Secret 'NO_SUCH_SECRET' does not exist, or is not active.")
    assert upstream.asked == [] and service.asked == []


def test_the_secret_of_another_project_is_missing(server: LiveServer, upstream: Upstream, service: Upstream) -> None:
    secret = add_secret(server, KEY)
    organization = server.get(VALIDATE).json()["organizationId"]
    _, token = make_project(server, organization, new_plain_name("weather"))
    wait_until(lambda: server.get(VALIDATE, token=token).status == 200, "the token is known")
    name = new_plain_name("Weather")
    made = make_api_assistant(server, name, document(service.root), token=token, authentication=bearer(secret))
    assert made.status == 200, made.body
    assert refusal(ask(server, name, token=token))[0] == 404
    assert service.asked == []


# definitions --------------------------------------------------------------------------------------------------------


def test_document_and_authentication_belong_to_the_revision(
    server: LiveServer, upstream: Upstream, service: Upstream
) -> None:
    name = make(server, service)
    changed = document(f"{service.root}/v2")
    change_assistant(server, name, prompt="Be brief.", openApi=changed, authentication=bearer("KEY"))
    shown = server.get(f"/v1/assistant/{name}?detail=full").json()
    assert shown["assistantType"] == "api"
    first, second = shown["intents"][0]["revisions"]
    assert (first["openApi"], first["authentication"]) == (document(service.root), {})
    assert (second["openApi"], second["authentication"]) == (changed, bearer("KEY"))
    change_assistant(server, name, action="publish", revisionId=2)
    change_assistant(server, name, action="savePublishNewRevision", prompt="Kind.", authentication={"type": "none"})
    upstream.replies(calling(MADRID), whole())
    assert ask(server, name).status == 200
    assert service.asked[0].path == "/v2/weather/madrid?days=2", "what is absent is inherited"
    told = server.get(f"/v2/assistant/{name}/diff?from=1&to=2").json()
    assert [change["key"] for change in told["changes"]] == ["openApi", "authentication"]


@pytest.mark.parametrize(
    ("members", "status", "number", "place"),
    [
        ({"openApi": None}, 400, 9, "openApi"),
        ({"openApi": "{"}, 400, 11, "openApi"),
        ({"openApi": {"openapi": "2.0"}}, 400, 11, "openApi.openapi"),
        ({"authentication": "x"}, 400, 11, "authentication"),
        ({"authentication": {"type": "oauth"}}, 400, 11, "authentication.type"),
        ({"authentication": {"type": "apiKey", "authType": "x"}}, 400, 11, "authentication.authType"),
        ({"authentication": {"type": "apiKey"}}, 400, 9, "authentication.apiKeySecret"),
        ({"openApi": document("http://10.0.0.1")}, 400, 11, "openApi.servers[0].url"),
        ({"openApi": document("http://localhost:1")}, 400, 11, "openApi.servers[0].url"),
        ({"openApi": document("/relative")}, 400, 11, "openApi.servers[0].url"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    server: LiveServer, members: dict[str, Any], status: int, number: int, place: str
) -> None:
    name = new_plain_name("Wrong")
    answer = make_api_assistant(server, name, **{"open_api": document("http://127.0.0.1:9"), **members})
    told = refusal(answer)
    assert told[:2] == (status, number), told
    assert f" {place} " in told[2]
    assert server.get(f"/v1/assistant/{name}").status == 404, "nothing was written"


def test_only_an_api_assistant_has_a_service(server: LiveServer) -> None:
    body = {"name": new_plain_name("Plain"), "prompt": "x", "openApi": document("http://127.0.0.1:9")}
    assert refusal(server.post("/v1/assistant", body))[:2] == (400, 11)
    name = new_plain_name("Plain")
    make_assistant(server, name)
    changed = server.request("PUT", f"/v1/assistant/{name}", {"prompt": "x", "authentication": {"type": "none"}})
    assert refusal(changed)[:2] == (400, 11)


def test_tools_of_the_caller_and_several_answers_are_refused(server: LiveServer, service: Upstream) -> None:
    name = make(server, service)
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    assert refusal(ask(server, name, tools=tools))[:2] == (400, 11)
    assert refusal(ask(server, name, n=2))[:2] == (400, 8)


def test_a_model_without_tools_is_400_with_id_2011(server: LiveServer, service: Upstream) -> None:
    listed = server.get("/v3/llm/providers/openai/models").json()["models"]
    plain = next(model["fullName"] for model in listed if model["type"] == "Chat" and not model["toolCalling"])
    name = make(server, service, llmSettings={"modelName": plain})
    status, number, text = refusal(ask(server, name))
    assert (status, number) == (400, 2011) and "takes no tools" in text
