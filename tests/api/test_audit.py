"""`/v1/audit` through the door: what management leaves behind, who reads what, and the check of the chain."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from portico.server.storage.embedded import open_embedded
from tests.live import Answer, LiveServer


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_PROVIDER_OPENAI_API_KEY": "k",
        "PORTICO_PROVIDER_HOSTS": "198.51.100.7",
    }
    with LiveServer(tmp_path_factory.mktemp("audited"), environ) as live:
        yield live


LLM = "/v3/llm/admin"


def last(server: LiveServer, query: str = "", *, token: str = "organization") -> dict[str, Any]:
    answer = server.get(f"/v1/audit?count=1{query}", token=server.token(token))
    assert answer.status == 200, answer.body
    (entry,) = answer.json()["entries"]
    return dict(entry)


def verify(server: LiveServer, query: str = "") -> Answer:
    return server.get(f"/v1/audit/verify{query}", token=server.token("organization"))


def told(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["action"], entry["kind"]


def test_the_first_start_is_the_first_entry(audited: LiveServer) -> None:
    entries = audited.get("/v1/audit?count=1000", token=audited.token("organization")).json()["entries"]
    first = entries[-1]
    assert (first["sequence"], *told(first), first["actor"]["kind"]) == (1, "create", "organization", "system")
    assert first["previous"] == "0" * 64


def test_limits_and_rates_are_told(audited: LiveServer) -> None:
    ids = audited.get("/v1/accessControl/apitoken/validate").json()
    root = f"/v2/usageLimits/organizations/{ids['organizationId']}/projects/{ids['projectId']}"
    body = {"subscriptionType": "Daily", "usageUnit": "Requests", "softLimit": 10, "hardLimit": 20,
            "renewalStatus": "Renewable"}  # fmt: skip
    made = audited.post(f"{root}/limits", body).json()
    assert told(last(audited)) == ("create", "usage_limit")
    audited.request("PUT", f"{root}/limits/{made['id']}/hardLimit", {"hardLimit": 30})
    entry = last(audited)
    assert told(entry) == ("update", "usage_limit")
    assert entry["details"]["changed"] == "hardLimit" and entry["details"]["hard"] == 30
    assert entry["targetId"] == made["id"] and entry["projectId"] == ids["projectId"]
    audited.request("DELETE", f"{root}/limits/{made['id']}")
    assert told(last(audited)) == ("cancel", "usage_limit")
    audited.request("PUT", f"{root}/rates", {"requestsPerMinute": 5000})
    assert told(last(audited)) == ("update", "usage_rate")


def test_keys_aliases_providers_and_models_are_told_without_the_key(audited: LiveServer) -> None:
    token = audited.token("organization")
    key = audited.post(f"{LLM}/providers/openai/keys", {"key": "sk-very-secret-key", "name": "batch"}, token=token)
    assert key.status == 201, key.body
    entry = last(audited)
    assert (*told(entry), entry["targetName"], entry["details"]) == (
        "create",
        "provider_key",
        "batch",
        {"provider": "openai"},
    )
    path = f"{LLM}/providers/openai/keys/{key.json()['id']}"
    audited.request("PUT", path, {"blocked": True}, token=token)
    assert told(last(audited)) == ("block", "provider_key")
    audited.request("PUT", path, {"key": "sk-another-secret"}, token=token)
    assert last(audited)["details"] == {"provider": "openai", "rotated": True}
    audited.request("DELETE", path, token=token)
    assert told(last(audited)) == ("delete", "provider_key")
    model = {"name": "acme-large", "type": "Chat"}
    provider = {"name": "acme", "baseUrl": "http://198.51.100.7/v1", "models": [model]}
    for method, path, body, expected in (
        ("PUT", "/aliases/team/fast", {"targets": ["openai/gpt-4o-mini"]}, ("update", "model_alias", "team/fast")),
        ("DELETE", "/aliases/team/fast", None, ("delete", "model_alias", "team/fast")),
        ("POST", "/providers", provider, ("create", "provider", "acme")),
        ("PUT", "/providers/acme", provider, ("update", "provider", "acme")),
        ("POST", "/providers/acme/models", {"name": "b", "type": "Chat"}, ("create", "model", "b")),
        ("PUT", "/providers/acme/models/b", {"type": "Chat"}, ("update", "model", "b")),
        ("DELETE", "/providers/acme/models/b", None, ("delete", "model", "b")),
        ("DELETE", "/providers/acme", None, ("delete", "provider", "acme")),
    ):
        answer = audited.request(method, LLM + path, body, token=token)
        assert answer.status in (200, 201), (method, path, answer.body)
        assert (*told(last(audited)), last(audited)["targetName"]) == expected
    everything = audited.get("/v1/audit?count=1000", token=token).body
    assert b"secret-key" not in everything and b"sk-another" not in everything


def test_guardrails_cache_and_export_are_told(audited: LiveServer) -> None:
    audited.request("PUT", "/v2/guardrails", {"guardrails": ["llm-output-guardrail"]})
    assert told(last(audited)) == ("update", "guardrails")
    audited.request("DELETE", "/v2/guardrails")
    assert told(last(audited)) == ("delete", "guardrails")
    audited.request("DELETE", "/v2/cache")
    entry = last(audited)
    assert (*told(entry), entry["details"]) == ("clear", "cache", {"removed": 0})
    audited.get("/v1/organization/request/export?count=7")
    entry = last(audited)
    assert (*told(entry), entry["details"]["count"]) == ("export", "requests", 7)
    assert (entry["actor"]["kind"], entry["actor"]["name"]) == ("token", "Default")


def test_a_refused_request_is_not_told(audited: LiveServer) -> None:
    before = last(audited)
    assert audited.request("PUT", "/v2/guardrails", {"guardrails": ["none"]}).status == 400
    assert audited.get("/v1/organization/request/export?count=x").status == 400
    assert last(audited) == before


def test_a_project_token_reads_its_project_and_an_organization_token_all(audited: LiveServer) -> None:
    token = audited.token("organization")
    project = audited.post("/v1/organization/project", {"name": f"p-{uuid4()}"}, token=token).json()
    other, project_id = project["tokens"][0]["id"], project["projectId"]
    audited.request("DELETE", "/v2/cache", token=other)
    mine = audited.get("/v1/audit", token=other).json()["entries"]
    assert {entry["projectId"] for entry in mine} == {project_id}
    assert told(mine[0]) == ("clear", "cache")
    by_header = audited.get("/v1/audit", {"project-id": project_id}, token=token).json()["entries"]
    assert by_header == mine
    assert project_id not in {entry["projectId"] for entry in audited.get("/v1/audit").json()["entries"]}


def test_pages_lead_through_the_whole_log(audited: LiveServer) -> None:
    token, found, cursor = audited.token("organization"), [], ""
    while True:
        page = audited.get(f"/v1/audit?count=3&cursor={cursor}", token=token).json()
        found += [entry["sequence"] for entry in page["entries"]]
        cursor = page.get("nextCursor", "")
        if not cursor:
            break
    assert found == list(range(len(found), 0, -1)) and len(found) > 3


def test_the_check_is_for_the_organization(audited: LiveServer) -> None:
    found = verify(audited).json()
    assert found["valid"] is True and len(found["head"]) == 64
    assert found["entries"] == last(audited)["sequence"]
    assert set(found) == {"valid", "entries", "head"}
    assert verify(audited, f"?head={found['head']}").json() == found
    refused = audited.get("/v1/audit/verify")
    assert (refused.status, refused.json()["errors"][0]["id"]) == (403, 7)


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/v1/audit?count=0", 8),
        ("/v1/audit?cursor=x", 8),
        ("/v1/audit?since=soon", 11),
        ("/v1/audit/verify?head=5", 11),
    ],
)
def test_bad_queries_are_400(audited: LiveServer, path: str, number: int) -> None:
    answer = audited.get(path, token=audited.token("organization"))
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, number)


def test_no_token_is_401(audited: LiveServer) -> None:
    assert audited.get("/v1/audit", token=None).status == 401
    assert audited.get("/v1/audit/verify", token=None).status == 401


def test_a_spoilt_log_is_told_with_200_and_no_error_member(tmp_path: Path) -> None:
    with LiveServer(tmp_path / "data", {"PORTICO_LOCAL_MODELS": "false"}) as live:
        for _ in range(3):
            live.request("DELETE", "/v2/cache")
        asyncio.run(spoil(live, "UPDATE audit SET actor_name = 'nobody' WHERE sequence = 2"))
        answer = verify(live)
        assert answer.status == 200
        found = answer.json()
        assert (found["valid"], found["entries"], found["brokenAt"]) == (False, 1, 2)
        assert "entry 2 was changed" in found["reason"]
        assert not {"error", "errors"} & set(found)


async def spoil(server: LiveServer, statement: str) -> None:
    embedded = await open_embedded(server.data_dir)
    try:
        async with await psycopg.AsyncConnection.connect(str(embedded.url), autocommit=True) as connection:
            await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_kept")
            await connection.execute(statement)  # type: ignore[arg-type]
    finally:
        await embedded.close()


def test_the_host_checks_all_chains_and_sees_its_own_deeds(audited: LiveServer) -> None:
    def host(*line: str, stdin: str = "") -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "portico", *line, "--installation", "--data", str(audited.data_dir), "-o", "json"],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout)

    assert host("providers", "keys", "add", "openai", "--name", "host", stdin="sk-of-the-host-itself")[0] == 0
    code, listed = host("audit", "list", "--limit", "1")
    (entry,) = listed["entries"]
    assert (code, *told(entry), entry["targetName"]) == (0, "create", "provider_key", "host")
    assert (entry["actor"]["kind"], entry["actor"]["name"]) == ("system", "host")
    code, found = host("audit", "verify")
    assert (code, found["valid"], len(found["chains"])) == (0, True, 2)
