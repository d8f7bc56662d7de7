"""Documents read in the bounded process: what comes back of it, and what is refused."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import pytest

from portico.server.errors import ContentUnreadable, MediaNotSupported
from portico.server.retrieval import parse
from portico.server.retrieval.parse import Bounds, NoText, Parsed, ParseOptions, Parser
from tests import files
from tests.server.retrieval import documents as made

pytestmark = pytest.mark.anyio
HAS_OCR = importlib.util.find_spec("rapidocr") is not None
ROOM = Bounds(time_s=300)
"""For a machine that does much else."""


async def read(content: bytes | Path, name: str, bounds: Bounds = ROOM, content_type: str = "") -> Parsed:
    return await Parser(bounds).read_document(content, content_type, name)


async def test_blocks_come_out_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(made.pdf([[("A heading", 20, 0), ("words below it", 10, 30)]]))
    parsed = await read(path, "report.pdf", content_type="text/plain")
    assert [(b.kind, b.text, b.page) for b in parsed.blocks] == [
        ("title", "A heading", 1),
        ("text", "words below it", 1),
    ]
    assert (parsed.pages, parsed.skipped, parsed.chunks) == (1, (), None)


@pytest.mark.parametrize("name", ["a.mp3", "a.mp4", "a.web", "a.zip", "noextension"])
async def test_46_a_kind_that_is_not_read_says_so(name: str) -> None:
    with pytest.raises(MediaNotSupported, match=r"not read|not done here"):
        await read(b"\0\1", name)


async def test_a_file_without_text_has_the_documented_reason() -> None:
    with pytest.raises(NoText) as caught:
        await read(b" \n\t\n", "a.txt")
    assert caught.value.message == "Invalid content" and isinstance(caught.value, ContentUnreadable)


async def test_a_broken_file_has_a_reason() -> None:
    with pytest.raises(ContentUnreadable, match="damaged PDF"):
        await read(b"%PDF-1.4 nothing", "a.pdf")


RTF = rb"{\rtf1\ansi {\b Title}\par Hello world\par \trowd\cellx1000\cellx2000 a\cell b\cell\row}"


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [(RTF, "a.rtf", "Hello world"), (made.odt("First words", "second"), "a.odt", "First words")],
)
async def test_other_kinds_of_office_files(content: bytes, name: str, text: str) -> None:
    assert any(text in block.text for block in (await read(content, name)).blocks)


async def test_what_a_damaged_file_of_those_gets() -> None:
    with pytest.raises(ContentUnreadable, match="no MSG file"):
        await read(b"no mail", "a.msg")


async def test_a_sheet_that_claims_more_cells_than_memory_has_is_refused() -> None:
    sheet = files.xlsx([["a"]])
    rows = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    far = _with_rows(sheet, rows)
    with pytest.raises(ContentUnreadable, match="memory"):
        await read(far, "a.xlsx", Bounds(time_s=300, memory_bytes=512 * 1024**2))


def _with_rows(sheet: bytes, rows: bytes) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(sheet)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = "xl/worksheets/sheet1.xml"
    members[name] = re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData>" + rows + b"</sheetData>", members[name])
    return files.zipped(members)


async def test_the_process_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTICO_MASTER_KEY", "secret")
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert "secret" not in "".join(parse._environment().values())
    assert "PATH" in parse._environment() or "PATH" not in os.environ


@pytest.mark.skipif(not HAS_OCR, reason="the extra `ocr` is not installed")
async def test_words_in_pictures_and_scanned_pages_are_read(tmp_path: Path) -> None:
    lines = ("The invoice number is 4711", "Please pay 99 euros")
    picture = await read(made.drawn(*lines), "scan.png")
    assert [b.kind for b in picture.blocks] == ["image"] * len(picture.blocks)
    assert "4711" in " ".join(b.text for b in picture.blocks)
    page = made.scanned_pdf(*made.drawn_grey(*lines))
    scanned = await Parser(ROOM).read_document(page, "", "scan.pdf", ParseOptions(dpi=100))
    assert "4711" in " ".join(b.text for b in scanned.blocks) and scanned.blocks[0].page == 1


async def test_a_scan_that_no_time_is_left_for_has_no_text() -> None:
    page = made.scanned_pdf(bytes(100 * 100), 100, 100)
    with pytest.raises(NoText):
        await read(page, "scan.pdf", Bounds(time_s=300, scans_s=0))


@pytest.mark.skipif(not HAS_OCR, reason="the extra `ocr` is not installed")
async def test_a_broken_picture_has_a_reason() -> None:
    with pytest.raises(ContentUnreadable, match=r"damaged picture|no picture"):
        await read(b"\x89PNG\r\n\x1a\n" + b"x" * 50, "a.png")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"startPage": "-1"}, "startPage"),
        ({"startPage": "two"}, "startPage"),
        ({"startPage": "5", "endPage": "4"}, "endPage"),
        ({"dpi": "100000"}, "dpi"),
        ({"structure": "tree"}, "structure"),
        ({"strategy": "magic"}, "strategy"),
        ({"hiResMode": "perhaps"}, "hiResMode"),
    ],
)
async def test_a_wrong_parameter_is_named(fields: dict[str, str], name: str) -> None:
    from portico.server.errors import BadRequest

    with pytest.raises(BadRequest) as caught:
        ParseOptions.read(fields)
    assert caught.value.param == name


async def test_parameters_come_as_texts_in_quotes_or_as_json() -> None:
    told = {"startPage": '"2"', "endPage": 3, "structure": "Table", "hiResMode": True, "whisperModel": "small"}
    assert ParseOptions.read(told) == ParseOptions(start_page=2, end_page=3, structure="table", strategy="hi_res")
