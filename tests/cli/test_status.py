"""`portico status`: one look, or one line after the other."""

from __future__ import annotations

import json

from .conftest import Run
from .fake_server import Answer, FakeServer

STATUS = "/v1/system/status"


VALIDATE = "/v1/accessControl/apitoken/validate"
UP = {
    "running": True,
    "version": "0.1.0",
    "localModels": [
        {"name": "big", "state": "pulling", "size_bytes": 200, "done_bytes": 86, "error": ""},
        {"name": "small", "state": "ready", "size_bytes": 9, "done_bytes": 9, "error": ""},
        {"name": "odd", "state": "absent", "size_bytes": 9, "done_bytes": 0, "error": "no room"},
    ],
}
WORK = {"workers": {"living": 2, "lastSeenSeconds": 0.4}, "queue": {"jobs": 12, "oldestSeconds": 61.2}}
ACME = {"organizationId": "o", "organizationName": "Acme", "projectId": "p", "projectName": "Default"}


def test_one_look(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, UP)
    server.answer("GET", VALIDATE, ACME)

    found = json.loads(run("status").out)

    assert found.pop("milliseconds") > 0
    assert found == {"server": server.url, **UP, "token": {"source": "environment", **ACME}}


def test_workers_and_what_waits_for_them(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, UP | WORK)
    server.answer("GET", VALIDATE, ACME)
    out = run("status", "-o", "table").out
    assert "2 living" in out and "12 jobs, the oldest for 61 s" in out


def test_one_look_as_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, UP)
    server.answer("GET", VALIDATE, ACME)

    lines = run("status", "-o", "table").out.splitlines()

    assert [line.split(maxsplit=1)[1] for line in lines if "Answered" not in line] == [
        server.url,
        "0.1.0",
        "project Default of organization Acme, from environment",
        "pulling, 43 %",
        "ready",
        "absent: no room",
    ]


def test_a_refused_token_is_told_after_the_rest(run: Run, server: FakeServer) -> None:
    server.answer("GET", STATUS, UP)
    server.answer("GET", VALIDATE, Answer({"errors": [{"id": 401, "description": "Unauthorized"}]}, 401))

    result = run("status")

    assert result.code == 1
    assert json.loads(result.out)["running"] is True
    assert "Unauthorized" in result.err


def test_an_address_alone_is_enough(run: Run, fake: FakeServer) -> None:
    fake.answer("GET", STATUS, UP)

    result = run("status", "--base-url", fake.url)

    assert result.code == 0
    assert "authorization" not in fake.last(STATUS).headers


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
    assert result.out.count("\n") == 1, "one line each time"
