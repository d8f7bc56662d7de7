"""Limits and rates where they act: at the door of chat and embeddings, against a provider that is asked or is not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_usage_limits import MONTHLY, Api
from tests.api.test_usage_limits import ids as ids
from tests.api.test_usage_limits import organization as organization
from tests.live import Answer, LiveServer, wait_until
from tests.upstream import Upstream, whole

CHAT, VECTOR = "openai/gpt-4o-mini", "openai/text-embedding-3-small"
FRESH = {"X-Saia-Cache-Enabled": "false"}
NOTICED_S = 15.0
"""A second or two, on a machine that has them; what no worker is told of or reports takes longer."""
WIDE = {
    "subscriptionType": "Freemium",
    "usageUnit": "Requests",
    "softLimit": 0,
    "hardLimit": 10**9,
    "renewalStatus": "NonRenewable",
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """One worker, which knows a limit when its answer is there; others know it some milliseconds later."""
    with serving(tmp_path_factory.mktemp("limited"), _upstream, 1) as live:
        yield live


@pytest.fixture
def project(limited: LiveServer, ids: tuple[str, str], organization: Api) -> Iterator[Api]:
    """With the project's own token. Afterwards it has a limit that bounds nothing: without one it cannot be."""
    api = Api(limited, f"/v2/usageLimits/organizations/{ids[0]}/projects/{ids[1]}", limited.token())
    api.cancel_all()
    yield api
    api.cancel_all()
    api.create(**WIDE)


def serving(folder: Path, upstream: Upstream, workers: int) -> LiveServer:
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_WORKERS": str(workers),
    }
    return LiveServer(folder, environ)


def ask(server: LiveServer, **members: Any) -> Answer:
    """A chat that no cache answers."""
    body = {"model": CHAT, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8, **members}
    return server.post("/v1/chat/completions", body, FRESH)


def refused(answer: Answer, number: int, kind: str) -> None:
    """429 in the shape that OpenAI's clients and the platform's read."""
    assert answer.status == 429, answer.body
    body = answer.json()
    assert (body["error"]["code"], body["error"]["type"]) == (number, kind)
    assert body["errors"][0]["id"] == number
    assert int(answer.headers["retry-after"]) >= 1


@pytest.fixture(autouse=True)
def asked(upstream: Upstream) -> Upstream:
    return upstream


def test_hc29_request_n_plus_1_is_refused_before_the_provider_is_asked(
    limited: LiveServer, project: Api, asked: Upstream
) -> None:
    """Acceptance check 7 of the reference: N pass, the next is 429 id 154, the limit is Empty, a raise opens it."""
    limit = project.create(usageUnit="Requests", softLimit=1, hardLimit=3)
    assert [ask(limited).status for _ in range(3)] == [200] * 3
    answer = ask(limited)
    refused(answer, 154, "insufficient_quota")
    assert answer.json()["errors"] == [{"id": 154, "description": "Quota exceeded."}]
    assert len(asked.asked) == 3
    shown = project("GET", "/active").json()
    assert (shown["status"], shown["usedAmount"], shown["remainingUsage"]) == (3, 3, 0)
    lower = project("PUT", f"/{limit['id']}/hardLimit", {"hardLimit": 2})
    assert (lower.status, lower.json()["errors"][0]["id"]) == (400, 8)
    assert project("PUT", f"/{limit['id']}/hardLimit", {"hardLimit": 4}).json()["status"] == 1
    wait_until(lambda: ask(limited).status == 200, "every worker follows the raise", NOTICED_S)
    refused(ask(limited), 154, "insufficient_quota")


def test_what_does_not_fit_into_a_budget_is_not_begun(limited: LiveServer, project: Api, asked: Upstream) -> None:
    project.create(softLimit=0, hardLimit=0.000001)
    refused(ask(limited, max_tokens=4000), 154, "insufficient_quota")
    refused(ask(limited, max_tokens=4000, stream=True), 154, "insufficient_quota")
    assert asked.asked == []


@pytest.mark.parametrize("stream", [False, True])
def test_the_real_cost_is_what_is_used(limited: LiveServer, project: Api, stream: bool) -> None:
    project.create(softLimit=0, hardLimit=1)
    cost = ask(limited).json()["usage"]["total_cost"]
    assert cost > 0
    if stream:
        assert ask(limited, stream=True).status == 200
    expected = pytest.approx(cost * (2 if stream else 1), abs=1e-12)
    wait_until(lambda: project("GET", "/active").json()["usedAmount"] == expected, "the usage is visible", NOTICED_S)


def test_embeddings_count(limited: LiveServer, project: Api) -> None:
    project.create(usageUnit="Requests", softLimit=0, hardLimit=1)
    body = {"model": VECTOR, "input": ["a red chair"]}
    assert limited.post("/v1/embeddings", body).status == 200
    refused(limited.post("/v1/embeddings", body), 154, "insufficient_quota")


def test_what_a_provider_refuses_is_not_used(limited: LiveServer, project: Api, asked: Upstream) -> None:
    project.create(usageUnit="Requests", softLimit=0, hardLimit=1)
    asked.replies(whole({"error": {"message": "no such parameter"}}, status=400))
    assert [ask(limited).status for _ in range(2)] == [400, 400]
    asked.reset()
    assert ask(limited).status == 200


