"""Both places for bytes, by the same tests: a folder, and a bucket of a store that speaks S3."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from portico.server.errors import StartError, StorageAway
from portico.server.settings import Secret, Settings
from portico.server.storage.blobs import BlobMissing, Blobs, open_blobs
from portico.server.storage.blobs.folder import FolderBlobs
from portico.server.storage.blobs.s3 import S3Blobs
from portico.server.storage.blobs.s3_request import Bucket, S3Requests
from tests.server.storage.blobs.bucket_server import BucketServer

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def bucket_server() -> Iterator[BucketServer]:
    with BucketServer() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
async def blobs(
    request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: object, bucket_server: BucketServer
) -> AsyncIterator[Blobs]:
    if request.param == "folder":
        opened = open_blobs(Settings.load({}, data_dir=tmp_path))
    else:
        opened = open_blobs(
            Settings.load(
                {
                    "PORTICO_FILES_BUCKET_URL": bucket_server.make_bucket(),
                    "PORTICO_FILES_BUCKET_ACCESS_KEY": bucket_server.access_key,
                    "PORTICO_FILES_BUCKET_SECRET_KEY": bucket_server.secret_key,
                    "PORTICO_FILES_BUCKET_PREFIX": "portico/",
                },
                data_dir=tmp_path,
            )
        )
    yield opened
    await opened.close()


def new_key() -> str:
    return f"{uuid4()}/{uuid4()}/{uuid4()}"


async def pieces(*sizes: int, then: BaseException | None = None) -> AsyncIterator[bytes]:
    for number, size in enumerate(sizes):
        yield bytes([number]) * size
    if then is not None:
        raise then


async def whole(blobs: Blobs, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.read(key, start, end)])


async def keys(blobs: Blobs) -> list[str]:
    return [found.key async for found in blobs.list_all()]


@pytest.mark.parametrize("sizes", [(0,), (1,), (3, 5), (MIB,) * 19, (20 * MIB + 7,)])
async def test_what_was_written_is_read(blobs: Blobs, sizes: tuple[int, ...]) -> None:
    key = new_key()
    stored = await blobs.put(key, pieces(*sizes))
    content = b"".join(bytes([number]) * size for number, size in enumerate(sizes))
    assert (stored.size_bytes, stored.sha256) == (len(content), hashlib.sha256(content).digest())
    assert await whole(blobs, key) == content
    assert key in await keys(blobs)
    async with blobs.as_file(key) as path:
        assert path.read_bytes() == content


@pytest.mark.parametrize(("start", "end"), [(0, 1), (2, 5), (4, None), (9, 10), (3, 3)])
async def test_a_part_is_read(blobs: Blobs, start: int, end: int | None) -> None:
    key = new_key()
    await blobs.put(key, pieces(5, 5))
    assert await whole(blobs, key, start, end) == (b"\0" * 5 + b"\1" * 5)[start:end]


@pytest.mark.parametrize("sizes", [(10,), (9 * MIB, 9 * MIB)])
async def test_nothing_is_left_of_what_broke_off(blobs: Blobs, sizes: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError, match="the client left"):
        await blobs.put(new_key(), pieces(*sizes, then=RuntimeError("the client left")))
    assert await keys(blobs) == []
    assert await blobs.tidy(0) == 0, "an unfinished upload was left"


async def test_nothing_is_left_of_what_was_cancelled(blobs: Blobs) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 9 * MIB
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(blobs.put(new_key(), endless()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(blobs) == []
    assert await blobs.tidy(0) == 0


async def test_nothing_is_left_of_what_was_cancelled_while_it_began(
    tmp_path: Path, anyio_backend: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun, goes_on = FolderBlobs._begin, threading.Event(), threading.Event()

    def begin_late(blobs: FolderBlobs, key: str) -> Any:
        begun.set()
        assert goes_on.wait(60)
        return begin(blobs, key)

    monkeypatch.setattr(FolderBlobs, "_begin", begin_late)
    writing = asyncio.create_task(FolderBlobs(tmp_path).put(new_key(), pieces(3)))
    assert await asyncio.to_thread(begun.wait, 60)
    writing.cancel()
    await asyncio.sleep(0)
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


async def test_what_is_written_again_is_replaced(blobs: Blobs) -> None:
    key = new_key()
    await blobs.put(key, pieces(5))
    await blobs.put(key, pieces(2))
    assert await whole(blobs, key) == b"\0\0"


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(blobs: Blobs) -> None:
    key, other = new_key(), new_key()
    await blobs.put(key, pieces(1))
    await blobs.put(other, pieces(1))
    await blobs.delete([key, new_key()])
    await blobs.delete([key])
    assert await keys(blobs) == [other]
    with pytest.raises(BlobMissing):
        await whole(blobs, key)
    with pytest.raises(BlobMissing):
        async with blobs.as_file(key):
            pass


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a/b", f"{uuid4()}/{uuid4()}/../{uuid4()}"])
async def test_a_key_is_never_a_path(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        await blobs.put(key, pieces(1))


async def test_files_of_others_are_not_ours(tmp_path: Path, anyio_backend: object) -> None:
    blobs = open_blobs(Settings.load({}, data_dir=tmp_path))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "notes.txt").write_text("not ours")
    assert await keys(blobs) == []


async def test_unfinished_uploads_are_tidied_away(tmp_path: Path, anyio_backend: object) -> None:
    """As kill -9 leaves them."""
    blobs = open_blobs(Settings.load({}, data_dir=tmp_path))
    half = tmp_path / "files" / str(uuid4()) / "x.0011223344556677.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    assert await blobs.tidy(3600) == 0
    assert await blobs.tidy(-1) == 1
    assert not half.exists()


async def test_a_bucket_that_is_away_is_said_to_be(anyio_backend: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.server.storage.blobs.s3_request._FIRST_PAUSE_S", 0.001)
    blobs = S3Blobs(S3Requests(Bucket("http://127.0.0.1:9/files", "us-east-1", "key", Secret("secret"))))
    with pytest.raises(StorageAway):
        await blobs.put(new_key(), pieces(1))
    with pytest.raises(StorageAway):
        await whole(blobs, new_key())
    await blobs.close()


async def test_a_wrong_bucket_is_said_without_its_keys(bucket_server: BucketServer, anyio_backend: object) -> None:
    url = bucket_server.make_bucket() + "-that-is-not"
    blobs = S3Blobs(S3Requests(Bucket(url, "us-east-1", "the-key", Secret("the-secret"))))
    with pytest.raises(StorageAway, match="NoSuchBucket") as refused:
        await blobs.put(new_key(), pieces(1))
    assert "the-" not in str(refused.value)
    await blobs.close()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PORTICO_FILES_BUCKET_URL": "https://s3.example.com/b"}, "PORTICO_FILES_BUCKET_ACCESS_KEY is not"),
        (
            {"PORTICO_FILES_BUCKET_URL": "https://s3.example.com/b", "PORTICO_FILES_BUCKET_ACCESS_KEY": "k"},
            "PORTICO_FILES_BUCKET_SECRET_KEY is not",
        ),
        (
            {
                "PORTICO_FILES_BUCKET_URL": "my-bucket",
                "PORTICO_FILES_BUCKET_ACCESS_KEY": "k",
                "PORTICO_FILES_BUCKET_SECRET_KEY": "s",
            },
            "no address",
        ),
    ],
)
def test_half_a_bucket_is_no_start(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=said):
        open_blobs(Settings.load(environ, data_dir=tmp_path))
