"""`portico secrets`, `portico feedback` and `portico audit`: which calls they make, and what they show."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer

PATH = "/v1/secrets"
ID = "5b1d2f8e-0000-4000-8000-000000000003"
SECRET = {"id": ID, "name": "jira", "status": "active", "description": "", "updatedAt": "2026-01-02T00:00:00"}
ENTRY = {"sequence": 2, "at": "2026-01-01T00:00:00", "actor": {"id": "t", "name": ""}, "action": "create",
         "kind": "secret", "targetId": ID, "targetName": "jira", "projectId": "p"}  # fmt: skip


def test_a_value_comes_from_standard_input_or_a_file(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", PATH, SECRET)
    (tmp_path / "token.txt").write_text(" s3cr3t \n")

    assert run("secrets", "create", "jira", stdin=" s3cr3t \n").code == 0
    assert run("secrets", "create", "jira", "--value", f"@{tmp_path}/token.txt", "--project", "p").code == 0
    told = {"secretDefinition": {"name": "jira", "secretString": " s3cr3t "}}
    assert [asked.body for asked in server.asked] == [told, told]
    assert server.last(PATH).headers["project-id"] == "p"


def test_a_value_as_an_argument_is_refused_and_not_repeated(run: Run, server: FakeServer) -> None:
    result = run("secrets", "create", "jira", "--value", "s3cr3t")

    assert result.code == 2 and "@file" in result.err and "s3cr3t" not in result.err
    assert server.asked == []


def test_no_value_is_wrong_use(run: Run, server: FakeServer) -> None:
    assert run("secrets", "create", "jira", stdin="\n").code == 2
    assert server.asked == []


def test_the_listing_is_a_table_without_values(run: Run, server: FakeServer) -> None:
    server.answer("GET", PATH, {"secrets": [SECRET], "count": 1})

    shown = run("secrets", "list", "--name", "jira", "-o", "table").out
    assert shown.split() == ["Id", "Name", "Status", "Updated", "Description", ID, "jira", "active",
                             "2026-01-02T00:00:00", "-"]  # fmt: skip
    assert server.last(PATH).query == {"name": "jira", "start": "0", "count": "100"}


def test_a_change_says_what_is_changed_only(run: Run, server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/{ID}", SECRET)

    assert run("secrets", "update", ID, "--status", "inactive").code == 0
    assert server.last(f"{PATH}/{ID}").body == {"secretDefinition": {"status": "inactive"}}
    assert run("secrets", "update", ID, "--value", "-", stdin="new").code == 0
    assert server.last(f"{PATH}/{ID}").body == {"secretDefinition": {"secretString": "new"}}
    assert run("secrets", "update", ID).code == 2


def test_showing_deleting_and_accesses(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/{ID}", SECRET)
    server.answer("DELETE", f"{PATH}/{ID}", Answer(None, 204))
    server.answer("GET", f"{PATH}/{ID}/accesses", {"accessList": []})
    server.answer("POST", f"{PATH}/{ID}/accesses", {"accessList": []})

    assert json.loads(run("secrets", "show", ID).out) == SECRET
    assert run("secrets", "delete", ID, stdin="n\n").code == 130
    assert "deleted" in run("secrets", "delete", ID, "--yes").err
    assert run("secrets", "accesses", ID).code == 0
    assert run("secrets", "accesses", ID, "--set", "write:service").code == 0
    assert server.last(f"{PATH}/{ID}/accesses").body == {
        "secretDefinition": {"accessList": [{"accessLevel": "write", "principalType": "service"}]}
    }
    assert run("secrets", "accesses", ID, "--set", "write").code == 2


@pytest.mark.parametrize(("word", "score"), [("good", 1), ("bad", 2)])
def test_feedback(run: Run, server: FakeServer, word: str, score: int) -> None:
    server.answer("POST", "/v1/feedback/request/r1", {})

    assert run("feedback", word, "r1").code == 0
    assert server.last("/v1/feedback/request/r1").body == {"origin": "user-feedback", "answerScore": score}
    run("feedback", word, "r1", "the", "date")
    assert server.last("/v1/feedback/request/r1").body["comments"] == "the date"


def test_the_log_is_a_table_and_walks_by_cursor(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v1/audit", {"entries": [ENTRY], "nextCursor": "2"}, {"entries": [{**ENTRY, "sequence": 1}]})

    shown = run("audit", "list", "--kind", "secret", "--project", "p", "-o", "table").out.splitlines()
    assert shown[0].split() == ["No", "Time", "Who", "Did", "What", "Name", "Project"]
    assert shown[1].split() == ["2", "2026-01-01T00:00:00", "t", "create", "secret", "jira", "p"]
    assert len(shown) == 3
    assert [asked.query.get("cursor") for asked in server.asked] == [None, "2"]
    assert server.asked[0].query["kind"] == "secret"


def test_the_export_writes_one_entry_per_line(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v1/audit", {"entries": [ENTRY], "nextCursor": "2"}, {"entries": [ENTRY]})

    assert [json.loads(line) for line in run("audit", "export").out.splitlines()] == [ENTRY, ENTRY]


def test_a_whole_log_is_0_and_a_broken_one_1(run: Run, server: FakeServer) -> None:
    path = "/v1/audit/verify"
    server.answer("GET", path, {"valid": True, "entries": 2, "head": "ab"})
    assert run("audit", "verify", "--head", "ab").code == 0
    assert server.last(path).query == {"head": "ab"}

    server.answer("GET", path, {"valid": False, "entries": 1, "brokenAt": 2, "reason": "entry 2 is missing"})
    result = run("audit", "verify")
    assert result.code == 1
    assert json.loads(result.out)["reason"] == "entry 2 is missing"
