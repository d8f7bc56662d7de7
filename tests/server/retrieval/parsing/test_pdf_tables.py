"""Tables of PDFs: ruled ones, and words that stand below one another; and what only looks like one."""

from __future__ import annotations

from collections.abc import Sequence

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from portico.server.retrieval.parsing import pdf
from portico.server.retrieval.parsing.pdf_rules import Drawings
from tests.server.retrieval.documents import mono, placed, stroke, wrapped_pdf
from tests.server.retrieval.documents import pdf as make_pdf
from tests.server.retrieval.parsing.reading import blocks, parse

XS, STEP, TOP = (100, 220, 340), 20, 700
FRUIT = [
    ["Fruit", "Colour", "Price"],
    ["Apple", "green", "3.50"],
    ["Plum", "blue", "12.00"],
    ["Quince", "gold", "8.25"],
]
HEAD = "| Fruit | Colour | Price |\n| --- | --- | --- |\n"
TABLE = HEAD + "| Apple | green | 3.50 |\n| Plum | blue | 12.00 |\n| Quince | gold | 8.25 |"
ABOVE = placed(72, 740, "What fruit costs is told in this table.")
BELOW = placed(72, 560, "All prices are without taxes and without the bags.")


def cells(rows: Sequence[Sequence[str]], *, bold: bool = False, xs: Sequence[float] = XS, top: float = TOP) -> str:
    return "".join(
        placed(x + 4, top - 14 - STEP * row, text, -10 if bold and row == 0 else 10)
        for row, texts in enumerate(rows)
        for x, text in zip(xs, texts, strict=True)
        if text
    )


def levels(places: Sequence[int], right: float = 460) -> str:
    return stroke(*((XS[0], TOP - STEP * place, right, TOP - STEP * place) for place in places))


def uprights(rows: int) -> str:
    return stroke(*((x, TOP, x, TOP - STEP * rows) for x in (*XS, 460)))


def boxes(rows: int, paint: str = "S") -> str:
    return "".join(f"{x} {TOP - STEP * (row + 1)} 120 {STEP} re {paint}\n" for row in range(rows) for x in XS)


def bars(rows: int) -> str:
    """Lines as some programs draw them: filled rectangles that are very thin."""
    lying = "".join(f"{XS[0]} {TOP - STEP * row} 360 0.5 re f\n" for row in range(rows + 1))
    return lying + "".join(f"{x} {TOP - STEP * rows} 0.5 {STEP * rows} re f\n" for x in (*XS, 460))


def one_path(rows: int) -> str:
    lying = "".join(f"{XS[0]} {TOP - STEP * row} m 460 {TOP - STEP * row} l\n" for row in range(rows + 1))
    return lying + "".join(f"{x} {TOP} m {x} {TOP - STEP * rows} l\n" for x in (*XS, 460)) + "S\n"


def tables(*pages: str) -> list[str]:
    return [text for kind, text in blocks(make_pdf([[]] * len(pages), drawn=pages), "a.pdf") if kind == "table"]


@pytest.mark.parametrize(
    "rules",
    [
        levels(range(5)) + uprights(4),
        boxes(4),
        bars(4),
        one_path(4),
        f"q 2 0 0 2 0 0 cm q .5 0 0 .5 0 0 cm {boxes(4)} Q Q\n",
    ],
    ids=["lines", "boxes", "bars", "one path", "a changed frame"],
)
def test_a_ruled_table_stands_between_the_texts_around_it(rules: str) -> None:
    page = make_pdf([[]], drawn=[ABOVE + rules + cells(FRUIT) + BELOW])
    assert blocks(page, "a.pdf") == [
        ("text", "What fruit costs is told in this table."),
        ("table", TABLE),
        ("text", "All prices are without taxes and without the bags."),
    ]


def test_a_page_that_is_a_picture_of_drawing_orders() -> None:
    """A form, as stamps and booklets wrap whole pages; its own measure is another one."""
    page = ABOVE + boxes(4) + cells(FRUIT)
    assert [text for kind, text in blocks(wrapped_pdf(page), "a.pdf") if kind == "table"] == [TABLE]


