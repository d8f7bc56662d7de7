"""`portico status`: one look, or one line after the other."""

from __future__ import annotations

import json

from .conftest import Run
from .fake_server import Answer, FakeServer

STATUS = "/v1/system/status"


def test_one_look(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, {"running": True, "version": "0.1.0", "timestamp": "2026-08-20T11:11:44"})
    server.answer("GET", "/v1/accessControl/apitoken/validate", {"organizationId": "o", "projectId": "p"})
    server.answer("GET", "/v3/llm/providers/local/models", {"models": [{"fullName": "local/m"}]})

    found = json.loads(run("status").out)

    assert found.pop("milliseconds") > 0
    assert found == {
        "server": server.url,
        "running": True,
        "version": "0.1.0",
        "timestamp": "2026-08-20T11:11:44",
        "credentials": "environment",
        "organizationId": "o",
        "projectId": "p",
        "local_models": ["local/m"],
    }


def test_the_monitor_counts_and_tells_the_last_state(run: Run, server: FakeServer) -> None:
    up = {"running": True, "version": "0.1.0"}
    server.answer("GET", STATUS, up, up)

    result = run("status", "--monitor", "--count", "2", "--interval", "0.1", "-o", "table")

    assert result.code == 0
    assert len(result.out.splitlines()) == 2
    assert "up" in result.out
    assert "version 0.1.0" in result.out


def test_the_monitor_survives_a_failure(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, {"running": True}, Answer({"errors": [{"id": 500, "description": "x"}]}, 500))

    result = run("status", "--monitor", "--count", "2", "--interval", "0.1")

    assert result.code == 1
    assert "HTTP 500" in result.err
    assert json.loads(result.out)["running"] is True
