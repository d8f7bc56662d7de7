"""`portico rag crawl`: what it orders, what it shows, and how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.test_completion import Complete
from tests.cli.test_rag import NAME, UP, document, parts

from .conftest import Run
from .fake_server import FakeServer

URL = "https://docs.example.com/guide/"


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.rag_progress.FIRST_PAUSE_S", 0.001)


def site(status: str = "Unknown", detail: str = "") -> dict[str, Any]:
    return {**document(1, status, detail), "name": "docs.example.com-guide", "extension": "web"}


def order(server: FakeServer) -> tuple[str, Any]:
    name, _, content = parts(server.last(UP))["file"].partition(":")
    return name, json.loads(content)


def test_a_site_is_ordered_and_told(run: Run, server: FakeServer) -> None:
    server.answer("POST", UP, site())
    done = run("rag", "crawl", NAME, URL)
    assert done.code == 0, done.err
    assert order(server) == ("docs.example.com-guide.web", {"url": URL})
    assert "rag documents status" in done.err and json.loads(done.out)[0]["id"] == "d-1"


def test_every_option_is_a_member(run: Run, server: FakeServer) -> None:
    server.answer("POST", UP, site())
    done = run(
        "rag", "crawl", NAME, URL, "--depth", "1", "--exclude", "/old/", "--exclude", "drafts", "--selector", "main",
        "--selector", ".text", "--outside", "--page-timeout", "2.5", "--brackets", "--no-addresses", "--as", "guide",
        "--metadata", "year=2026",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert order(server) == (
        "guide.web",
        {
            "url": URL, "excludeDirs": ["/old/", "drafts"], "maxDepth": 1, "timeout": 2500, "preventOutside": False,
            "selectors": ["main", ".text"], "linkBrackets": True, "ignoreHref": True,
        },
    )  # fmt: skip
    assert json.loads(parts(server.last(UP))["metadata"]) == {"year": 2026}


@pytest.mark.parametrize(
    ("status", "detail", "code"),
    [("Success", "1 page could not be read: x.", 0), ("Failed", "No page could be read: x (the host answered 404)", 1)],
)
def test_a_crawl_that_waits_tells_what_became_of_it(
    run: Run, server: FakeServer, status: str, detail: str, code: int
) -> None:
    server.answer("POST", UP, site())
    server.answer("GET", f"{UP}/d-1", site("Starting"), site(status, detail))
    done = run("rag", "crawl", NAME, URL, "--wait")
    assert done.code == code, done.err
    assert json.loads(done.out)[0]["indexDetail"] == detail
    assert (detail in done.err) == (code == 1)


@pytest.mark.parametrize("words", [["--depth", "4"], ["--depth", "-1"], ["--page-timeout", "0"]])
def test_wrong_use_asks_nobody(run: Run, server: FakeServer, words: list[str]) -> None:
    assert run("rag", "crawl", NAME, URL, *words).code == 2 and server.asked == []


def test_names_come_from_the_server(run: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("GET", "/v1/search/profiles", {"searchProfiles": [{"name": "Default"}, {"name": "handbook"}]})
    complete = Complete(run, monkeypatch)
    assert complete("portico", "rag", "crawl", "h") == ["handbook"]
    assert complete("portico", "rag", "cr") == ["create", "crawl"]