def test_lines_are_counted_as_the_text_has_them() -> None:
    parsed = parse(make_pdf([[]], drawn=[ABOVE + boxes(4) + cells(FRUIT) + BELOW]), "a.pdf")
    assert [(b.line_from, b.line_to) for b in parsed.blocks] == [(1, 1), (2, 6), (7, 7)]


def test_a_cell_over_two_columns_and_an_empty_one() -> None:
    rows = [["Fruit", "Where and when", ""], ["Apple", "hill", "May"], ["Plum", "", "June"]]
    rules = levels(range(4)) + stroke(*((x, TOP, x, TOP - 60) for x in (100, 220, 460)), (340, TOP - 20, 340, TOP - 60))
    assert tables(rules + cells(rows)) == [
        "| Fruit | Where and when |  |\n| --- | --- | --- |\n| Apple | hill | May |\n| Plum |  | June |"
    ]


def test_a_cell_of_several_lines_is_one() -> None:
    rules = levels([0, 1, 3, 4]) + uprights(4)
    words = cells(FRUIT[:1]) + placed(104, 666, "Apple") + placed(224, 666, "green or") + placed(224, 652, "yellow")
    words += placed(344, 666, "3.50") + cells([FRUIT[2]], top=TOP - 60)
    assert tables(rules + words) == [
        "| Fruit | Colour | Price |\n| --- | --- | --- |\n| Apple | green or yellow | 3.50 |\n| Plum | blue | 12.00 |"
    ]


def test_rows_without_rules_between_them_are_rows() -> None:
    assert tables(levels([0, 1, 4]) + uprights(4) + cells(FRUIT)) == [TABLE]
    assert tables(levels([0, 1, 4]) + cells(FRUIT)) == [TABLE]


def test_a_line_above_the_head_is_text() -> None:
    rows = [["Fruit of the year", "", ""], *FRUIT]
    rules = levels(range(6)) + stroke(
        *((x, TOP, x, TOP - 100) for x in (100, 460)), *((x, 680, x, 600) for x in XS[1:])
    )
    assert blocks(make_pdf([[]], drawn=[rules + cells(rows)]), "a.pdf") == [
        ("text", "Fruit of the year"),
        ("table", TABLE),
    ]


@pytest.mark.parametrize("rotate", [90, 180, 270])
def test_a_page_that_is_turned(rotate: int) -> None:
    turns = {90: "0 1 -1 0 612 0", 180: "-1 0 0 -1 612 792", 270: "0 -1 1 0 0 792"}
    page = f"q {turns[rotate]} cm {boxes(4)}{cells(FRUIT)} Q"
    assert [text for kind, text in blocks(make_pdf([[]], drawn=[page], rotate=rotate), "a.pdf") if kind == "table"] == [
        TABLE
    ]


def test_words_below_one_another_are_a_table() -> None:
    assert tables(ABOVE + cells(FRUIT, bold=True) + BELOW) == [TABLE]


def test_a_head_that_is_not_to_be_seen_stays_empty() -> None:
    rows = [["Anna", "Bonn", "red"], ["Bert", "Rome", "blue"], ["Carl", "Oslo", "grey"], ["Dora", "Bern", "pink"]]
    (table,) = tables(cells(rows))
    assert table.splitlines()[:3] == ["|  |  |  |", "| --- | --- | --- |", "| Anna | Bonn | red |"]


def test_numbers_on_the_right_are_one_column() -> None:
    rows = [("Rent", "1,200.00"), ("Power", "85.50"), ("Water", "9.00"), ("Paper", "12.75")]
    words = placed(100, 700, "What", -10) + placed(262, 700, "Euro", -10)
    for place, (name, number) in enumerate(rows, 1):
        words += placed(100, 700 - 14 * place, name) + placed(285 - 5 * len(number), 700 - 14 * place, number)
    assert tables(words) == [
        "| What | Euro |\n| --- | --- |\n| Rent | 1,200.00 |\n| Power | 85.50 |\n| Water | 9.00 |\n| Paper | 12.75 |"
    ]


