"""Text out of files of every kind; and out of those that somebody made to do harm."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from portico.server.errors import ContentUnreadable, MediaNotSupported
from portico.server.retrieval.parse import Bounds, Parser
from tests import files

pytestmark = pytest.mark.anyio
PARAGRAPHS = "<w:p><w:r><w:t>First</w:t></w:r></w:p><w:p><w:r><w:t>Se</w:t></w:r><w:r><w:t>cond</w:t></w:r></w:p>"
CELL = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
TABLE = f"<w:tbl><w:tr>{CELL.format('a')}{CELL.format('b')}</w:tr></w:tbl>"
BREAK = '<w:p><w:r><w:br w:type="page"/><w:t>Third</w:t></w:r></w:p>'
WORD = files.docx(PARAGRAPHS + TABLE + BREAK)
SHEET = files.xlsx([["Fruit", "Price"], ["Apple", "3"]])
HTML = b"<html><head><style>x{}</style></head><body><h1>Hi</h1><p>a &amp; b<br>c</p><script>evil()</script>"


async def read(content: bytes, name: str, content_type: str = "", bounds: Bounds | None = None) -> tuple[str, ...]:
    return (await Parser(bounds or Bounds()).read_text(content, content_type, name)).pages


@pytest.mark.parametrize(
    ("content", "name", "pages"),
    [
        ("niño 日本\n".encode(), "a.txt", ("niño 日本\n",)),
        ("\ufeffmarked".encode("utf-16"), "a.txt", ("\ufeffmarked",)),
        ("El niño comió una piña en la mañana y después durmió la siesta.".encode("latin-1"), "a.txt", None),
        (b"# Title\n\n* one", "a.md", ("# Title\n\n* one",)),
        (b'{"a": [1, 2]}', "a.json", ('{"a": [1, 2]}',)),
        (b"a,b\n1,2\n", "a.csv", ("a,b\n1,2\n",)),
        (b"<a><b>x</b></a>", "a.xml", ("<a><b>x</b></a>",)),
        (HTML, "a.html", ("Hi\n\na & b\nc",)),
        (files.pdf("Page one", "Page two"), "a.pdf", ("Page one", "Page two")),
        (WORD, "a.docx", ("First\n\nSecond\n\n| a | b |\n| --- | --- |", "Third")),
        (files.pptx("Slide one", "Slide two"), "a.pptx", ("Slide one", "Slide two")),
        (
            files.xlsx([["Fruit", "Price"], ["Apple", "3"]]),
            "a.xlsx",
            ("Prices\n\n| Fruit | Price |\n| --- | --- |\n| Apple | 3 |",),
        ),
    ],
)
async def test_the_text_of_a_file(content: bytes, name: str, pages: tuple[str, ...] | None) -> None:
    found = await read(content, name)
    if pages is None:
        assert "niño" in found[0] and "mañana" in found[0]
    else:
        assert found == pages


async def test_the_content_type_goes_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(files.pdf("Words"))
    assert (await Parser().read_text(path, "application/pdf", "contract")).text == "Words"


@pytest.mark.parametrize("name", ["a.png", "a.mp3", "a.zip", "a.exe", "noextension"])
async def test_46_a_kind_without_text(name: str) -> None:
    with pytest.raises(MediaNotSupported):
        await read(b"\0\1", name)


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"not a pdf", "a.pdf", "damaged PDF"),
        (files.pdf("Words")[:200], "a.pdf", "damaged PDF|no text"),
        (files.pdf(""), "a.pdf", "no text"),
        (b"not a zip", "a.docx", "no office file"),
        (files.zipped({"other.xml": "<a/>"}), "a.docx", "has no word/document.xml"),
        (files.docx("<w:p>"), "a.docx", "damaged"),
        (b"not a workbook", "a.xlsx", "workbook"),
        (b"", "a.txt", "no text"),
        (bytes(range(256)) * 20, "a.txt", "no text"),
    ],
)
async def test_45_a_broken_file(content: bytes, name: str, why: str) -> None:
    with pytest.raises(ContentUnreadable, match=why):
        await read(content, name)


async def test_entities_are_refused() -> None:
    laughs = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>"
    with pytest.raises(ContentUnreadable, match="entities"):
        await read(files.docx("<w:p><w:t>&b;</w:t></w:p>", laughs), "a.docx")


async def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        for _ in range(40):
            member.write(b" " * 1024 * 1024)
    with pytest.raises(ContentUnreadable, match="unpacks"):
        await Parser().read_text(path, "", "a.docx")


async def test_memory_is_bounded() -> None:
    with pytest.raises(ContentUnreadable, match="memory"):
        await read(b"a" * 80 * 1024 * 1024, "a.html", bounds=Bounds(memory_bytes=160 * 1024 * 1024))


async def test_time_is_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(ContentUnreadable, match="longer"):
        await read(b"<p>" * 20_000_000, "a.html", bounds=Bounds(time_s=0.5))
    assert time.monotonic() - began < 60


async def test_too_much_text_is_refused() -> None:
    with pytest.raises(ContentUnreadable, match="more than 10 characters"):
        await read(b"a" * 11, "a.txt", bounds=Bounds(characters=10))
