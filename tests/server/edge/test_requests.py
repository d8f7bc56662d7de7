"""The export of requests, and the status and end of one, through the door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portico.server.access.tokens import create_token
from portico.server.errors import RequestCancelled
from portico.server.gateway.requests.history import PAGE
from portico.server.ids import ProjectId
from portico.server.storage.projects import insert_project
from portico.server.storage.requests import insert_texts
from portico.server.storage.usage import UsageLine
from tests.server.access.house import House
from tests.server.edge.watched import Reply, Watched
from tests.server.gateway.requests.test_running import Work
from tests.server.storage.test_journal import make_line

pytestmark = pytest.mark.anyio
EXPORT = "/v1/organization/request/export"
AT = datetime(2026, 5, 13, 11, 11, 44, 250_000, UTC).timestamp()


def line(house: House, number: int, **members: Any) -> UsageLine:
    """A line of the first project; the higher the number, the younger."""
    caller = house.member
    own = {
        "organization_id": caller.organization_id,
        "project_id": caller.project_id,
        "token_id": caller.token_id,
        "at": AT + number,
    }
    return make_line(number, **{**own, **members})


def ids(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["requestId"] for item in reply.json()["items"]]


async def test_a_request_is_told_in_all_its_parts(watched: Watched) -> None:
    await watched.store(
        line(
            watched.house, 1, assistant="Translator", provider="openai", model="gpt-4o", total_ms=1_500.6,
            first_byte_ms=12.3456, input_uncached=10, cache_read=4, cache_write_5m=2, audio_in=1, output_visible=7,
            reasoning=3, audio=2, images=1, units=5, cost_picousd=2_500_000, cache="MISS", attempts=2, stream=True,
            conversation_id="talk-1", finish_reason="stop", adjusted="seed dropped", provider_request_id="req_9",
            saia_req_id="a", saia_parent_req_id="b", saia_trace_id="c", saia_user_id="ana@acme.example",
            saia_source="Embedding", metadata='{"ticket":"T-1"}', revision=3,
        )
    )  # fmt: skip
    reply = await watched.ask(EXPORT)
    assert reply.status == 200, reply.body
    (item,) = reply.json()["items"]
    caller = watched.house.member
    assert item == {
        "requestId": "request-1", "assistant": "Translator", "revision": 3, "intent": "Default",
        "timestamp": "2026-05-13T11:11:45",
        "prompt": None, "output": None, "inputText": None, "status": "succeeded", "outcome": "completed",
        "apiToken": "Default", "apiTokenId": caller.token_id, "projectId": caller.project_id, "module": "Chat",
        "sessionId": "talk-1", "feedback": None, "feedbackComments": None, "ragSourcesConsulted": None,
        "provider": "openai", "model": "gpt-4o",
        "stream": True, "httpStatus": 200, "errorId": "", "attempts": 2, "finishReason": "stop", "cache": "MISS",
        "tokens": {"input": 17, "output": 12, "total": 29, "cached": 4, "cacheWritten": 2, "reasoning": 3,
                   "audioInput": 1, "audioOutput": 2},
        "images": 1, "units": 5, "cost": 0.0000025, "currency": "USD", "estimated": False, "elapsedTimeMs": 1501,
        "firstByteTimeMs": 12.346, "startTimestamp": "2026-05-13T11:11:45", "endTimestamp": "2026-05-13T11:11:46",
        "adjusted": "seed dropped", "providerRequestId": "req_9", "user": "ana@acme.example",
        "metadata": {"ticket": "T-1"}, "callerRequestId": "a", "parentRequestId": "b", "traceId": "c",
        "source": "Embedding",
    }  # fmt: skip


async def test_texts_are_shown_where_they_were_kept(watched: Watched) -> None:
    caller = watched.house.member
    await watched.store(line(watched.house, 1), line(watched.house, 2))
    row = {"organization_id": caller.organization_id, "project_id": caller.project_id, "at": datetime.now(UTC)}
    texts = {"request_id": "request-1", "prompt": "Be kind.", "input_text": "Hello?", "output": "Good day"}
    async with watched.house.tenancy.database.begin() as connection:
        await insert_texts(connection, [{**row, **texts}])
    second, first = (await watched.ask(EXPORT)).json()["items"]
    assert (first["prompt"], first["inputText"], first["output"]) == ("Be kind.", "Hello?", "Good day")
    assert (second["prompt"], second["inputText"], second["output"]) == (None, None, None)


async def test_newest_first_with_skip_and_count(watched: Watched) -> None:
    await watched.store(*(line(watched.house, number) for number in range(150)))
    assert len(ids(await watched.ask(EXPORT))) == 100
    assert ids(await watched.ask(EXPORT, count=3)) == ["request-149", "request-148", "request-147"]
    assert ids(await watched.ask(EXPORT, skip=148, count=50)) == ["request-1", "request-0"]
    assert ids(await watched.ask(EXPORT, skip=150)) == []


async def test_count_0_is_everything_in_one_order(watched: Watched) -> None:
    """As the vendor's SDK asks. Many lines of the same moment must not be lost between two pages."""
    many = [line(watched.house, number, at=AT + number // 700) for number in range(2 * PAGE + 300)]
    await watched.store(*many)
    found = ids(await watched.ask(EXPORT, skip=0, count=0))
    assert len(found) == len(set(found)) == len(many)
    assert found == ids(await watched.ask(EXPORT, count=5_000))
    assert found[: PAGE + 7] == ids(await watched.ask(EXPORT, count=PAGE + 7))
    assert found[40:] == ids(await watched.ask(EXPORT, skip=40, count=0))


async def test_an_empty_export_is_an_empty_list(watched: Watched) -> None:
    reply = await watched.ask(EXPORT, assistantName="", status="", count="")
    assert (reply.status, reply.body) == (200, b'{"items":[]}')
    assert reply.headers["content-type"] == "application/json"


async def test_query_names_are_read_in_any_case(watched: Watched) -> None:
    await watched.store(line(watched.house, 1, assistant="Translator"), line(watched.house, 2, assistant="Other"))
    for name in ("assistantName", "assistantname", "Assistantname", "ASSISTANTNAME"):
        assert ids(await watched.ask(EXPORT, **{name: "Translator", "Count": 5})) == ["request-1"], name


async def test_status_narrows_and_is_shown_as_it_was_asked(watched: Watched) -> None:
    await watched.store(
        line(watched.house, 1), line(watched.house, 2, status="failed"), line(watched.house, 3, status="cancelled")
    )
    for asked, found, shown in (
        ("completed", "request-1", "completed"),
        ("Succeeded", "request-1", "succeeded"),
        ("failed", "request-2", "failed"),
        ("cancelled", "request-3", "cancelled"),
    ):
        reply = await watched.ask(EXPORT, status=asked)
        assert ids(reply) == [found] and reply.json()["items"][0]["status"] == shown, asked


async def test_what_is_exported_has_ended_so_nothing_is_pending(watched: Watched) -> None:
    """The vendor's SDK knows three words, `succeeded`, `failed` and `pending`: none of them is a mistake."""
    await watched.store(line(watched.house, 1))
    reply = await watched.ask(EXPORT, status="pending")
    assert (reply.status, reply.body) == (200, b'{"items":[]}')


async def test_without_a_filter_status_has_the_words_of_the_vendors_sdk(watched: Watched) -> None:
    await watched.store(
        line(watched.house, 1), line(watched.house, 2, status="failed"), line(watched.house, 3, status="cancelled")
    )
    items = (await watched.ask(EXPORT)).json()["items"]
    assert [(item["status"], item["outcome"]) for item in items] == [
        ("failed", "cancelled"), ("failed", "failed"), ("succeeded", "completed"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {"skip": -1},
        {"skip": "x"},
        {"count": "1.5"},
        {"count": "²"},
        {"count": 10**19},
        {"skip": 2**31},
        {"status": "x"},
    ],
)
async def test_what_is_no_number_and_no_status_is_refused_with_8(watched: Watched, query: dict[str, Any]) -> None:
    reply = await watched.ask(EXPORT, **query)
    assert reply.status == 400 and reply.json()["errors"][0]["id"] == 8
    assert f"Field {next(iter(query))} is out of range" in reply.json()["errors"][0]["description"]


async def make_project(house: House, name: str) -> ProjectId:
    async with house.tenancy.change(house.owner.organization_id) as connection:
        return (await insert_project(connection, house.owner.organization_id, name)).project_id


async def test_a_project_sees_its_own_and_the_organization_all(watched: Watched) -> None:
    house = watched.house
    owner = house.first.organization_token
    other = await make_project(house, "Other")
    await watched.store(
        line(house, 1),
        line(house, 2, project_id=other),
        line(house, 3, organization_id="11111111-2222-4333-8444-555555555555"),
    )
    assert ids(await watched.ask(EXPORT)) == ["request-1"]
    assert ids(await watched.ask(EXPORT, token=owner)) == ["request-2", "request-1"]
    assert ids(await watched.ask(EXPORT, token=owner, headers={"ProjectId": other})) == ["request-2"]


async def test_the_name_of_a_token_that_is_gone_is_its_id(watched: Watched) -> None:
    token = await create_token(watched.house.tenancy, watched.house.member, "ci")
    await watched.store(line(watched.house, 1, token_id=token.api_token_id), line(watched.house, 2, token_id="gone"))
    gone, there = (await watched.ask(EXPORT)).json()["items"]
    assert (there["apiToken"], gone["apiToken"]) == ("ci", "gone")


async def test_hostile_names_find_nothing(watched: Watched) -> None:
    await watched.store(line(watched.house, 1, assistant="Translator"))
    names: list[Any] = ["a\0b", "'; DROP TABLE usage; --", "%", "ñ日本", "\ud800".encode("utf-8", "surrogatepass")]
    for name in names:
        assert ids(await watched.ask(EXPORT, assistantName=name)) == [], name
        assert ids(await watched.ask(EXPORT)) == ["request-1"], name


async def test_nobody_gets_an_export(watched: Watched) -> None:
    assert (await watched.ask(EXPORT, token=None)).status == 401


# status and cancel -------------------------------------------------------------------------------------------


def state(request_id: str) -> str:
    return f"/v1/assistant/request/{request_id}/status"


async def cancel(watched: Watched, request_id: str, **how: Any) -> Reply:
    return await watched.ask(f"/v1/assistant/request/{request_id}/cancel", method="POST", **how)


async def test_a_request_that_is_over_tells_how_it_ended(watched: Watched) -> None:
    await watched.store(line(watched.house, 1, provider="openai", total_ms=2_000.0))
    assert (await watched.ask(state("request-1"))).json() == {
        "requestId": "request-1", "status": "completed", "success": True, "progress": 100,
        "timestamp": "2026-05-13T11:11:47", "providerName": "openai", "providerResponse": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"http_status": 429, "error": "151"}, {"code": 151, "message": "Provider Rate Limit"}),
        ({"http_status": 502, "error": "150"}, {"code": 150, "message": "Provider Unknown Error"}),
        ({"http_status": 418, "error": ""}, {"code": 418, "message": "HTTP status 418"}),
    ],
)
async def test_a_failure_has_its_documented_id(watched: Watched, members: Any, error: Any) -> None:
    await watched.store(line(watched.house, 1, status="failed", **members))
    found = (await watched.ask(state("request-1"))).json()
    assert (found["status"], found["success"], found["error"]) == ("failed", False, error)


