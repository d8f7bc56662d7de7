"""`portico guardrails` and `portico cache`: which call each command makes, and what it shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fake_server import FakeServer

PATH = "/v2/guardrails"
ALL = ["prompt-injection-guardrail", "input-moderation-guardrail", "llm-output-guardrail"]
SETTINGS = {"guardrails": ["prompt-injection-guardrail"], "failClosed": False, "pii": []}


def test_show_prints_the_settings(run: Run, server: FakeServer) -> None:
    server.answer("GET", PATH, SETTINGS)

    assert json.loads(run("guardrails", "show", "--project", "q").out) == SETTINGS
    assert server.last(PATH).headers["project-id"] == "q"


def test_set_sends_json_of_a_file_or_of_the_line(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("PUT", PATH, SETTINGS)
    (tmp_path / "mine.json").write_text(json.dumps(SETTINGS))

    for told in (f"@{tmp_path}/mine.json", json.dumps(SETTINGS)):
        assert run("guardrails", "set", told).code == 0
        assert server.last(PATH).body == SETTINGS


def test_set_wants_an_object(run: Run, server: FakeServer) -> None:
    result = run("guardrails", "set", "[]")

    assert result.code == 2 and "object" in result.err
    assert server.asked == []


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (["on", "output", "moderation"], ALL),
        (["on", "injection"], ["prompt-injection-guardrail"]),
        (["off", "injection"], []),
    ],
)
def test_on_and_off_leave_the_rest_as_it_is(run: Run, server: FakeServer, line: list[str], names: list[str]) -> None:
    server.answer("GET", PATH, {**SETTINGS, "failClosed": True})
    server.answer("PUT", PATH, SETTINGS)

    assert run("guardrails", *line).code == 0
    assert server.last(PATH).body == {**SETTINGS, "failClosed": True, "guardrails": names}


def test_a_guardrail_that_does_not_exist_is_wrong_use(run: Run, server: FakeServer) -> None:
    assert run("guardrails", "on", "everything").code == 2
    assert server.asked == []


def test_deleting_asks_first(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", PATH, {})

    assert run("guardrails", "delete", stdin="n\n").code == 130
    assert server.asked == []
    assert run("guardrails", "delete", "--yes").code == 0
    assert server.last(PATH).method == "DELETE"


def test_clearing_the_cache_says_how_much_there_was(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", "/v2/cache", {"removed": 12})

    assert json.loads(run("cache", "clear", "--project", "q").out) == {"removed": 12}
    assert server.last("/v2/cache").headers["project-id"] == "q"
