"""Evaluations, both levels: what is sent, the waiting, and typed objects out of what comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from portico import AsyncPortico, Portico
from portico.wire.evaluations import Evaluation
from tests.sdk.odd_server import OddServer, Seen, reply_json

QUESTIONS = [{"question": "How much leave?", "expected": ["leave.pdf"]}]
STARTED = {"id": "r1", "profile": "my handbook", "status": "Pending", "total": 1, "done": 0}
ENDED = {
    **STARTED, "status": "Success", "done": 1, "news": 1,
    "metrics": {"questions": 1, "ndcg": 1.0, "recall": {"1": 1.0}, "mrr": 1, "p50Ms": 3.5, "p95Ms": 4},
    "answers": [{"number": 0, "found": [{"id": "d", "name": "leave.pdf", "expected": True}], "ndcg": 1.0}],
}  # fmt: skip
PATH = "/v1/search/profile/my handbook/evaluations"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.managers.evaluations.POLL_S", 0.01)


def in_turn(*answers: dict[str, object]) -> Callable[[Seen], object]:
    left = list(answers)
    return lambda seen: reply_json(left.pop(0) if len(left) > 1 else left[0])


def check(run: Evaluation, told: list[int], seen: list[Seen]) -> None:
    assert run.has_ended and run.metrics and run.answers
    assert (run.metrics.ndcg, run.metrics.p95_ms, run.metrics.recall) == (1.0, 4.0, {"1": 1.0})
    assert run.answers[0].found[0].expected
    assert run.extra == {"news": 1}
    assert told == [0, 1]
    start, *looks = seen
    assert (start.method, start.path) == ("POST", PATH)
    assert start.json == {"questions": QUESTIONS, "method": "fused", "k": 5}
    assert [look.path for look in looks] == [f"{PATH}/r1"] * 2


def test_a_run_is_started_and_awaited(server: OddServer, client: Portico) -> None:
    server.answer = in_turn(STARTED, {**STARTED, "status": "Running"}, ENDED)
    told: list[int] = []

    run = client.evaluations.run(
        "my handbook", QUESTIONS, method="fused", k=5, progress=lambda one: told.append(one.done)
    )

    check(run, told, server.seen)


def test_the_same_for_asyncio(server: OddServer) -> None:
    server.answer = in_turn(STARTED, {**STARTED, "status": "Running"}, ENDED)
    told: list[int] = []

    async def go() -> Evaluation:
        async with AsyncPortico("key-1", server.url) as client:
            return await client.evaluations.run(
                "my handbook", QUESTIONS, method="fused", k=5, progress=lambda one: told.append(one.done)
            )

    check(asyncio.run(go()), told, server.seen)


def test_runs_are_listed_compared_and_deleted(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"evaluations": [ENDED], "count": 1} if seen.path == PATH else ENDED)

    assert [one.id for one in client.evaluations.list("my handbook", count=5)] == ["r1"]
    assert client.evaluations.get("my handbook", "r1", compare="r0").id == "r1"
    client.evaluations.delete("my handbook", "r1")

    listed, got, deleted = server.seen
    assert (listed.path, listed.query) == (PATH, {"count": "5"})
    assert (got.path, got.query) == (f"{PATH}/r1", {"compare": "r0"})
    assert (deleted.method, deleted.path) == ("DELETE", f"{PATH}/r1")
