"""Blocks to chunks: nothing lost, no larger than asked, cut where it hurts least, and alike wherever the text is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portico.server.retrieval.blocks import Block, Parsed, ReadyChunk
from portico.server.retrieval.chunk import Chunk, split
from portico.server.retrieval.profile import ChunkRules
from tests.server.retrieval.parsing.reading import parse

SENTENCE = "This is sentence number {} of a long text about nothing at all."


def prose(first: int, count: int) -> str:
    return " ".join(SENTENCE.format(number) for number in range(first, first + count))


RULES = ChunkRules()


def chunks(text: str, rules: ChunkRules = RULES, name: str = "a.md") -> list[Chunk]:
    return split(parse(text, name), rules)


def letters(text: str) -> str:
    return "".join(text.split())


def test_a_section_is_a_chunk_below_its_headings() -> None:
    found = chunks(f"# Guide\n\n{prose(0, 10)}\n\n## Install\n\n{prose(10, 10)}\n")
    assert [(c.heading, c.line_from, c.line_to) for c in found] == [("Guide", 1, 3), ("Guide > Install", 5, 7)]
    assert found[1].text.startswith("Install\n\nThis is")
    assert found[1].searched == f"Guide\n{found[1].text}"


def test_a_long_paragraph_is_cut_between_sentences_and_laps_over_by_one() -> None:
    found = chunks(prose(0, 60))
    assert len(found) > 3 and all(len(c.text) <= 1000 for c in found)
    assert all(c.text.startswith("This is") and c.text.endswith("all.") for c in found)
    for before, after in pairwise(found):
        assert before.text.endswith(after.text[: after.text.index(".") + 1])
    assert all(c.text == c.searched for c in found)


def test_pages_are_not_mixed() -> None:
    blocks = tuple(Block("text", prose(page * 100, 6), page=page, line_from=1, line_to=6) for page in (1, 2))
    found = split(Parsed(blocks, 2), ChunkRules())
    assert [c.page for c in found] == [1, 2]


def test_a_sentence_over_two_pages_is_whole_in_the_second_chunk() -> None:
    blocks = (
        Block("text", prose(0, 6) + " It begins here", page=1),
        Block("text", "and ends there. " + prose(6, 5), page=2),
    )
    assert "It begins here" in split(Parsed(blocks, 2), ChunkRules())[1].text


def test_a_large_table_repeats_its_header() -> None:
    rows = [f"| row {number} | {number * 7} |" for number in range(200)]
    found = chunks("# Prices\n\n| name | price |\n| --- | --- |\n" + "\n".join(rows))
    assert len(found) > 3
    assert found[0].text.startswith("Prices\n\n| name | price |\n| --- | --- |\n| row 0 |")
    assert all(c.text.startswith("| name | price |\n| --- | --- |\n| row ") for c in found[1:])
    assert [line for c in found for line in c.text.split("\n") if line.startswith("| row")] == rows
    assert (found[0].line_from, found[-1].line_to) == (1, 204)
    assert found[1].searched.startswith("Prices\n| name")


def test_a_table_that_fits_stays_with_its_text() -> None:
    text = "Prices follow.\n\n| name | price |\n| --- | --- |\n| a | 1 |"
    assert [c.text for c in chunks(text)] == [text]


def test_tiny_sections_of_one_heading_are_put_together() -> None:
    text = "# Terms\n\nIntro.\n\n" + "\n\n".join(f"## Term {n}\n\nMeaning {n}." for n in range(30))
    found = chunks(text)
    assert 2 <= len(found) <= 5
    assert found[1].heading == "Terms"
    assert letters(text).replace("#", "") == letters("".join(c.text for c in found))


def test_code_is_cut_between_lines() -> None:
    code = "```\n" + "\n".join(f"    value_{n} = call(a, b. C)  # comment. More" for n in range(60)) + "\n```"
    found = chunks(code)
    lines = code.split("\n")
    assert len(found) > 2 and all(line in lines for c in found for line in c.text.split("\n"))


def test_a_heading_without_a_text_goes_with_the_next() -> None:
    found = chunks(f"# A\n\n## B\n\n{prose(0, 3)}\n\n# Last")
    assert [c.heading for c in found] == ["A > B", ""]
    assert found[0].text.startswith("A\nB\n\nThis") and found[1].text == "Last"


def test_parents_are_read_and_children_searched() -> None:
    rules = ChunkRules(parent=True, child_size=200, child_overlap=20)
    found = chunks(f"# Guide\n\n{prose(0, 40)}", rules)
    parents = [place for place, c in enumerate(found) if c.is_parent]
    assert len(parents) > 1 and all(c.parent is None for c in found if c.is_parent)
    for place, chunk in enumerate(found):
        if not chunk.is_parent:
            assert chunk.parent is not None and chunk.parent == max(one for one in parents if one < place)
            assert len(chunk.text) <= 200 and found[chunk.parent].heading == chunk.heading
    without = chunks(f"# Guide\n\n{prose(0, 40)}")
    assert [c.text for c in found if c.is_parent] == [c.text for c in without]


def test_custom_chunks_are_not_cut() -> None:
    ready = ReadyChunk("x" * 5000, {"a": 1})
    assert split(Parsed(chunks=(ready,)), ChunkRules()) == [Chunk("x" * 5000, "x" * 5000, metadata={"a": 1})]


def test_clean_text_has_single_blanks_and_no_hidden_signs() -> None:
    text = "one   two\u200b three\u00a0four\n    five\n"
    assert chunks(text, ChunkRules(clean=True), "a.txt")[0].text == "one two three four\nfive"
    assert "one   two" in chunks(text, name="a.txt")[0].text


@pytest.mark.parametrize(("size", "overlap"), [(1, 0), (40, 40), (1000, 5000), (100, -3)])
def test_strange_rules_give_chunks_all_the_same(size: int, overlap: int) -> None:
    found = chunks(prose(0, 30), ChunkRules(size=size, overlap=overlap))
    assert all(0 < len(c.text) <= max(size, 40) for c in found)


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf"]), min_size=1, max_size=40
)
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=12).map(" ".join), min_size=1, max_size=8).map("\n".join)
ROWS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=30)
BLOCKS = st.lists(
    st.one_of(
        st.builds(Block, st.just("title"), WORDS, st.integers(1, 6), st.integers(1, 3)),
        st.builds(Block, st.sampled_from(["text", "list_item", "row", "image"]), LINES, st.just(0), st.integers(1, 3)),
        ROWS.map(
            lambda rows: Block("table", "| a | b |\n| --- | --- |\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
        ),
    ),
    max_size=25,
)


def kept(blocks: Sequence[Block]) -> str:
    return letters("".join(block.text for block in blocks if block.text.strip()))


@settings(max_examples=60, deadline=None)
@given(BLOCKS, st.integers(60, 400))
def test_nothing_is_lost_and_nothing_too_large(blocks: list[Block], size: int) -> None:
    """Without overlap and repeated headers the chunks are the text again, letter by letter."""
    found = split(Parsed(tuple(blocks)), ChunkRules(size=size, overlap=0))
    assert all(0 < len(c.text) <= size for c in found)
    rows = letters("| a | b |\n| --- | --- |")
    assert letters("".join(c.text for c in found)).replace(rows, "") == kept(blocks).replace(rows, "")


@settings(max_examples=25, deadline=None)
@given(BLOCKS, st.integers(60, 400), st.integers(0, 100))
def test_overlap_and_children_are_bounded_and_the_same_each_time(blocks: list[Block], size: int, overlap: int) -> None:
    rules = ChunkRules(size=size, overlap=overlap, parent=True, child_size=80, child_overlap=10)
    found = split(Parsed(tuple(blocks)), rules)
    assert all(len(c.text) <= (size if c.is_parent else 80) for c in found)
    assert found == split(Parsed(tuple(blocks)), rules)


@pytest.mark.parametrize("place", [0, 100, 250, 499])
@pytest.mark.parametrize("kind", ["pages", "text", "rows"])
def test_a_change_costs_only_the_chunks_near_it(place: int, kind: str) -> None:
    def build(changed: str) -> Parsed:
        texts = [prose(number * 7, 7) for number in range(500)]
        texts[place] = changed + texts[place]
        if kind == "rows":
            return Parsed((Block("table", "| a |\n| --- |\n" + "\n".join(f"| {text} |" for text in texts)),))
        return Parsed(
            tuple(Block("text", text, page=i // 5 if kind == "pages" else None) for i, text in enumerate(texts))
        )

    before = {c.searched for c in split(build(""), ChunkRules())}
    after = [c.searched for c in split(build("Something new was said here, and it is longer. "), ChunkRules())]
    assert 1 <= sum(1 for text in after if text not in before) <= 30
    assert len(after) > 200
