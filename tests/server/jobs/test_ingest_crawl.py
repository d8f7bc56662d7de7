"""A crawl order through all steps, without the engine: what it becomes, and what ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from portico.server.jobs import patience
from portico.server.jobs.ingest_document import NO_TEXT, IngestDocument, Library
from portico.server.providers.fetcher import Fetcher
from portico.server.retrieval.crawling.crawler import Crawler
from portico.server.retrieval.parse import Bounds, Parser
from portico.server.storage.database import Database
from tests.server.jobs.library import add_profile
from tests.server.jobs.test_ingest_document import House
from tests.site import Site, open_site

pytestmark = pytest.mark.anyio


@pytest.fixture
def site() -> Iterator[Site]:
    with open_site() as made:
        yield made


@pytest.fixture
async def house(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    """With a crawler; its documents are crawl orders."""
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)
    made = House(database, tmp_path, await add_profile(database))
    parser = Parser(Bounds(time_s=300))
    library = Library(
        database, made.blobs, parser, made.index, made.model, made.maybe_profile,  # type: ignore[arg-type]
        crawler=Crawler(Fetcher(allowed="127.0.0.1"), parser),
    )  # fmt: skip
    made.ingest = IngestDocument(library, made.steps)
    yield made


async def crawl(house: House, order: str) -> tuple[str, str]:
    document = await house.add(order.encode())
    await house.execute("UPDATE documents SET extension = 'web', content_type = 'application/json'")
    return await house.run(document)


async def test_chunks_carry_the_address_and_the_name_of_their_page(house: House, site: Site) -> None:
    site.page("/", "Words of the first page.", "/b", "/gone", title="First")
    site.page("/b", "Words of the second page.")
    status, detail = await crawl(house, f'{{"url": "{site.url()}", "ignoreHref": true}}')
    assert (status, detail) == ("Success", f"1 page could not be read: {site.url('/gone')} (the host answered 404).")
    kept = await house.execute("SELECT metadata, page FROM chunks ORDER BY ordinal")
    assert kept[0] == ({"url": site.url(), "title": "First"}, None) and kept[-1] == ({"url": site.url("/b")}, None)
    assert await house.execute("SELECT pages, embedded FROM documents") == [(2, len(kept))]
    assert not house.kept()


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ("no order", "The crawl order cannot be used: file: it is no JSON"),
        ('{"url": "https://x.example/", "maxDepth": 7}', "The crawl order cannot be used: maxDepth: "),
        ('{"url": "http://127.0.0.3/"}', "No page could be read: http://127.0.0.3/ (the address lies in a network"),
    ],
)
async def test_what_cannot_be_crawled_fails_in_words(house: House, order: str, why: str) -> None:
    status, detail = await crawl(house, order)
    assert status == "Failed" and detail.startswith(why)


async def test_a_site_without_text_is_invalid_content(house: House, site: Site) -> None:
    site.put("/", "<div id=root></div>")
    assert await crawl(house, f'{{"url": "{site.url()}"}}') == ("Failed", NO_TEXT)


async def test_a_document_that_is_deleted_stops_its_crawl(house: House, site: Site) -> None:
    site.page("/", "Words.", *(f"/{number}" for number in range(5)))
    site.put("/0", "<p>Slow.", waits=site.ending)
    document = await house.add(f'{{"url": "{site.url()}"}}'.encode())
    await house.execute("UPDATE documents SET extension = 'web'")
    find = house.ingest._find

    async def find_once(order: object) -> object:
        """The document goes when the second page is about to be asked."""
        if site.read:
            async with house.database.begin() as connection:
                await connection.execute(text("DELETE FROM documents"))
        return await find(order)  # type: ignore[arg-type]

    house.ingest._find = find_once  # type: ignore[method-assign, assignment]
    arguments = {"profile_id": house.key.profile_id, "document_id": document, "revision": 1}
    await house.ingest.run(house.key.organization_id, house.key.project_id, arguments)
    assert site.read == ["/"] and house.model.texts == []


async def test_where_nothing_is_crawled_an_order_is_refused(house: House) -> None:
    house.ingest = IngestDocument(
        Library(house.database, house.blobs, Parser(), house.index, house.model, house.maybe_profile),  # type: ignore[arg-type]
        house.steps,
    )
    status, detail = await crawl(house, '{"url": "https://x.example/"}')
    assert status == "Failed" and "not read here" in detail
