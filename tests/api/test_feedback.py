"""`POST /v1/feedback/request/{requestId}` through the door."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer
from tests.upstream import Upstream
from tests.usage import find_usage

MODEL = "openai/gpt-4o-mini"


def answered(server: LiveServer) -> str:
    """The id of a request of this moment; its usage line is still in the journal."""
    return str(server.chat(MODEL).headers["x-request-id"])


@pytest.fixture
def request_id(server: LiveServer, upstream: Upstream) -> str:
    return answered(server)


@pytest.fixture
def on_record(server: LiveServer, request_id: str) -> str:
    """The id of one whose line is in the database."""
    find_usage(server, request_id)
    return request_id


def send(server: LiveServer, request_id: str, **members: Any) -> Answer:
    body = {"origin": "user-feedback", "answerScore": 1, **members}
    return server.post(f"/v1/feedback/request/{request_id}", {k: v for k, v in body.items() if v is not ...})


def exported(server: LiveServer, request_id: str) -> dict[str, Any]:
    find_usage(server, request_id)
    items = server.get("/v1/organization/request/export?count=50").json()["items"]
    (item,) = [item for item in items if item["requestId"] == request_id]
    return dict(item)


def refusal(answer: Answer) -> tuple[int, int]:
    return answer.status, answer.json()["errors"][0]["id"]


def test_the_documented_sample_for_an_answer_of_this_moment(server: LiveServer, upstream: Upstream) -> None:
    """The line is waited for, and in its time there unless the machine stands still: not three times in a row."""
    for _ in range(3):
        request_id = answered(server)
        answer = send(server, request_id, answerScore=2, comments="wrong date")
        if answer.status != 404:
            break
    assert (answer.status, answer.json()) == (200, {})
    item = exported(server, request_id)
    assert (item["feedback"], item["feedbackComments"]) == ("bad", "wrong date")


def test_the_second_word_replaces_the_first(server: LiveServer, on_record: str) -> None:
    send(server, on_record, answerScore=2, comments="wrong")
    assert send(server, on_record, answerScore="1").status == 200
    item = exported(server, on_record)
    assert (item["feedback"], item["feedbackComments"]) == ("good", None)


@pytest.mark.parametrize("score", [1, 2, "1", "2", 1.0, " 2 "])
def test_numbers_may_be_texts(server: LiveServer, on_record: str, score: object) -> None:
    assert send(server, on_record, answerScore=score).status == 200


def test_a_request_without_feedback_has_null(server: LiveServer, request_id: str) -> None:
    assert exported(server, request_id)["feedback"] is None


@pytest.mark.parametrize("unknown", ["0b9a4c1e-6f57-4d0e-9d52-7c1f3a8e2b64", "none", "a b", "%00", "x" * 100])
def test_an_unknown_request_is_404_id_3(server: LiveServer, unknown: str) -> None:
    assert refusal(send(server, unknown.replace(" ", "%20"))) == (404, 3)


@pytest.mark.parametrize("score", [0, 3, -1, "good", 1.5, True, [1], {}])
def test_another_score_is_400_id_8(server: LiveServer, request_id: str, score: object) -> None:
    assert refusal(send(server, request_id, answerScore=score)) == (400, 8)


@pytest.mark.parametrize(
    ("members", "number"),
    [
        ({"answerScore": ...}, 9),
        ({"answerScore": None}, 9),
        ({"origin": ...}, 9),
        ({"origin": " "}, 9),
        ({"origin": 5}, 11),
        ({"origin": "o" * 101}, 8),
        ({"comments": ["x"]}, 11),
        ({"comments": "c" * 10_001}, 8),
    ],
)
def test_bad_members_are_400(server: LiveServer, request_id: str, members: dict[str, Any], number: int) -> None:
    assert refusal(send(server, request_id, **members)) == (400, number)


def test_a_body_that_is_no_object_is_400_id_20(server: LiveServer) -> None:
    answer = server.request("POST", f"/v1/feedback/request/{uuid4()}", b"[1]")
    assert refusal(answer) == (400, 20)


def test_an_organization_token_is_out_of_scope_id_7(server: LiveServer, request_id: str) -> None:
    answer = server.post(
        f"/v1/feedback/request/{request_id}",
        {"origin": "user-feedback", "answerScore": 1},
        token=server.token("organization"),
    )
    assert refusal(answer) == (403, 7)


def test_requests_of_another_project_are_unknown(server: LiveServer, request_id: str) -> None:
    made = server.post("/v1/organization/project", {"name": f"p-{uuid4()}"}, token=server.token("organization"))
    token = made.json()["tokens"][0]["id"]
    body = {"origin": "user-feedback", "answerScore": 1}
    answer = server.post(f"/v1/feedback/request/{request_id}", body, token=token)
    assert refusal(answer) == (404, 3)