async def test_the_text_is_there_where_texts_are_kept(watched: Watched) -> None:
    caller = watched.house.member
    await watched.store(line(watched.house, 1))
    row = {"organization_id": caller.organization_id, "project_id": caller.project_id, "at": datetime.now(UTC)}
    texts = {"request_id": "request-1", "prompt": "", "input_text": "", "output": "Good day"}
    async with watched.house.tenancy.database.begin() as connection:
        await insert_texts(connection, [{**row, **texts}])
    assert (await watched.ask(state("request-1"))).json()["text"] == "Good day"


async def test_what_runs_here_is_running_and_can_be_ended(watched: Watched) -> None:
    work = Work()
    watched.running.add("r1", watched.house.member, work)
    found = (await watched.ask(state("r1"))).json()
    assert (found["status"], found["progress"], found["success"]) == ("running", 0, False)
    ended = await cancel(watched, "r1")
    assert (ended.status, ended.json()["status"]) == (200, "cancelled")
    assert [type(error) for error in work.errors] == [RequestCancelled]


async def test_what_is_over_cannot_be_ended_and_stays_what_it_was(watched: Watched) -> None:
    await watched.store(line(watched.house, 1), line(watched.house, 2, status="cancelled"))
    assert (await cancel(watched, "request-1")).json()["status"] == "completed"
    assert (await cancel(watched, "request-2")).json()["status"] == "cancelled"


