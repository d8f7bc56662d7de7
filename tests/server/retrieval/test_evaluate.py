"""Figures of rankings, against values worked out by hand."""

from __future__ import annotations

import math

import pytest

from portico.server.retrieval.evaluate import (
    Answered,
    collapse,
    measure,
    ndcg,
    percentile,
    recall,
    reciprocal_rank,
)

FOUND = ("a", "b", "c", "d")


def test_the_right_document_first_is_perfect() -> None:
    assert ndcg(FOUND, {"a"}, 10) == 1.0
    assert recall(FOUND, {"a"}, 1) == 1.0
    assert reciprocal_rank(FOUND, {"a"}, 10) == 1.0


def test_ndcg_falls_with_the_logarithm_of_the_place() -> None:
    assert ndcg(FOUND, {"b"}, 10) == pytest.approx(1 / math.log2(3))  # 0.6309
    assert ndcg(FOUND, {"c"}, 10) == 0.5  # 1 / log2(4)


def test_ndcg_of_several_right_documents_is_against_the_best_order_there_could_be() -> None:
    # Gains 1/log2(2) and 1/log2(4) of at best 1/log2(2) and 1/log2(3): 1.5 / 1.63093.
    assert ndcg(FOUND, {"a", "c"}, 10) == pytest.approx(1.5 / (1 + 1 / math.log2(3)))
    assert ndcg(FOUND, {"a", "b"}, 10) == pytest.approx(1.0)
    # Of three right ones only two can stand among the first two.
    assert ndcg(FOUND, {"a", "b", "x"}, 2) == pytest.approx(1.0)


def test_what_stands_behind_k_does_not_count() -> None:
    assert ndcg(FOUND, {"d"}, 3) == 0.0
    assert recall(FOUND, {"d"}, 3) == 0.0
    assert reciprocal_rank(FOUND, {"d"}, 3) == 0.0


def test_recall_is_the_share_of_all_that_is_right() -> None:
    assert recall(FOUND, {"a", "d"}, 1) == 0.5
    assert recall(FOUND, {"a", "d"}, 4) == 1.0
    assert recall(FOUND, {"a", "x", "y", "z"}, 10) == 0.25


def test_the_reciprocal_rank_is_of_the_first_right_one() -> None:
    assert reciprocal_rank(FOUND, {"d", "c"}, 10) == pytest.approx(1 / 3)


def test_nothing_found_and_nothing_expected_are_0() -> None:
    assert ndcg((), {"a"}, 10) == recall((), {"a"}, 10) == reciprocal_rank((), {"a"}, 10) == 0.0
    assert ndcg(FOUND, set(), 10) == recall(FOUND, set(), 10) == 0.0


def test_chunks_of_one_document_count_once_at_their_best_place() -> None:
    assert collapse(["a", "a", "b", "a", "c"]) == ("a", "b", "c")


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([30.0, 10.0, 20.0, 40.0], 50) == 20.0
    assert percentile([float(value) for value in range(1, 101)], 95) == 95.0
    assert percentile([7.0], 95) == 7.0
    assert percentile([], 95) == 0.0


def test_a_run_is_the_mean_of_its_questions() -> None:
    answers = [
        Answered(frozenset({"a"}), ("a", "b"), 10.0),
        Answered(frozenset({"b"}), ("a", "b"), 20.0),
        Answered(frozenset({"x"}), ("a", "b"), 30.0),
    ]

    quality = measure(answers)

    assert quality.questions == 3
    assert quality.ndcg == pytest.approx((1 + 1 / math.log2(3)) / 3)
    assert quality.mrr == pytest.approx(0.5)
    assert quality.recall == ((1, pytest.approx(1 / 3)), (5, pytest.approx(2 / 3)), (10, pytest.approx(2 / 3)))
    assert (quality.p50_ms, quality.p95_ms) == (20.0, 30.0)


def test_recalls_are_told_up_to_k_and_at_k() -> None:
    answers = [Answered(frozenset({"a"}), ("a",), 1.0)]

    assert [depth for depth, _ in measure(answers, 7).recall] == [1, 5, 7]
    assert [depth for depth, _ in measure(answers, 20).recall] == [1, 5, 10, 20]


def test_a_run_without_questions_is_0() -> None:
    assert measure([]).ndcg == 0.0
