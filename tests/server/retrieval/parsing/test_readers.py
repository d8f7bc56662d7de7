"""Each kind of file to its blocks: headings, items, tables, pages and lines."""

from __future__ import annotations

import pytest

from portico.server.retrieval.parsing.failure import Unreadable
from tests import files
from tests.server.retrieval import documents as made
from tests.server.retrieval.parsing.reading import blocks, find, parse

MARKDOWN = """# Guide

Intro line one
goes on.

## Steps
- first
  goes on
- second

    still second
1. third

```sh
# no heading
ls | cat
```

| a | b |
|---|:-:|
| 1 | 2 |

Setext
------
end"""


def test_markdown_has_headings_items_code_and_tables() -> None:
    parsed = parse(MARKDOWN, "a.md")
    assert [(b.kind, b.level, b.text) for b in parsed.blocks] == [
        ("title", 1, "Guide"),
        ("text", 0, "Intro line one\ngoes on."),
        ("title", 2, "Steps"),
        ("list_item", 1, "- first\n  goes on"),
        ("list_item", 1, "- second\n\n    still second"),
        ("list_item", 1, "1. third"),
        ("text", 0, "```sh\n# no heading\nls | cat\n```"),
        ("table", 0, "| a | b |\n|---|:-:|\n| 1 | 2 |"),
        ("title", 2, "Setext"),
        ("text", 0, "end"),
    ]
    assert [(b.line_from, b.line_to) for b in parsed.blocks][:3] == [(1, 1), (3, 4), (6, 6)]
    assert (parsed.blocks[-1].line_from, parsed.blocks[-1].page) == (25, None)


def test_restructured_text_orders_its_headings_as_they_come() -> None:
    text = "=====\nTitle\n=====\n\nPart\n====\n\nwords\n\nSection\n-------\n\n* item\n"
    assert [(b.kind, b.level) for b in parse(text, "a.rst").blocks] == [
        ("title", 1),
        ("title", 2),
        ("text", 0),
        ("title", 3),
        ("list_item", 1),
    ]