def test_a_cell_goes_on_below() -> None:
    words = cells([*FRUIT[:3]], bold=True) + placed(224, 634, "or nearly black") + cells(FRUIT[3:], top=628)
    (table,) = tables(words)
    assert "| Plum | blue or nearly black | 12.00 |\n| Quince | gold | 8.25 |" in table


def test_a_table_over_two_pages_has_its_head_on_both() -> None:
    more = [["Pear", "green", "2.10"], ["Cherry", "red", "6.00"], ["Fig", "violet", "9.90"]]
    first, second = boxes(4) + cells(FRUIT, bold=True), boxes(4) + cells([FRUIT[0], *more], bold=True)
    foot = placed(300, 40, "4")
    repeated = parse(make_pdf([[], []], drawn=[first + foot, second + foot]), "a.pdf")
    unsaid = parse(make_pdf([[], []], drawn=[first, boxes(3) + cells(more)]), "a.pdf")
    expected = [
        (1, TABLE),
        (2, HEAD + "\n".join(f"| {' | '.join(row)} |" for row in more)),
    ]
    assert [(b.page, b.text) for b in repeated.blocks if b.kind == "table"] == expected
    assert [(b.page, b.text) for b in unsaid.blocks] == expected


LEFT = [
    "The harbour is old and was",
    "built when ships had sails",
    "and goods were carried by",
    "hand along narrow streets",
]
RIGHT = [
    "Today it is a place where",
    "people sit in the evening",
    "and look at the water, as",
    "their parents have done so",
]


@pytest.mark.parametrize("across", [False, True])
def test_prose_in_two_columns_stays_prose(across: bool) -> None:
    one = [placed(72, 700 - 13 * row, text) for row, text in enumerate(LEFT)]
    other = [placed(320, 700 - 13 * row, text) for row, text in enumerate(RIGHT)]
    drawn = [part for pair in zip(one, other, strict=True) for part in pair] if across else [*one, *other]
    found = blocks(make_pdf([[]], drawn=["".join(drawn)]), "a.pdf")
    assert {kind for kind, _ in found} == {"text"}
    assert sum(len(text.split()) for _, text in found) == sum(len(line.split()) for line in LEFT + RIGHT)


TITLES = [("Arrival", 1), ("Papers to bring", 3), ("Where to sleep", 8), ("Going home again", 12), ("Index", 20)]


@pytest.mark.parametrize("dots", [" . . . . . . . . . . . . ", ""])
def test_a_table_of_contents_stays_text(dots: str) -> None:
    words = "".join(
        placed(100, 700 - 14 * row, title + dots) + placed(400, 700 - 14 * row, str(page))
        for row, (title, page) in enumerate(TITLES)
    )
    found = blocks(make_pdf([[]], drawn=[words]), "a.pdf")
    assert {kind for kind, _ in found} == {"text"} and "Papers to bring" in "".join(text for _, text in found)


@pytest.mark.parametrize("marks", ["12345", "-----", "abcde"])
def test_items_with_marks_far_before_them_are_items(marks: str) -> None:
    words = "".join(
        placed(100, 700 - 14 * row, mark if mark == "-" else f"{mark}.") + placed(130, 700 - 14 * row, title)
        for row, (mark, (title, _)) in enumerate(zip(marks, TITLES, strict=True))
    )
    assert [kind for kind, _ in blocks(make_pdf([[]], drawn=[words]), "a.pdf")] == ["list_item"] * 5


def test_a_listing_with_numbers_of_its_lines_is_no_table() -> None:
    code = ["int main", "  return 0;", "  a = b;", "  call it;"]
    words = "".join(mono(100, 700 - 12 * n, str(n + 9)) + mono(140, 700 - 12 * n, line) for n, line in enumerate(code))
    assert tables(words) == []


def test_what_meanings_of_words_are_told_in_sentences_is_no_table() -> None:
    words = "".join(
        placed(100, 700 - 14 * row, title)
        + placed(220, 700 - 14 * row, "is told here in a sentence that goes on and on")
        for row, (title, _) in enumerate(TITLES)
    )
    assert tables(words) == []


