"""Web sites of RAG assistants through the door: an order goes up, its pages are found by their addresses; refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.api.rag_house import EMBEDDINGS, PLAIN, ask
from tests.api.search_house import at, make_profile, refused, upload, uploaded
from tests.files import FORM, form
from tests.live import LiveServer, wait_until
from tests.site import Site, open_site

LEAVE = "Each employee has twenty days of paid annual leave per year, and five more after ten years."
TRAVEL = "Business travel by train is paid in full, by night train in a cabin of one's own."


@pytest.fixture(scope="module")
def profile(server: LiveServer) -> str:
    return make_profile(server, searchOptions={**PLAIN, "embeddings": EMBEDDINGS})


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as made:
        made.page("/guide/", "What everybody should know.", "leave", "travel", "leave?print=1", "/inner", title="Guide")
        made.put("/guide/leave", f"<title>Leave</title><h1>Leave</h1><p>{LEAVE}</p>")
        made.put("/guide/travel", f"<title>Travel</title><h1>Travel</h1><p>{TRAVEL}</p>")
        yield made


def crawl(server: LiveServer, profile: str, url: str, **members: Any) -> dict[str, Any]:
    """The document when all is over."""
    order = json.dumps({"url": url, **members}).encode()
    return finished(server, profile, uploaded(server, profile, order, "site.web", metadata={"year": 2026})["id"])


def finished(server: LiveServer, profile: str, document_id: str) -> dict[str, Any]:
    path = at(profile, f"/document/{document_id}")
    wait_until(lambda: server.get(path).json()["indexStatus"] in ("Success", "Failed"), "the site is read", 110)
    document: dict[str, Any] = server.get(path).json()
    return document


def sources(server: LiveServer, profile: str, question: str, **members: Any) -> list[dict[str, Any]]:
    answer = ask(server, profile, question, **members)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["documents"]
    return found


def test_a_site_is_crawled_and_its_pages_are_found_by_their_addresses(
    server: LiveServer, profile: str, site: Site, upstream: object
) -> None:
    made = crawl(server, profile, site.url("/guide/"))
    assert made["indexStatus"] == "Success", made
    assert made["indexDetail"] == (
        f"1 page could not be read: {site.url('/guide/leave?print=1')} (the host answered 404)."
    )
    (first, *_) = sources(server, profile, "How many days of leave?")
    metadata = first["metadata"]
    assert (
        metadata["url"] == site.url("/guide/leave") and metadata["title"] == "Leave" and LEAVE in first["pageContent"]
    )
    assert (metadata["id"], metadata["name"], metadata["extension"]) == (made["id"], "site", "web")
    assert metadata["year"] == 2026 and metadata["loc"]["lines"]["from"] >= 1 and "pageNumber" not in metadata["loc"]
    only = [{"key": "url", "operator": "$eq", "value": site.url("/guide/travel")}]
    found = sources(server, profile, "How many days of leave?", filters=only)
    assert [one["metadata"]["title"] for one in found] == ["Travel"]

    site.put("/guide/leave", f"<title>Leave</title><h1>Leave</h1><p>{LEAVE.replace('twenty', 'thirty')}</p>")
    del site.pages["/guide/travel"]
    again = server.request("PUT", at(profile, "/document"), None, {"documentId": made["id"]})
    assert again.status == 200
    ended = finished(server, profile, made["id"])
    assert ended["indexStatus"] == "Success" and ended["indexDetail"].startswith("2 pages could not be read: ")
    (first, *_) = sources(server, profile, "How many days of leave?")
    assert "thirty days" in first["pageContent"], "a second time crawls again"
    assert sources(server, profile, "How many days of leave?", filters=only) == []


def test_hc25_an_inner_host_fails_the_document_with_the_name_of_the_setting(
    server: LiveServer, profile: str, site: Site
) -> None:
    made = crawl(server, profile, site.url("/guide/", host="127.0.0.2"))
    assert made["indexStatus"] == "Failed" and site.asked == []
    assert "PORTICO_FETCH_HOSTS can allow its host" in made["indexDetail"]


def test_pages_without_text_are_invalid_content(server: LiveServer, profile: str, site: Site) -> None:
    site.put("/app", "<title>App</title><div id=root></div>")
    made = crawl(server, profile, site.url("/app"))
    assert (made["indexStatus"], made["indexDetail"]) == ("Failed", "Invalid content")


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (b"{}", "url"),
        (b'{"url": "file:///etc/passwd"}', "url"),
        (b'{"url": "https://joe:secret@example.com/"}', "url"),
        (b'{"url": "https://example.com/", "maxDepth": 9}', "maxDepth"),
        (b'{"url": "https://example.com/", "selectors": ["p:hover"]}', "selectors[0]"),
        (b'{"url": "https://example.com/", "depth": 1}', "depth"),
        (b"https://example.com/", "file"),
        (b'{"url": "https://example.com/"' + b" " * 70_000 + b"}", "file"),
    ],
)
def test_an_order_that_cannot_be_is_refused_by_its_member(
    server: LiveServer, profile: str, content: bytes, member: str
) -> None:
    before = server.get(at(profile, "/documents")).json()["count"]
    answer = upload(server, profile, content, "site.web")
    refused(answer, 400, 2023, f"Document General Error: {member}: ")
    assert b"secret" not in answer.body
    headers = {"filename": "site.web", "Content-Type": "application/json"}
    refused(server.request("POST", at(profile, "/document"), content, headers), 400, 2023, f": {member}: ")
    assert server.get(at(profile, "/documents")).json()["count"] == before


def test_an_order_in_place_of_another_is_looked_at_too(server: LiveServer, profile: str, site: Site) -> None:
    site.page("/one", "Just this one.")
    made = crawl(server, profile, site.url("/one"), maxDepth=0)
    path = at(profile, "/document")
    wrong = server.request("PUT", path, form(b'{"url": 1}', "site.web"), {**FORM, "documentId": made["id"]})
    refused(wrong, 400, 2023, "url: send a text")
    assert server.get(at(profile, f"/document/{quote(made['id'])}")).json()["indexStatus"] == "Success"


def test_the_parser_itself_crawls_nothing(server: LiveServer) -> None:
    order = b'{"url": "https://example.com/"}'
    answer = server.request("POST", "/v1/omni-parser/process", form(order, "site.web"), FORM)
    refused(answer, 400, 2027, "give it to a RAG assistant")