def test_org_has_stars_blocks_and_tables() -> None:
    text = (
        "#+TITLE: Book\n* One\ntext\n** Two\n#+begin_src sh\n* no heading\n#+end_src\n| a | b |\n|---+---|\n| 1 | 2 |\n"
    )
    assert blocks(text, "a.org") == [
        ("title", "Book"),
        ("title", "One"),
        ("text", "text"),
        ("title", "Two"),
        ("text", "#+begin_src sh\n* no heading\n#+end_src"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
    ]


def test_plain_text_has_paragraphs_and_underlined_headings() -> None:
    assert blocks("Heading\n=======\n\none\ntwo\n\nthree\n", "a.txt") == [
        ("title", "Heading"),
        ("text", "one\ntwo"),
        ("text", "three"),
    ]


def test_code_is_cut_between_its_parts() -> None:
    text = "import os\n\n\ndef one():\n    a = 1\n\n    return a\n\n\ndef two():\n    pass\n"
    parsed = parse(text, "a.py")
    assert [b.text.split("\n")[0] for b in parsed.blocks] == ["import os", "def one():", "def two():"]
    assert (parsed.blocks[1].line_from, parsed.blocks[1].line_to) == (4, 7)


@pytest.mark.parametrize(("sign", "name"), [(",", "a.csv"), (";", "a.csv"), ("\t", "a.tsv")])
def test_csv_is_one_table(sign: str, name: str) -> None:
    text = "\n".join(sign.join(row) for row in (["Fruit", "Price|EUR"], ["Apple", "3"], ["", ""], ["Pear", ""]))
    assert blocks(text, name) == [
        ("table", "| Fruit | Price\\|EUR |\n| --- | --- |\n| Apple | 3 |\n| Pear |  |"),
    ]


def test_rows_carry_the_names_of_their_columns_when_asked() -> None:
    assert blocks("Fruit,Price\nApple,3\nPear,4,x\n", "a.csv", structure="table") == [
        ("row", "Fruit: Apple\nPrice: 3"),
        ("row", "Fruit: Pear\nPrice: 4\nColumn 3: x"),
    ]


def test_a_workbook_has_a_page_for_each_sheet() -> None:
    parsed = parse(files.xlsx([["Price list"], ["Fruit", "Price"], ["Apple", "3"]]), "a.xlsx")
    assert [(b.kind, b.text, b.page) for b in parsed.blocks] == [
        ("title", "Prices", 1),
        ("text", "Price list", 1),
        ("table", "| Fruit | Price |\n| --- | --- |\n| Apple | 3 |", 1),
    ]
    rows = files.xlsx([["Fruit", "Price"], ["Apple", "3"]])
    assert blocks(rows, "a.xlsx", structure="table")[1:] == [("row", "Fruit: Apple\nPrice: 3")]


def test_json_keeps_its_keys() -> None:
    assert blocks('{"a": {"b": [1, 2], "c": null}, "d": [{"e": "x"}, {"e": "y"}]}', "a.json") == [
        ("text", "a.b: 1, 2\na.c: null\nd[1].e: x\nd[2].e: y"),
    ]
    assert blocks('[{"e": "x", "f": {"g": true}}, {"e": "y"}]', "a.json") == [
        ("text", "e: x\nf.g: true"),
        ("text", "e: y"),
    ]
    long = "w " * 500
    assert blocks(f'{{"k": "v", "long": {{"one": "{long}", "n": 1}}}}', "a.json") == [
        ("text", "k: v"),
        ("title", "long"),
        ("text", "n: 1"),
        ("text", f"one: {long}"),
    ]


def test_json_lines_are_a_block_each() -> None:
    parsed = parse('{"a": 1}\n\n{"a": 2}\n', "a.jsonl")
    assert [(b.text, b.line_from) for b in parsed.blocks] == [("a: 1", 1), ("a: 2", 3)]


HTML = """<html><head><title>Page</title><style>x{}</style></head><body>
<nav>menu</nav><ul><li><a href=x>Home</a></li><li><a href=y>About us</a></li></ul>
<h1>Hi</h1><p>a &amp; b<br>c <b>bold</b></p><script>evil()</script>
<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p><p>more</p></li></ul>
<dl><dt>term</dt><dd>meaning</dd></dl>
<table><caption>Sizes</caption><tr><th>a</th><th>b</th></tr><tr><td>1</td><td><table><tr><td>x</td><td>y</td></tr></table></td></tr></table>
<pre>  keep
    this</pre>
<div role=navigation><div>hidden</div>hidden</div><p>end<h2>Last</h2>"""


def test_html_is_what_one_reads_of_it() -> None:
    assert blocks(HTML, "a.html") == [
        ("title", "Hi"),
        ("text", "a & b\nc bold"),
        ("list_item", "- one"),
        ("list_item", "- inner"),
        ("list_item", "- two\nmore"),
        ("list_item", "term\nmeaning"),
        ("text", "Sizes"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | x, y |"),
        ("text", "  keep\n    this"),
        ("text", "end"),
        ("title", "Last"),
    ]


def test_a_page_of_links_alone_keeps_them_below_its_name() -> None:
    page = "<title>Index</title><ul><li><a href=x>One</a></li><li><a href=y>Two</a></li></ul>"
    assert blocks(page, "a.html") == [("title", "Index"), ("list_item", "- One"), ("list_item", "- Two")]


def test_word_headings_by_name_of_their_style_items_tables_and_pages() -> None:
    item = '<w:numPr><w:ilvl w:val="1"/></w:numPr>'
    cell = "<w:tc>{}</w:tc>"
    row = (
        "<w:tr>"
        + cell.format(made.paragraph("a|b"))
        + cell.format(made.paragraph("c") + made.paragraph("d"))
        + "</w:tr>"
    )
    body = (
        made.paragraph("Title", "berschrift1")
        + made.paragraph("point", more=item)
        + f"<w:tbl>{row}{row}</w:tbl>"
        + '<w:p><w:r><w:t>before</w:t><w:br w:type="page"/><w:t>after</w:t></w:r></w:p>'
        + "<mc:AlternateContent xmlns:mc='urn:mc'><mc:Fallback>"
        + made.paragraph("twice")
        + "</mc:Fallback></mc:AlternateContent>"
    )
    parsed = parse(made.docx(body, {"berschrift1": "heading 1"}), "a.docx")
    assert [(b.kind, b.level, b.text, b.page) for b in parsed.blocks] == [
        ("title", 1, "Title", 1),
        ("list_item", 2, "- point", 1),
        ("table", 0, "| a\\|b | c d |\n| --- | --- |\n| a\\|b | c d |", 1),
        ("text", 0, "before", 1),
        ("text", 0, "after", 2),
    ]


def test_slides_come_in_the_order_in_which_they_are_shown() -> None:
    slides = (
        made.shape("Hello", "ctrTitle") + made.shape("one\ntwo", "body"),
        made.shape("7", "sldNum") + made.shape("Next", "title"),
    )
    parsed = parse(made.pptx(slides, notes="say this"), "a.pptx")
    assert [(b.kind, b.text, b.page) for b in parsed.blocks] == [
        ("title", "Hello", 1),
        ("list_item", "- one", 1),
        ("list_item", "- two", 1),
        ("text", "say this", 1),
        ("title", "Next", 2),
    ]
    assert parsed.pages == 2
    assert [b.text for b in parse(made.pptx(slides), "a.pptx", startPage=2).blocks] == ["Next"]


def test_a_book_is_read_along_its_spine() -> None:
    doctype = '<!DOCTYPE package PUBLIC "x" "y">'
    book = made.epub({"a": "<h1>First</h1><p>one", "b": "<h1>Second</h1><p>two"}, ["b", "a"], doctype)
    parsed = parse(book, "a.epub")
    assert [(b.text, b.page) for b in parsed.blocks] == [("Second", 1), ("two", 1), ("First", 2), ("one", 2)]


MAIL = b"""Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
From: Ann <ann@example.com>
To: bob@example.com
Date: Mon, 1 Jun 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/plain; charset=latin-1

Caf\xe9 at ten?
--x
Content-Type: application/pdf
Content-Disposition: attachment; filename="plan.pdf"

...
--x--
"""


def test_a_mail_has_its_head_its_text_and_names_of_what_is_attached() -> None:
    assert blocks(MAIL, "a.eml") == [
        ("title", "Grüße"),
        ("text", "From: Ann <ann@example.com>\nTo: bob@example.com\nDate: Mon, 01 Jun 2026 10:00:00 +0000"),
        ("text", "Café at ten?"),
        ("text", "Attached: plan.pdf"),
    ]


def test_a_mail_that_is_a_web_page_is_read_as_one() -> None:
    mail = b"Subject: Hi\nContent-Type: text/html\n\n<p>one<script>x</script><p>two"
    assert [text for _, text in blocks(mail, "a.eml")] == ["Hi", "one", "two"]


def test_custom_chunks_stay_as_they_are() -> None:
    metadata = '{"n": 1, "big": 99999999999999999999, "huge": [1e400, 1.5]}'
    parsed = parse(f'[{{"pageContent": "a\\u0000b", "metadata": {metadata}}}]', "a.custom")
    assert parsed.chunks is not None and not parsed.blocks
    assert [(chunk.text, chunk.metadata) for chunk in parsed.chunks] == [
        ("ab", {"n": 1, "big": "99999999999999999999", "huge": ["1e400", 1.5]})
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "no array"),
        ("[1]", "element 1 is no object"),
        ('[{"pageContent": "x"}, {"pageContent": " "}]', "element 2 has no text"),
        ('[{"pageContent": "x", "metadata": []}]', "metadata of element 1"),
        ('[{"pageContent": "x", "metadata": {"a": NaN}}]', "NaN"),
        ("[", "no JSON"),
    ],
)
def test_a_wrong_element_of_a_custom_file_is_named(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse(text, "a.custom")


BODY = ("A line of the text that is as long as lines of a text are.", 10, 13)
PAGE = (
    ("Big heading", 20, 30),
    BODY,
    BODY,
    (BODY[0], 10, 30),
    ("1. an item of a list", 10, 13),
    ("4 Part", -10, 26),
    BODY,
)


def test_a_pdf_has_paragraphs_items_and_headings_by_the_size_of_letters() -> None:
    parsed = parse(made.pdf([PAGE]), "a.pdf")
    assert [(b.kind, b.level, b.text.count("\n"), b.page) for b in parsed.blocks] == [
        ("title", 1, 0, 1),
        ("text", 0, 1, 1),
        ("text", 0, 0, 1),
        ("list_item", 1, 0, 1),
        ("title", 2, 0, 1),
        ("text", 0, 0, 1),
    ]
    assert [(b.line_from, b.line_to) for b in parsed.blocks][:3] == [(1, 1), (2, 3), (4, 4)]


def test_a_pdf_has_headings_of_its_outline() -> None:
    pages = [[(f"Chapter {name}", 10, 0), BODY, BODY] for name in ("one", "two")]
    assert [b.text for b in parse(made.pdf(pages, outline=True), "a.pdf").blocks if b.kind == "title"] == [
        "Chapter one",
        "Chapter two",
    ]
    assert not [b for b in parse(made.pdf(pages), "a.pdf").blocks if b.kind == "title"]


def test_what_runs_through_the_pages_of_a_pdf_is_said_once() -> None:
    pages = [[("ACME handbook", 10, 0), (f"Page body {'x' * n}", 10, 30), (str(n), 10, 30)] for n in range(1, 5)]
    parsed = parse(made.pdf(pages), "a.pdf")
    assert [(b.text, b.page) for b in parsed.blocks] == [
        ("ACME handbook\nPage body x", 1),
        ("Page body xx", 2),
        ("Page body xxx", 3),
        ("Page body xxxx", 4),
    ]


def test_numbers_at_the_edge_of_pages_that_count_nothing_stay() -> None:
    pages = [[(f"Invoice no {number}", 10, 0), BODY, BODY] for number in (4711, 99, 5003)]
    assert len([b for b in parse(made.pdf(pages), "a.pdf").blocks if "Invoice" in b.text]) == 3


def test_pages_of_a_pdf_are_chosen() -> None:
    document = made.pdf([[(f"Text of page {n}", 10, 0)] for n in range(1, 6)])
    parsed = parse(document, "a.pdf", startPage=2, endPage=3)
    assert [b.page for b in parsed.blocks] == [2, 3] and parsed.pages == 5
    with pytest.raises(Unreadable, match="5 pages"):
        parse(document, "a.pdf", startPage=6)


def test_a_locked_pdf_opens_with_its_password() -> None:
    locked = made.pdf([[("Secret words", 10, 0)]], "sesame")
    assert find(parse(locked, "a.pdf", password="sesame"), "Secret").page == 1
    with pytest.raises(Unreadable, match="protected by a password"):
        parse(locked, "a.pdf")
    with pytest.raises(Unreadable, match="another one"):
        parse(locked, "a.pdf", password="wrong")


@pytest.mark.parametrize(
    ("content", "name", "text"),
    [
        (made.pdf([[("I am a PDF", 10, 0)]]), "a.docx", "I am a PDF"),
        (made.docx(made.paragraph("I am Word")), "a.pdf", "I am Word"),
        (made.docx(made.paragraph("I am Word")), "a.txt", "I am Word"),
        (b"<html><table><tr><td>Sold</td><td>3</td></tr></table>", "a.xls", "| Sold | 3 |"),
        ("﻿Läßt".encode("utf-16"), "a.txt", "Läßt"),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, name: str, text: str) -> None:
    assert text in parse(content, name).blocks[0].text


def test_what_needs_a_vision_model_is_told() -> None:
    assert "hi_res" in parse("words", "a.txt", strategy="hi_res").skipped[0]
