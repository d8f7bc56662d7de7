"""The SDK with files, against a live server: paths, bytes, open files, addresses; up, down and listed, in both ways."""

from __future__ import annotations

import asyncio
import io
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from portico import AsyncPortico, NotFound, Portico, PorticoError
from tests.live import LiveServer

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def live(request: pytest.FixtureRequest) -> LiveServer:
    """The suite's live server; `server` is another one in this folder."""
    return request.getfixturevalue("_live")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def _live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("files"), {"PORTICO_LOCAL_MODELS": "false"}) as live:
        yield live


@pytest.fixture
def portico(live: LiveServer) -> Iterator[Portico]:
    with Portico(live.token(), live.url) as client:
        yield client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "niño 日本.bin"
    path.write_bytes(CONTENT)
    return path


def test_a_file_goes_up_and_comes_down(portico: Portico, path: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    made = portico.files.upload(path, folder="día", on_progress=lambda done, size: told.append((done, size)))
    assert told[-1] == (len(CONTENT), len(CONTENT)) and len(told) > 3
    data = portico.files.get(made.data_file_id)
    assert (data.data_file_name, data.data_file_extension, data.folder) == ("niño 日本", "bin", "día")
    assert portico.files.read(made.data_file_id) == CONTENT
    told.clear()
    copy = portico.files.download(
        made.data_file_id, tmp_path / "copy", on_progress=lambda done, size: told.append((done, size))
    )
    assert copy.read_bytes() == CONTENT and told[-1] == (len(CONTENT), len(CONTENT))
    assert portico.low.files.get_file_content(made.data_file_id)["encoding"] == "base64"
    portico.files.delete(made.data_file_id)
    with pytest.raises(NotFound, match="Document Not Found"):
        portico.files.download(made.data_file_id, tmp_path / "gone")
    assert not (tmp_path / "gone").exists() and not list(tmp_path.glob("*.part"))


def test_bytes_and_open_files_go_up(portico: Portico, path: Path) -> None:
    made = portico.files.upload(b"words", name="notes.txt", folder="a")
    assert portico.files.read(made.data_file_id) == b"words"
    with path.open("rb") as file:
        file.seek(10)
        assert portico.files.read(portico.files.upload(file, folder="a").data_file_id) == CONTENT[10:]
    made = portico.files.upload(Unseekable(CONTENT), name="stream.bin", folder="a")
    assert portico.files.read(made.data_file_id) == CONTENT


class Unseekable(io.RawIOBase):
    """As a pipe."""

    def __init__(self, content: bytes) -> None:
        self._left = content

    def read(self, size: int = -1) -> bytes:
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def seekable(self) -> bool:
        return False


def test_an_address_goes_up(portico: Portico, live: LiveServer) -> None:
    """What is fetched gets no token of ours: the server refuses, and nothing is uploaded."""
    made = portico.files.upload_url(f"{live.url}/health", name="health.json", folder="url")
    assert portico.files.get(made.data_file_id).data_file_size > 0
    with pytest.raises(PorticoError, match=r"Unauthorized|401"):
        portico.files.upload_url(f"{live.url}/v1/files/all")
    with pytest.raises(PorticoError, match="no address"):
        portico.files.upload_url("file:///etc/passwd")


def test_what_cannot_be_sent_is_said(portico: Portico, tmp_path: Path) -> None:
    with pytest.raises(PorticoError, match="cannot be read"):
        portico.files.upload(tmp_path / "nothing")
    with pytest.raises(PorticoError, match="no name"):
        portico.files.upload(b"words")
    with pytest.raises(PorticoError, match="id is empty"):
        portico.files.get(" ")


def test_a_list_goes_over_pages(portico: Portico, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.managers.files.PAGE", 2)
    folder = secrets.token_hex(4)
    made = [portico.files.upload(b"x", name=f"{n}.txt", folder=folder).data_file_id for n in range(5)]
    assert [item.data_file_id for item in portico.files.list(folder=folder)] == made[::-1]


def test_the_same_for_asyncio(live: LiveServer, path: Path, tmp_path: Path) -> None:
    async def go() -> None:
        async with AsyncPortico(live.token(), live.url) as client:
            told: list[int] = []
            made = await client.files.upload(path, folder="async", on_progress=lambda done, _: told.append(done))
            assert told[-1] == len(CONTENT)
            assert (await client.files.get(made.data_file_id)).data_file_size == len(CONTENT)
            assert await client.files.read(made.data_file_id) == CONTENT
            copy = await client.files.download(made.data_file_id, tmp_path / "copy")
            assert copy.read_bytes() == CONTENT
            fetched = await client.files.upload_url(f"{live.url}/health", folder="async")
            listed = [item.data_file_id async for item in client.files.list(folder="async")]
            assert listed == [fetched.data_file_id, made.data_file_id]
            await client.files.delete(made.data_file_id)
            with pytest.raises(NotFound):
                await client.files.get(made.data_file_id)

    asyncio.run(go())