def test_the_organizations_limit_bounds_a_project_that_has_room(
    limited: LiveServer, organization: Api, project: Api
) -> None:
    project.create(**WIDE)
    organization.create(softLimit=0, hardLimit=0.000001)
    refused(ask(limited, max_tokens=4000), 154, "insufficient_quota")
    assert organization("GET", "/latest").json()["status"] == 3


@pytest.fixture
def rate(limited: LiveServer, project: Api) -> Iterator[str]:
    """The path of the project's rates; none is set afterwards."""
    path = f"{project.root}/rates"
    project.create(**WIDE)
    yield path
    assert limited.request("PUT", path, {}).status == 200


def test_hc29_a_rate_shows_itself_and_refuses(limited: LiveServer, rate: str) -> None:
    assert limited.request("PUT", rate, {"requestsPerMinute": 1, "tokensPerMinute": 100_000}).status == 200
    answers = [ask(limited) for _ in range(3)]  # a minute may end between two of them
    assert 200 in [answer.status for answer in answers]
    passed = next(answer for answer in answers if answer.status == 200)
    assert passed.headers["x-ratelimit-limit-requests"] == "1"
    assert passed.headers["x-ratelimit-remaining-requests"] == "0"
    assert passed.headers["x-ratelimit-limit-tokens"] == "100000"
    assert int(passed.headers["x-ratelimit-remaining-tokens"]) < 100_000
    assert passed.headers["x-ratelimit-reset-tokens"].endswith("s")
    late = next(answer for answer in answers if answer.status == 429)
    refused(late, 9001, "rate_limit_error")
    assert int(late.headers["retry-after"]) <= 60


def test_a_stream_carries_the_rate_too(limited: LiveServer, rate: str) -> None:
    assert limited.request("PUT", rate, {"requestsPerMinute": 1000}).status == 200
    answer = ask(limited, stream=True)
    assert answer.status == 200
    assert answer.headers["x-ratelimit-limit-requests"] == "1000"


def test_a_project_that_cancels_its_limit_waits_for_a_new_one(
    limited: LiveServer, project: Api, asked: Upstream
) -> None:
    """Whoever has the project's token can cancel its limit; that must not be a way around it."""
    limit = project.create(**MONTHLY | {"usageUnit": "Requests", "softLimit": 0, "hardLimit": 5})
    assert ask(limited).status == 200
    assert project("DELETE", f"/{limit['id']}").status == 200
    answer = ask(limited)
    assert (answer.status, answer.json()["errors"][0]["id"]) == (429, 154)
    assert len(asked.asked) == 1
    project.create(**WIDE)
    wait_until(lambda: ask(limited).status == 200, "every worker follows", NOTICED_S)


FILE = "http://127.0.0.1:9/a.png"
PART = {"type": "file", "file": {"filename": "a.pdf", "file_data": FILE}}


@pytest.mark.parametrize(
    ("path", "body", "error_id"),
    [
        ("/v1/chat/completions", {"model": CHAT, "messages": [{"role": "user", "content": [PART]}]}, 45),
        ("/v1/chat/completions", {"model": CHAT, "messages": [{"role": "user", "content": "{file:menu} ?"}]}, 44),
        ("/v1/images/edits", {"model": "openai/gpt-image-1", "prompt": "Red.", "image": FILE}, 45),
        ("/v1/videos/generations", {"model": "vertex_ai/veo-3", "prompt": "A sea.", "image": FILE}, 45),
    ],
    ids=["file by address", "file of the project", "picture", "film"],
)
def test_hc25_a_budget_that_is_used_up_is_told_before_files_are_read(
    limited: LiveServer, project: Api, asked: Upstream, path: str, body: dict[str, Any], error_id: int
) -> None:
    """None of these files is there to be read: that is what is told as long as there is room for a request."""
    project.create(usageUnit="Requests", softLimit=0, hardLimit=1)
    early = limited.post(path, body, FRESH)
    assert (early.status, early.json()["errors"][0]["id"]) == (400, error_id), early.body
    assert ask(limited).status == 200, "nothing of the room was kept"
    refused(limited.post(path, body, FRESH), 154, "insufficient_quota")
    assert len(asked.asked) == 1


def test_hc29_200_parallel_calls_of_4_workers_never_overspend(tmp_path: Path, asked: Upstream) -> None:
    """HC-29, through the door: what passes is paid by the budget to the last 1e-12 USD, and the rest is refused."""
    with serving(tmp_path / "four", asked, 1) as server:
        who = server.get("/v1/accessControl/apitoken/validate").json()
        root = f"/v2/usageLimits/organizations/{who['organizationId']}/projects/{who['projectId']}"
        Api(server, root, server.token()).create(softLimit=0, hardLimit=0.0003)
    with serving(tmp_path / "four", asked, 4) as server:  # all of them know the limit from their start
        with ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda _: ask(server), range(200)))
        passed = [answer for answer in answers if answer.status == 200]
        assert {answer.status for answer in answers} == {200, 429}
        spent = sum(round(answer.json()["usage"]["total_cost"] * 10**12) for answer in passed)
        assert 0.0002 * 10**12 < spent <= 0.0003 * 10**12
        assert len(asked.asked) == len(passed)
        expected, api = pytest.approx(spent / 10**12, abs=1e-13), Api(server, root, server.token())
        wait_until(lambda: api("GET", "/latest").json()["usedAmount"] == expected, "all is counted", NOTICED_S)
