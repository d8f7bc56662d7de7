"""The sets of questions, how pages are cut, and what is asked of the fused search; no package is fetched."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.retrieval import corpus, quality
from benchmarks.retrieval.corpus import LANGUAGES, PACKAGES, SETS, NoPackages, Page, build, check, read_text

_TITLE = '<div class="section"><div class="titlepage"><div><div><h2 class="title"><a id="{}"></a>{}</h2>'
CHAPTER = (
    '<html><body><div class="navheader">Prev</div><p>About.</p>'
    + _TITLE.format("one", "5.1. First?") + "<p>Yes.</p></div></div></div></div>"
    + _TITLE.format("two", "5.2. Second?") + '<p>No.</p></div></div></div></div><div class="navfooter">Next</div>'
)  # fmt: skip


@pytest.mark.parametrize("name", ["questions", "terms", *(f"questions-{one}" for one in LANGUAGES if one != "en")])
def test_every_line_of_a_set_is_a_question_with_pages_of_the_packages(name: str) -> None:
    rows = [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text("utf-8").splitlines()]

    assert len({row["question"].casefold() for row in rows}) == len(rows)
    for row in rows:
        assert set(row) == {"question", "expected", "source"}
        assert row["question"].strip() == row["question"] and row["expected"]
        assert {page.split("/")[0] for page in row["expected"]} <= set(PACKAGES)
        assert row["source"] == row["expected"][0].split("/")[0]


def test_the_two_sets_are_large_spread_over_the_packages_and_of_different_kinds() -> None:
    words = {}
    for name in quality.GATED:
        rows = [json.loads(line) for line in (SETS / f"{name}.jsonl").read_text("utf-8").splitlines()]
        assert len(rows) >= 150
        assert min(Counter(row["source"] for row in rows)[package] for package in PACKAGES) >= 15
        words[name] = sorted(len(row["question"].split()) for row in rows)
    middle = {name: counts[len(counts) // 2] for name, counts in words.items()}
    assert middle["questions"] >= 8
    assert middle["terms"] <= 2
    assert words["terms"][-1] <= 5


def test_a_chapter_is_cut_into_its_sections() -> None:
    cut = dict(corpus._cut("software.en.html", CHAPTER))

    assert list(cut) == ["software.html#one", "software.html#two"]
    assert read_text(cut["software.html#one"]) == "5.1. First?\nYes."
    assert "<title>5.2. Second?</title>" in cut["software.html#two"]
    assert read_text(cut["software.html#two"]) == "5.2. Second?\nNo."


def test_a_text_has_a_line_for_each_block_and_no_scripts() -> None:
    html = "<head><title>t</title></head><body><script>x()</script><p>One <b>two</b>\n three.</p><ul><li>four</ul>"

    assert read_text(html) == "One two three.\nfour"


def test_a_set_that_names_a_page_that_there_is_not_is_told(tmp_path: Path) -> None:
    file = tmp_path / "set.jsonl"
    rows = [{"question": "a", "expected": ["p/x.html"]}, {"question": "A", "expected": ["p/y.html"]}]
    file.write_text("\n".join(map(json.dumps, rows)))

    assert check([Page("p/x.html", "", "", file)], file) == [
        "set.jsonl:2: there is no document p/y.html",
        "set.jsonl:2: asked before: A",
    ]


def test_a_machine_without_apt_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoPackages, match=r"apt-get is not here; .* put git-doc_\*\.deb in"):
        build(tmp_path / "out", tmp_path / "cache")


def test_the_fused_search_has_to_be_near_the_better_one_on_both_and_above_both_on_the_mean() -> None:
    def aims(words: tuple[float, float], vectors: tuple[float, float], fused: tuple[float, float]) -> list[bool]:
        scores = {"words": words, "vectors": vectors, "fused": fused}
        sets = {
            name: {method: {"ndcg": values[place]} for method, values in scores.items()}
            for place, name in enumerate(quality.GATED)
        }
        return [row["good"] for row in quality._aims(sets)]

    assert aims((0.3, 0.8), (0.7, 0.7), (0.695, 0.81)) == [True, True, True]
    assert aims((0.3, 0.8), (0.7, 0.7), (0.65, 0.85)) == [False, True, True]
    assert aims((0.7, 0.7), (0.7, 0.7), (0.695, 0.695)) == [True, True, False]