@pytest.mark.parametrize(
    "drawn",
    [
        levels(range(9)) + uprights(8) + placed(104, 500, "Figure 3"),
        "90 500 420 240 re S " + placed(100, 700, "A note in a frame.") + placed(100, 686, "It has two lines."),
        levels(range(3)) + placed(104, 686, "Between rules") + placed(104, 666, "stands text."),
    ],
    ids=["a chart without words", "a frame", "rules without columns"],
)
def test_lines_that_are_drawn_make_no_table(drawn: str) -> None:
    assert tables(drawn) == []


def test_bars_in_cells_are_quoted() -> None:
    rows = [["a|b", "c", "d"], ["1", "2", "3"]]
    assert tables(boxes(2) + cells(rows)) == ["| a\\|b | c | d |\n| --- | --- | --- |\n| 1 | 2 | 3 |"]


def test_no_word_is_lost_or_said_twice() -> None:
    page = ABOVE + boxes(4) + cells(FRUIT) + placed(480, 666, "a note beside it") + BELOW
    text = " ".join(text for _, text in blocks(make_pdf([[]], drawn=[page]), "a.pdf"))
    words = text.replace("|", " ").replace("---", " ").split()
    said = f"{' '.join(' '.join(row) for row in FRUIT)} What fruit costs is told in this table. a note beside it"
    assert sorted(words) == sorted(f"{said} All prices are without taxes and without the bags.".split())


def test_a_page_that_draws_very_much_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map or a chart: its words are read, and of its lines no more than a bounded number."""
    looked = 0
    get = pdfium.FPDFPage_GetObject

    def count(*arguments: object) -> object:
        nonlocal looked
        looked += 1
        return get(*arguments)

    monkeypatch.setattr(pdfium, "FPDFPage_GetObject", count)
    lines = stroke(*((100, 100 + n % 600, 400, 100 + n % 600) for n in range(100_000)))
    assert blocks(make_pdf([[]], drawn=[ABOVE + lines]), "a.pdf") == [
        ("text", "What fruit costs is told in this table.")
    ]
    assert looked == 0
    one_of_many = "".join(f"{n % 500} {n % 700} m {n % 500 + 9} {n % 700} l\n" for n in range(100_000)) + "S\n"
    assert blocks(make_pdf([[]], drawn=[ABOVE + one_of_many]), "a.pdf")
    assert looked == 2


def test_a_page_with_more_lines_than_anybody_reads_is_text() -> None:
    words = "".join(placed(x, 790 - 0.3 * n, f"{n}") for n in range(2_500) for x in (100, 200, 300))
    found = blocks(make_pdf([[]], drawn=[words]), "a.pdf")
    assert "table" not in {kind for kind, _ in found} and "2499" in found[-1][1]


def test_crossings_of_many_lines_are_bounded() -> None:
    lying = "".join(f"50 {40 + 7 * n} m 580 {40 + 7 * n} l\n" for n in range(100))
    rules = lying + "".join(f"{50 + 7 * n} 40 m {50 + 7 * n} 733 l\n" for n in range(76)) + "S\n"
    many = "".join(f"{50 + n % 70 * 7} {40 + n // 70 * 7} 3.5 3.5 re S\n" for n in range(6_000))
    assert tables(rules) == [] and tables(rules + many + ABOVE) == []


def test_what_a_document_may_draw_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    page = boxes(4) + cells(FRUIT)
    document = make_pdf([[]] * 3, drawn=[page.replace("Apple", f"Apple{n}") for n in range(3)])
    opened = pypdfium2.PdfDocument(document)
    drawings = Drawings(most=100)
    found = [bool(drawings.list_rules(opened[place]).level) for place in range(3)]
    opened.close()
    assert found == [True, False, False] and drawings.is_spent
    monkeypatch.setattr(pdf, "Drawings", lambda: Drawings(most=100))
    parsed = parse(document, "a.pdf")
    assert any("draws very much" in said for said in parsed.skipped)
    assert "Apple2" in " ".join(block.text for block in parsed.blocks)
