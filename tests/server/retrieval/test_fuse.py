"""Fusion: the kind of question decides, smoothly, and scores stay in their bounds."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.retrieval.fuse import (
    SHARE_ASKED,
    SHARE_NAMES,
    SHARE_TERMS,
    Fused,
    fuse,
    fuse_queries,
    share_of_words,
    shown_scores,
)
from portico.server.retrieval.lookup import WordMatch
from portico.server.retrieval.words import read_words

FUNCTION = {"how", "do", "i", "the", "a", "of", "is", "what", "in", "to", "my", "can", "are"}


def share(question: str) -> float:
    words = read_words(question, ("en",))
    return share_of_words(question, [WordMatch(word, 1, word.text in FUNCTION) for word in words])


def test_a_question_in_a_sentence_counts_words_least() -> None:
    assert share("How do I undo the last commit in my branch?") == pytest.approx(SHARE_ASKED, abs=0.01)


def test_terms_count_alike_and_names_more() -> None:
    assert share("index types") == pytest.approx(SHARE_TERMS)
    assert share("--no-ff") == pytest.approx(SHARE_TERMS + SHARE_NAMES)


def test_the_share_changes_smoothly_with_the_question() -> None:
    shares = [
        share(text) for text in ("undo commit", "undo the commit", "how to undo the commit", "how do i undo the commit")
    ]
    assert shares == sorted(shares, reverse=True)
    assert all(abs(one - other) < 0.25 for one, other in pairwise(shares))


def test_a_chunk_that_both_find_comes_before_those_that_one_finds() -> None:
    near = [(1, 0.7), (2, 0.69), *[(10 + i, 0.4 - i / 1000) for i in range(60)]]
    said = [(3, 8.0), (2, 7.9), (11, 1.0)]
    assert fuse(near, said, 10.0, 0.4)[0].chunk_id == 2


def test_the_range_of_the_model_does_not_matter_much() -> None:
    """Two models with the same opinion, one of which uses a quarter of the range."""
    near = [(i, 0.7 - i * 0.008) for i in range(60)]
    narrow = [(chunk_id, 0.7 + score / 4) for chunk_id, score in near]
    said = [(5, 6.0), (70, 3.0)]
    order = [one.chunk_id for one in fuse(near, said, 10.0, 0.2)][:5]
    assert set(order) & set([one.chunk_id for one in fuse(narrow, said, 10.0, 0.2)][:6]) >= set(order[:3])


def test_one_list_alone_keeps_its_order() -> None:
    near = [(4, 0.6), (2, 0.5), (9, 0.1)]
    assert [one.chunk_id for one in fuse(near, [], 0.0, 0.3)] == [4, 2, 9]
    assert [one.chunk_id for one in fuse([], near, 1.0, 1.0)] == [4, 2, 9]
    assert fuse([], [], 0.0, 0.3) == []


def test_what_several_questions_find_comes_first() -> None:
    lists = [[Fused(1, 0.5), Fused(2, 0.4)], [Fused(2, 0.45), Fused(3, 0.1)]]
    assert [one.chunk_id for one in fuse_queries(lists)] == [2, 1, 3]


pairs = st.lists(st.tuples(st.integers(0, 30), st.floats(-1, 1)), unique_by=lambda pair: pair[0], max_size=30)


@given(pairs, pairs, st.floats(0, 1))
def test_any_lists_are_fused_in_order_and_every_chunk_once(
    near: list[tuple[int, float]], said: list[tuple[int, float]], part: float
) -> None:
    near = sorted(near, key=lambda pair: -pair[1])
    said = sorted(((chunk_id, abs(score)) for chunk_id, score in said), key=lambda pair: -pair[1])
    fused = fuse(near, said, 1.0, part)
    scores = [one.score for one in fused]
    assert scores == sorted(scores, reverse=True)
    assert {one.chunk_id for one in fused} == {chunk_id for chunk_id, _ in [*near, *said]}
    assert len(fused) == len({one.chunk_id for one in fused})


@given(pairs, pairs, st.floats(0, 1))
def test_shown_scores_lie_between_0_and_1_and_never_rise(
    near: list[tuple[int, float]], said: list[tuple[int, float]], part: float
) -> None:
    shown = shown_scores(list(range(31)), dict(near), dict(said), part)
    assert shown == sorted(shown, reverse=True)
    assert all(0 <= score <= 1 for score in shown)