async def test_an_unknown_request_is_404_with_3(watched: Watched) -> None:
    for request_id in ("00000000-0000-4000-8000-000000000000", "a b", "x" * 65, "a\0b"):
        for reply in (await watched.ask(state(request_id)), await cancel(watched, request_id)):
            assert reply.status == 404, request_id
            assert reply.json()["errors"] == [{"id": 3, "description": "Request Not Found"}], request_id


async def test_the_request_of_another_project_is_unknown(watched: Watched) -> None:
    house = watched.house
    other = await make_project(house, "Other")
    work = Work()
    watched.running.add("r1", replace(house.member, project_id=other), work)
    await watched.store(line(house, 1, project_id=other))
    assert [(await cancel(watched, name)).status for name in ("r1", "request-1")] == [404, 404]
    assert work.errors == []


async def test_the_organization_token_is_out_of_scope(watched: Watched) -> None:
    reply = await cancel(watched, "r1", token=watched.house.first.organization_token)
    assert (reply.status, reply.json()["errors"][0]["id"]) == (403, 7)


async def test_a_line_on_its_way_is_waited_for(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.gateway.requests.history.FLUSH_S", 60.0)  # however busy the machine is
    asked = asyncio.create_task(watched.ask(state("request-1")))
    await asyncio.sleep(0.5)
    await watched.store(line(watched.house, 1))
    assert (await asked).json()["status"] == "completed"


@pytest.fixture
async def second(house: House, tmp_path: Path) -> AsyncIterator[Watched]:
    """Another process of the same installation."""
    async with Watched(house, tmp_path) as process:
        yield process


async def test_a_request_of_another_process_is_running_and_can_be_ended(
    house: House, tmp_path: Path, second: Watched
) -> None:
    work = Work()
    second.running.add("r1", second.house.member, work)
    async with Watched(house, tmp_path, wait_s=60.0) as first:
        assert (await first.ask(state("r1"))).json()["status"] == "running"
        assert work.errors == []
        assert (await cancel(first, "r1")).json()["status"] == "cancelled"
    assert [type(error) for error in work.errors] == [RequestCancelled]


async def test_who_signed_in_is_named_and_nobody_else_learns_it(watched: Watched) -> None:
    user = "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a51"
    async with watched.house.tenancy.database.begin() as connection:
        await connection.execute(text(f"INSERT INTO users (user_id, email) VALUES ('{user}', 'ana@example.com')"))
    await watched.store(line(watched.house, 1, token_id=user), line(watched.house, 2, saia_user_id=user))
    items = (await watched.ask(EXPORT)).json()["items"]
    assert [item["user"] for item in items] == [user, "ana@example.com"]
    path = "/v1/analytics/requests/top-10-users-by-requests"
    reply = await watched.ask(path, startDate="2026-05-01", endDate="2026-05-31")
    assert reply.json()["top10Users"][0]["userName"] == "ana@example.com"
