"""Housekeeping: what has expired, what nobody names, and what is not ours to delete."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from portico.server.assistants.files.manage import Description, FileRules, FileStore
from portico.server.assistants.files.refusals import DocumentNotFound, InvalidFileSize
from portico.server.assistants.files.sweep import FileSweep
from portico.server.errors import PayloadTooLarge
from portico.server.ids import ProjectId
from portico.server.settings import Settings
from portico.server.storage.blobs import open_blobs
from portico.server.storage.documents import NewContent, insert_document
from portico.server.storage.search_profiles import maybe_profile
from tests.server.access.house import House, open_house

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str, tmp_path: Path, anyio_backend: object) -> AsyncIterator[House]:
    opened = await open_house(database_url, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def store(house: House, tmp_path: Path) -> FileStore:
    return FileStore(house.tenancy, open_blobs(Settings.load({}, data_dir=tmp_path)), FileRules(100, 0.0, 0))


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def keys(store: FileStore) -> set[str]:
    return {found.key async for found in store.blobs.list_all()}


async def test_what_has_expired_goes_with_its_bytes(house: House, store: FileStore) -> None:
    place = await store.find_place(house.member, (), ())
    row = await store.create(house.member, place, once(b"x"), lambda: Description("a.txt"))
    kept = await store.create(house.member, place, once(b"x"), lambda: Description("a.txt", folder="legal"))
    with pytest.raises(DocumentNotFound):
        await store.find(place, row.file_id)
    assert await FileSweep(store).sweep() == (1, 0)
    assert await keys(store) == {kept.blob}
    assert (await store.find(place, kept.file_id)).file_id == kept.file_id


async def test_bytes_without_a_file_go_when_they_are_old(house: House, store: FileStore) -> None:
    own = f"{house.member.organization_id}/{house.member.project_id}/{uuid4()}"
    foreign = f"{uuid4()}/{uuid4()}/{uuid4()}"
    for key in (own, f"{own}.text", foreign):
        await store.blobs.put(key, once(b"x"))
    assert await FileSweep(store).sweep() == (0, 0)
    assert await FileSweep(store).sweep(orphan_s=-1) == (0, 2)
    assert await keys(store) == {foreign}, "another installation's file in the same bucket"


async def test_bytes_of_documents_stay_and_those_of_deleted_ones_go(house: House, store: FileStore) -> None:
    """And with them what was read out of them."""
    place = house.member.organization_id, house.member.project_id or ""
    kept, gone = (f"{place[0]}/{place[1]}/{uuid4()}" for _ in range(2))
    for key in (kept, f"{kept}.parsed1", gone, f"{gone}.parsed2"):
        await store.blobs.put(key, once(b"x"))
    async with house.tenancy.database.begin() as connection:
        profile = await maybe_profile(connection, place[0], ProjectId(place[1]), "Default")
        assert profile is not None
        await insert_document(connection, profile.key, NewContent("a", "txt", "text/plain", 1, b"", kept), {}, {})
    assert await FileSweep(store).sweep(orphan_s=-1) == (0, 2)
    assert await keys(store) == {kept, f"{kept}.parsed1"}


@pytest.mark.parametrize(("content", "refusal"), [(b"", InvalidFileSize), (b"x" * 101, PayloadTooLarge)])
async def test_a_refused_file_leaves_nothing(
    house: House, store: FileStore, content: bytes, refusal: type[Exception]
) -> None:
    place = await store.find_place(house.member, (), ())
    with pytest.raises(refusal):
        await store.create(house.member, place, once(content), lambda: Description("a.txt"))
    assert await keys(store) == set()
    assert await store.list(place) == []
