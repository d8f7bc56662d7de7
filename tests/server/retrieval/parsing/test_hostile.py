"""Files that somebody broke, or made to do harm: a reason in words, and no crash."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest

from portico.server.retrieval.parsing.failure import Unreadable
from tests import files
from tests.server.retrieval import documents as made
from tests.server.retrieval.parsing.reading import parse

LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;'>]>"
OUTSIDE = "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"
DEEP = "<w:sdt>" * 3000


def bomb() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as member:
        for _ in range(40):
            member.write(b" " * 1024 * 1024)
    return out.getvalue()


def many_members() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
        for number in range(20_001):
            archive.writestr(str(number), "")
    return out.getvalue()


def locked_zip() -> bytes:
    """The flag of a password on each member."""
    data = bytearray(made.docx(made.paragraph("x")))
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    return bytes(data)


WORD = made.docx(made.paragraph("Some words") * 200)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (b"", "a.pdf", "empty"),
        (b"", "a.md", "empty"),
        (WORD[: len(WORD) // 2], "a.docx", "no office file|missing"),
        (WORD.replace(b"PK\x01\x02", b"PK\x09\x09"), "a.docx", "no office file|missing|damaged"),
        (made.docx("<w:p>"), "a.docx", "damaged"),
        (made.docx(DEEP + "</w:sdt>" * 3000), "a.docx", "nested too deeply"),
        (files.docx("<w:p><w:t>&b;</w:t></w:p>", LAUGHS), "a.docx", "entities"),
        (files.docx("<w:p><w:t>&a;</w:t></w:p>", OUTSIDE), "a.docx", "entities"),
        (made.epub({"a": "x"}, ["a"], LAUGHS), "a.epub", "entities"),
        (made.epub({"a": "x"}, ["nowhere"]), "a.epub", "names no chapters"),
        (bomb, "a.docx", "unpacks"),
        (many_members, "a.docx", "unpacks"),
        (locked_zip(), "a.docx", "password"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.docx", "protected by a password"),
        (OLE, "a.xls", "no workbook"),
        (files.zipped({"readme": "x"}), "a.txt", "ZIP archive"),
        (files.zipped({"readme": "x"}), "a.docx", "has no word/document.xml"),
        (b"no workbook", "a.xlsx", "workbook"),
        (made.pdf([[("x", 10, 0)]])[:300], "a.pdf", "damaged PDF"),
        (b"%PDF-1.7 and nothing", "a.pdf", "damaged PDF"),
        (b"[" * 200_000, "a.json", "nested too deeply|no JSON"),
        (b'{"a": 1', "a.json", "line 1, column"),
        (b'{"a": 1}\n{"a"', "a.jsonl", "line 2"),
        (b"9" * 10_000, "a.json", "too long"),
        (bytes(range(256)) * 20, "a.txt", "no text"),
        (b"words without a head", "a.eml", "no mail"),
    ],
)
def test_a_reason_in_words(content: bytes | Callable[[], bytes], name: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse(content() if callable(content) else content, name)


def test_characters_are_counted() -> None:
    with pytest.raises(Unreadable, match="more than 100 characters"):
        parse("many words " * 20, "a.txt", characters=100)
    with pytest.raises(Unreadable, match="more than 100 characters"):
        parse('[{"pageContent": "' + "x" * 101 + '"}]', "a.custom", characters=100)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<p>" + b"<div>" * 100_000 + b"deep", "a.html"),
        (b"<table>" * 3000 + b"deep", "a.html"),
        (b"<ul><li>" * 5000 + b"deep", "a.html"),
        (b"<nav>" + b"</nav>" * 5000 + b"deep", "a.html"),
        (b"> " * 20_000 + b"deep", "a.md"),
        (b"- " * 20_000 + b"deep", "a.md"),
        (b'a,"' + b"x\n" * 1000 + b"deep", "a.csv"),
    ],
)
def test_strange_nesting_is_read(content: bytes, name: str) -> None:
    assert any("deep" in block.text for block in parse(content, name).blocks)


def test_signs_that_no_database_holds_are_gone() -> None:
    parsed = parse("a\0b\x1b[31m \ud800 soft\u00adhyphen".encode("utf-8", "surrogatepass")[0:2] + b"end\x07", "a.html")
    assert all(sign.isprintable() for block in parsed.blocks for sign in block.text)
