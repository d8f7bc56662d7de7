"""Evaluations of a live server: a worker asks the questions of a RAG assistant, and the figures are there."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.rag_house import fill_profile, make_profile, new_profile
from tests.live import LiveServer, wait_until

QUESTIONS: list[dict[str, Any]] = [
    {"question": "How many days off does everybody get?", "expected": ["leave.txt"]},
    {"question": "Who pays for the train?", "expected": ["travel"]},
    {"question": "soup", "expected": ["canteen.txt", "leave.txt"]},
]


@pytest.fixture(scope="module")
def profile(server: LiveServer) -> str:
    name = new_profile("evaluated by us")
    make_profile(server, name)
    fill_profile(server, name)
    return name


def run(server: LiveServer, profile: str, **members: Any) -> dict[str, Any]:
    path = f"/v1/search/profile/{profile.replace(' ', '+')}/evaluations"
    started = server.post(path, {"questions": QUESTIONS, **members})
    assert started.status == 200, started.body
    one = f"{path}/{started.json()['id']}"
    wait_until(lambda: server.get(one).json()["status"] in ("Success", "Failed"), "the evaluation has ended", 120)
    ended: dict[str, Any] = server.get(one).json()
    assert ended["status"] == "Success", ended["detail"]
    return ended


def test_a_run_is_measured_by_a_worker_and_compared_with_the_one_before(server: LiveServer, profile: str) -> None:
    first = run(server, profile, method="vectors", k=3)

    assert (first["total"], first["done"], first["k"], first["profile"]) == (3, 3, 3, profile)
    assert 0.5 < first["metrics"]["ndcg"] <= 1
    assert set(first["metrics"]["recall"]) == {"1", "3"}
    assert first["metrics"]["p50Ms"] > 0
    assert [answer["number"] for answer in first["answers"]] == [0, 1, 2]
    assert first["answers"][0]["found"][0] | {"id": ""} == {"id": "", "name": "leave.txt", "expected": True}
    assert "compared" not in first

    second = run(server, profile, k=3)

    assert second["method"] == "auto"
    assert second["compared"]["id"] == first["id"]
    listed = server.get(f"/v1/search/profile/{profile.replace(' ', '%20')}/evaluations?count=1").json()
    assert ([one["id"] for one in listed["evaluations"]], listed["count"]) == ([second["id"]], 2)
    assert server.request("DELETE", f"/v1/search/profile/{profile}/evaluations/{first['id']}".replace(" ", "%20"),
                          None).status == 200  # fmt: skip


def test_what_cannot_be_evaluated_is_refused_in_the_documented_envelope(server: LiveServer, profile: str) -> None:
    path = f"/v1/search/profile/{profile.replace(' ', '+')}/evaluations"
    unknown = server.post(path, {"questions": [{"question": "a", "expected": ["nobody.pdf"]}]})
    missing = server.get(f"{path}/00000000-0000-4000-8000-000000000000")
    nobody = server.post("/v1/search/profile/nobody/evaluations", {"questions": QUESTIONS})
    odd = server.get(f"{path}?count=many")

    for answer, status, number in ((unknown, 400, 2021), (missing, 404, 9020), (nobody, 404, 1010), (odd, 400, 8)):
        assert answer.status == status, answer.body
        assert answer.json()["errors"][0]["id"] == number
    assert "questions[0].expected[0]" in unknown.json()["errors"][0]["description"]
