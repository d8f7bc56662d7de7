"""Of near twins one is enough, as far as the weight says so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.assistants.search.questions.mmr import choose_diverse

TWINS = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)


@pytest.mark.parametrize(("weight", "places"), [(1.0, [0, 1]), (0.5, [0, 2]), (0.0, [0, 2])])
def test_a_twin_comes_second_only_where_nearness_is_all(weight: float, places: list[int]) -> None:
    assert choose_diverse([0.9, 0.89, 0.5], TWINS, 2, weight) == places


def test_the_most_relevant_is_first_wherever_it_stands() -> None:
    assert choose_diverse([0.1, 0.2, 0.9], TWINS, 1, 0.0) == [2]


def test_nothing_of_nothing() -> None:
    assert choose_diverse([], TWINS[:0], 3, 0.5) == []
    assert choose_diverse([0.5], TWINS[:1], 0, 0.5) == []


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12),
    st.integers(1, 15),
    st.floats(0, 1),
)
def test_every_place_once_and_as_many_as_there_are(scores: list[float], k: int, weight: float) -> None:
    vectors = np.random.default_rng(len(scores)).normal(size=(len(scores), 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    places = choose_diverse(scores, vectors, k, weight)
    assert len(places) == len(set(places)) == min(k, len(scores))
    assert scores[places[0]] == max(scores)
    if weight == 1.0:
        assert [scores[place] for place in places] == sorted(scores, reverse=True)[:k]
