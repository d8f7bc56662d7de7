"""Forms of an answer: on a terminal, in a pipe, and with an option."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from rich.cells import cell_len

from portico.cli.output import cell, one_line, printable

from .conftest import Run
from .fake_server import FakeServer
from .terminal import terminal

PROVIDERS = "/v3/llm/providers"


def test_piped_output_is_json(run: Run) -> None:
    assert "portico" in json.loads(run("version").out)


def test_a_terminal_gets_a_table(server: FakeServer) -> None:
    server.answer("GET", PROVIDERS, {"providers": [{"name": "openai", "friendlyName": "Open[AI]"}]})

    with terminal("llm", "providers") as screen:
        assert screen.end() == 0

    assert "Provider" in screen.screen
    assert "─" in screen.screen
    assert "Open[AI]" in screen.screen


def test_a_terminal_gets_json_when_asked(server: FakeServer) -> None:
    server.answer("GET", PROVIDERS, {"providers": []})

    with terminal("llm", "providers", "-o", "json") as screen:
        screen.end()

    assert json.loads(screen.screen) == {"providers": []}


def test_a_terminal_never_cuts_the_first_column_and_keeps_a_row_on_one_line(server: FakeServer) -> None:
    name = "provider-with-a-name-that-takes-half-of-the-line"
    server.answer("GET", PROVIDERS, {"providers": [{"name": name, "friendlyName": "P", "description": "word " * 40}]})

    with terminal("llm", "providers") as screen:
        screen.end()

    lines = screen.screen.splitlines()
    assert [name in line for line in lines] == [False, False, True]
    assert lines[-1].rstrip().endswith("…")


def test_a_row_that_does_not_fit_is_told_member_by_member(server: FakeServer) -> None:
    one = {"id": "5b1d2f8e-0000-4000-8000-000000000001", "name": "ci", "status": "Active", "expiresAt": None}
    one |= {"timestamp": "2026-11-22T00:13:46", "lastUsedAt": "2026-11-22T00:14:44", "description": "word " * 20}
    server.answer("GET", "/v1/accessControl/apitoken/validate", {"projectId": "p1"})
    server.answer("GET", "/v1/organization/project/p1/tokens", {"tokens": [one, one]})

    with terminal("tokens", "list", environ={"COLUMNS": "80"}) as screen:
        assert screen.end() == 0

    first, _, second = screen.screen.partition("\n\n")
    assert first.splitlines()[:2] == [f"Id            {one['id']}", "Name          ci"]
    assert "Last used     2026-11-22T00:14:44\n" in first
    assert second.strip() == first.strip()


def test_columns_in_a_pipe_stand_below_each_other_whatever_their_signs_take(run: Run, server: FakeServer) -> None:
    names = ["日本語の手引き", "Überblick", "handbook", "e\u0301tude"]  # the last has an accent that takes no room
    found = [{"name": name, "friendlyName": "X"} for name in names]
    server.answer("GET", PROVIDERS, {"providers": found})

    _, *lines = run("llm", "providers", "-o", "table").out.splitlines()

    assert [cell_len(line[: line.index("X")]) for line in lines] == [cell_len(names[0]) + 2] * len(names)


def test_a_description_is_cut_by_the_room_that_its_signs_take(server: FakeServer) -> None:
    server.answer("GET", PROVIDERS, {"providers": [{"name": "p", "friendlyName": "P", "description": "日本語" * 40}]})

    with terminal("llm", "providers") as screen:
        assert screen.end() == 0

    assert len(screen.screen.splitlines()) == 3


def test_a_terminal_leaves_a_link_in_one_piece_to_be_copied(server: FakeServer) -> None:
    link = "http://127.0.0.1:8080/setup#invitation-" + "x" * 100
    server.answer("POST", "/v2/users/u1/setup-link", {"setupLink": link, "expiresAt": "2030-01-01T00:00:00"})

    with terminal("users", "link", "u1") as screen:
        assert screen.end() == 0

    assert screen.screen.splitlines() == [f"setupLink   {link}", "expiresAt   2030-01-01T00:00:00"]


@pytest.mark.parametrize(("line", "environ"), [(["--no-color"], {}), ([], {"NO_COLOR": "1"})])
def test_no_color_is_no_color(home: object, line: list[str], environ: dict[str, str]) -> None:
    with terminal("version", *line, environ=environ) as screen:
        screen.end()

    assert "\x1b[3" not in screen.raw


@pytest.mark.parametrize("form", ["json", "yaml", "table"])
def test_a_pipe_needs_no_rich(home: object, form: str) -> None:
    code = (
        "import sys; from portico.cli.main import main; main(['version', '-o', sys.argv[1]]);"
        "sys.exit('rich' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code, form], stdout=subprocess.PIPE, check=False).returncode == 0


def test_other_scripts_stay_as_they_are(run: Run, server: FakeServer) -> None:
    server.answer("GET", PROVIDERS, {"providers": [{"name": "é日本"}]})

    assert "é日本" in run("llm", "providers").out


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_stays_json_whatever_the_locale_can_write(server: FakeServer, encoding: str) -> None:
    answer = {"providers": [{"name": "é日本\U0001f600\x9b\u202e"}]}
    server.answer("GET", PROVIDERS, answer)
    code = "import sys; from portico.cli.main import main; sys.exit(main(['llm', 'providers']))"
    environ = {**os.environ, "PYTHONIOENCODING": encoding}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environ, check=True)

    assert json.loads(done.stdout.decode(encoding)) == answer
    assert "\x9b" not in done.stdout.decode(encoding)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "-"), ("", "-"), (True, "yes"), (False, "no"), (0, "0"), (0.5, "0.5"), (["a"], '["a"]'), ("a\n b", "a b"),
     (12.0, "12"), (0.000012345, "1.2345e-05"), (1000000.0, "1000000"), (1234567.891, "1234567.89")],
)  # fmt: skip
def test_cells(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_text_that_a_terminal_would_obey_is_not_printable() -> None:
    assert printable("a\x1b[2J\tb\n\x9bc\u202e") == "a\ufffd[2J\tb\n\ufffdc\ufffd"
    assert one_line(" a\n b\x07 ") == "a b\ufffd"
