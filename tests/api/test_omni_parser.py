"""`/v1/omni-parser/process` through the door: parts of files, formats of their text, and every refusal."""

from __future__ import annotations

from typing import Any

import pytest

from tests.files import FORM, docx, form, xlsx
from tests.live import Answer, LiveServer
from tests.server.retrieval import documents as made

PATH = "/v1/omni-parser/process"
ITEM = "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>point</w:t></w:r></w:p>"
TITLE = '<w:p><w:pPr><w:pStyle w:val="Heading2"/></w:pPr><w:r><w:t>A &amp; B</w:t></w:r></w:p>'
CELL = "<w:tc><w:p><w:r><w:t>{}</w:t></w:r></w:p></w:tc>"
TABLE = "<w:tbl>{}</w:tbl>".format(
    "".join("<w:tr>" + "".join(map(CELL.format, row)) + "</w:tr>" for row in (("n", "v|w"), ("x", "1")))
)
TOLD = "<w:p><w:r><w:t>This is a sentence that tells something to its reader.</w:t></w:r></w:p>"
WORD = docx(TITLE + TOLD + ITEM + TABLE)


def process(server: LiveServer, content: bytes, filename: str, **fields: str) -> Answer:
    return server.request("POST", PATH, form(content, filename, **fields), FORM)


def parts(answer: Answer) -> list[dict[str, Any]]:
    assert answer.status == 200, answer.body
    found = answer.json()
    assert (found["status"], found["usage"]) == ("success", {"total_cost": 0.0, "total_tokens": 0, "currency": "USD"})
    assert found["requestId"]
    return list(found["parts"])


def test_the_sample_of_the_reference(server: LiveServer) -> None:
    document = made.pdf([[(f"Words of page {n}", 10, 0)] for n in range(1, 8)])
    found = parts(process(server, document, "sample.pdf", startPage="4", endPage="6"))
    assert found == [{"type": "UncategorizedText", "text": f"Words of page {n}", "page": n} for n in (4, 5, 6)]


@pytest.mark.parametrize(
    ("form_of_text", "texts"),
    [
        ("", ["A & B", "...", "- point", "n\tv|w", "x\t1"]),
        ("plainText", ["A & B", "...", "- point", "n\tv|w", "x\t1"]),
        ("markdown", ["## A & B", "...", "- point", "| n | v\\|w |\n| --- | --- |", "| x | 1 |"]),
        (
            "html",
            ["<h2>A &amp; B</h2>", "<p>...</p>", "<li>- point</li>", "<tr><th>n</th><th>v|w</th></tr>",
             "<tr><td>x</td><td>1</td></tr>"],
        ),
    ],
)  # fmt: skip
def test_types_of_parts_and_formats_of_their_text(server: LiveServer, form_of_text: str, texts: list[str]) -> None:
    found = parts(process(server, WORD, "a.docx", outputFormat=form_of_text))
    assert [part["type"] for part in found] == ["Title", "NarrativeText", "ListItem", "Row", "Row"]
    told = "This is a sentence that tells something to its reader."
    assert [part["text"].replace(told, "...") for part in found] == texts
    assert all("page" not in part and "midTime" not in part for part in found)


def test_rows_of_a_sheet_with_the_names_of_their_columns(server: LiveServer) -> None:
    found = parts(process(server, xlsx([["Fruit", "Price"], ["Apple", "3"]]), "a.xlsx", structure='"table"'))
    assert found[1] == {"type": "Row", "text": "Fruit: Apple\nPrice: 3", "page": 1}


def test_what_was_not_done_is_told_beside_the_parts(server: LiveServer) -> None:
    answer = process(server, b"words", "a.txt", strategy="hi_res", model="openai/gpt-4o", whisperModel="small")
    assert "hi_res" in answer.json()["messages"][0] and len(parts(answer)) == 1


def test_a_file_without_text_fails_with_200(server: LiveServer) -> None:
    answer = process(server, b" \n ", "a.txt")
    assert (answer.status, answer.json()["status"], answer.json()["parts"]) == (200, "failed", [])
    assert "no text" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "filename", "fields", "refused"),
    [
        (b"%PDF-1.4 nothing", "a.pdf", {}, 45),
        (b"", "a.txt", {}, 2028),
        (b"x", "a.exe", {}, 2027),
        (b"x", "a", {}, 2027),
        (b"x", "a.mp3", {}, 45),
        (b"x", "a.txt", {"startPage": "first"}, 11),
        (b"x", "a.txt", {"outputFormat": "poem"}, 11),
        (b"x", "a.txt", {"endPage": "99999999999"}, 11),
        (b"x\xe9y z", "a\0b\ud800.txt".encode("utf-8", "surrogatepass").decode("latin-1"), {}, 0),
    ],
)
def test_refusals(server: LiveServer, content: bytes, filename: str, fields: dict[str, str], refused: int) -> None:
    answer = process(server, content, filename, **fields)
    assert answer.status == (400 if refused else 200), answer.body
    if refused:
        assert answer.json()["errors"][0]["id"] == refused


def test_a_form_without_a_file_is_refused(server: LiveServer) -> None:
    answer = server.request("POST", PATH, form(b"x", "a.txt", field="other").replace(b'; filename="a.txt"', b""), FORM)
    assert (answer.status, answer.json()["errors"][0]["id"]) == (400, 9)


def test_a_token_of_an_organization_is_out_of_scope(server: LiveServer) -> None:
    answer = server.request("POST", PATH, form(b"x", "a.txt"), FORM, token=server.token("organization"))
    assert (answer.status, answer.json()["errors"][0]["id"]) == (403, 7)
