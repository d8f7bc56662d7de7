"""POST /v1/search/execute: the question to a RAG assistant in the search API's own words."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.api.rag_house import change_profile, chats, fill_profile, make_profile, new_profile
from tests.live import Answer, LiveServer
from tests.upstream import Upstream

PATH = "/v1/search/execute"
LEAVE = "How many days of leave?"


@pytest.fixture(scope="module")
def handbook(server: LiveServer) -> str:
    name = new_profile("a hand book")
    make_profile(server, name, historyCount=4)
    fill_profile(server, name, {"leave.txt": ("Twenty days of leave.", {"year": 2024}), "trip.txt": ("Trains.", {})})
    return name


def execute(server: LiveServer, profile: Any, question: Any = LEAVE, **members: Any) -> Answer:
    return server.post(PATH, {"profile": profile, "question": question, **members})


def test_the_answer_has_the_documented_members(server: LiveServer, upstream: Upstream, handbook: str) -> None:
    answer = execute(server, handbook, filters=[{"key": "year", "operator": "$gte", "value": 2023}])
    assert answer.status == 200, answer.body
    body = answer.json()
    assert body.keys() == {"id", "requestId", "text", "documents", "result", "usage"}
    assert (body["text"], body["result"]) == ("Hello there", {"success": True, "messages": []})
    assert body["requestId"] == answer.headers["x-request-id"]
    [document] = body["documents"]
    assert (document["pageContent"], document["metadata"]["name"]) == ("Twenty days of leave.", "leave")
    assert body["usage"].keys() >= {"prompt_tokens", "prompt_cost", "completion_cost", "total_cost", "currency"}


def test_its_id_is_the_conversation(server: LiveServer, upstream: Upstream, handbook: str) -> None:
    conversation = secrets.token_hex(4)
    assert execute(server, handbook, id=conversation).json()["id"] == conversation
    execute(server, handbook, "And trains?", id=conversation)
    rewrite = chats(upstream)[1]["messages"][-1]["content"]
    assert rewrite == f"Chat: User: {LEAVE}\nAssistant: Hello there\nNow: And trains?"
    upstream.reset()
    assert execute(server, handbook).json()["id"]
    assert len(chats(upstream)) == 1, "without an id a question has no history"


def test_a_reranking_model_of_the_profile_is_asked(server: LiveServer, upstream: Upstream, handbook: str) -> None:
    try:
        change_profile(server, handbook, searchOptions={"rerank": {"provider": "local", "modelName": "minilm-cosine"}})
        assert execute(server, handbook).json()["documents"][0]["metadata"]["name"] == "leave"
        change_profile(server, handbook, searchOptions={"rerank": {"provider": "local", "modelName": "no-such"}})
        assert execute(server, handbook).status == 404
        for name in ("no-slash", "saia:search:x"):
            change_profile(server, handbook, searchOptions={"rerank": {"provider": "", "modelName": name}})
            refused = execute(server, handbook)
            assert refused.status == 400 and "searchOptions.rerank.modelName" in refused.json()["error"]["message"]
    finally:
        change_profile(server, handbook, searchOptions={"rerank": {"provider": "", "modelName": ""}})


def test_variables_reach_the_prompt(server: LiveServer, upstream: Upstream, handbook: str) -> None:
    change_profile(server, handbook, searchOptions={"search": {"prompt": "{tone} {context} {question}"}})
    execute(server, handbook, variables=[{"key": "tone", "value": "Brief:"}])
    assert chats(upstream)[0]["messages"][-1]["content"].startswith("Brief: <context>")


@pytest.mark.parametrize("disabled", [True, False])
def test_a_profile_that_is_not_there_is_told_with_status_200(server: LiveServer, handbook: str, disabled: bool) -> None:
    if disabled:
        change_profile(server, handbook, status=2)
    try:
        answer = execute(server, handbook if disabled else "nobody")
    finally:
        change_profile(server, handbook, status=1)
    assert answer.status == 200
    body = answer.json()
    assert body["error"] == {"code": 1101, "message": "Search Index Profile Name not found"}
    assert (body["status"], body["success"], body["text"]) == ("failed", False, "")


def test_nothing_over_the_threshold_is_no_success(server: LiveServer, upstream: Upstream, handbook: str) -> None:
    answer = execute(server, handbook, filters=[{"key": "year", "value": 1950}])
    body = answer.json()
    assert (answer.status, body["text"]) == (200, "")
    assert body["result"] == {"success": False, "messages": ["Score threshold not met"]}
    assert chats(upstream) == []


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ({"question": LEAVE}, 9),
        ({"profile": "", "question": LEAVE}, 9),
        ({"profile": 1, "question": LEAVE}, 11),
        ({"profile": "x" * 600, "question": LEAVE}, 11),
        ({"profile": "Default"}, 10),
        ({"profile": "Default", "question": ""}, 10),
        ({"profile": "Default", "question": " \n"}, 10),
        ({"profile": "Default", "question": []}, 11),
        ({"profile": "Default", "question": LEAVE, "id": []}, 11),
        ({"profile": "Default", "question": LEAVE, "variables": 1}, 11),
        ([], 20),
    ],
)
def test_what_is_wrong_is_400(server: LiveServer, body: Any, number: int) -> None:
    answer = server.post(PATH, body)
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, number), answer.body
    assert answer.json()["errors"][0]["description"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_verb_is_not_supported(server: LiveServer, method: str) -> None:
    """RAG reference, error ids: 2026 below `/v1/search`, on its hot path, too."""
    answer = server.request(method, PATH)
    assert answer.status == 405 and answer.headers["allow"] == "POST"
    assert answer.json()["errors"] == [{"id": 2026, "description": "Verb Not Supported"}]
    assert answer.json()["error"]["code"] == 2026


@pytest.mark.parametrize("odd", [b"\\u0000", b"\\ud83d", b"\\ud83d "])
@pytest.mark.parametrize("member", ["profile", "question", "id"])
def test_odd_characters_are_no_mishap(
    server: LiveServer, upstream: Upstream, handbook: str, member: str, odd: bytes
) -> None:
    """NUL is left out; half of a surrogate pair is no JSON."""
    values = {"profile": handbook.encode(), "question": b"days of leave", "id": b"a"}
    values[member] += odd
    body = b"{%b}" % b",".join(b'"%b":"%b"' % (name.encode(), value) for name, value in values.items())
    answer = server.request("POST", PATH, body, {"Content-Type": "application/json"})
    assert answer.status == (200 if odd == b"\\u0000" else 400), answer.body
