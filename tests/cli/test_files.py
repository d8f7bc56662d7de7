"""`portico files` against a live server: several files, folders, standard input; and what is refused before a call."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.live import LiveServer


@pytest.fixture(scope="module")
def _live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("files"), {"PORTICO_LOCAL_MODELS": "false"}) as live:
        yield live


@pytest.fixture
def live(_live: LiveServer, home: Path, monkeypatch: pytest.MonkeyPatch) -> LiveServer:
    monkeypatch.setenv("GEAI_API_BASE_URL", _live.url)
    monkeypatch.setenv("GEAI_API_KEY", _live.token())
    monkeypatch.chdir(home)
    return _live


def test_up_list_show_down_delete(run: Run, live: LiveServer, home: Path) -> None:
    (home / "notes.md").write_text("# Notes")
    made = json.loads(run("files", "upload", "notes.md", "--folder", "cli", "--name", "plan.md").out)
    file_id = made[0]["dataFileId"]
    listed = run("files", "list", "--folder", "cli", "-o", "table")
    assert file_id in listed.out and "plan.md" in listed.out and "cli" in listed.out
    assert json.loads(run("files", "show", file_id).out)["dataFileName"] == "plan"
    assert json.loads(run("files", "download", file_id).out) == {"file": "plan.md", "bytes": 7}
    assert (home / "plan.md").read_text() == "# Notes"
    again = run("files", "download", file_id)
    assert (again.code, again.out) == (1, "") and "is here already" in again.err
    assert run("files", "download", file_id, "-o", "other.md").code == 0
    assert (home / "other.md").read_text() == "# Notes"
    assert run("files", "delete", file_id, "--yes").code == 0
    gone = run("files", "show", file_id)
    assert gone.code == 1 and "Document Not Found" in gone.err


def test_a_folder_goes_up_with_what_is_below(run: Run, live: LiveServer, home: Path) -> None:
    (home / "reports" / "2026").mkdir(parents=True)
    (home / "reports" / ".hidden").write_text("x")
    for name in ("a.txt", "2026/b.txt"):
        (home / "reports" / name).write_text(name)
    assert len(json.loads(run("files", "upload", "reports", "@reports/a.txt", "--folder", "all").out)) == 3
    listed = json.loads(run("files", "list").out)["dataFiles"]
    places = {(one["folder"], one["DataFileName"]) for one in listed}
    assert {("all", "a"), ("all/2026", "b")} <= places


def test_standard_input_needs_a_name(run: Run, live: LiveServer) -> None:
    assert run("files", "upload", "-", "--folder", "x", stdin="words").code == 2
    made = json.loads(run("files", "upload", "-", "--name", "w.txt", "--folder", "x", stdin="words").out)
    assert made[0]["success"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("upload", "nothing-of-this-name"), "there is no file"),
        (("upload", "a", "b", "--name", "c"), "one file"),
        (("upload", "empty"), "no file in it"),
    ],
)
def test_wrong_use(run: Run, live: LiveServer, home: Path, arguments: tuple[str, ...], said: str) -> None:
    (home / "a").write_text("a")
    (home / "b").write_text("b")
    (home / "empty").mkdir()
    done = run("files", *arguments)
    assert done.code == 2 and said in done.err


def test_deleting_asks_first(run: Run, live: LiveServer) -> None:
    done = run("files", "delete", "5b1d2f8e-0000-4000-8000-000000000002", stdin="n\n")
    assert done.code == 130 and "Delete 1 file" in done.err
