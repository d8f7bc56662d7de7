"""Cases of `python -m benchmarks.robust` that are over soon, in their quick form: all figures are as they should be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.robust import bad_providers, breaker, database_away, hang_up, stop, worker_kill
from benchmarks.robust.figures import Figure, table


def check(figures: list[Figure]) -> None:
    assert len(figures) > 3
    assert all(figure.good for figure in figures), "\n" + table(figures)


@pytest.mark.parametrize(
    "measure", [hang_up.measure, worker_kill.measure, bad_providers.measure, stop.measure, breaker.measure],
    ids=["hang_up", "worker_kill", "bad_providers", "stop", "breaker"],
)  # fmt: skip
def test_robust(measure: Callable[[Path, bool], list[Figure]], tmp_path: Path) -> None:
    check(measure(tmp_path, True))


def test_postgresql_away_for_two_seconds_under_load_fails_no_request_and_loses_no_line(tmp_path: Path) -> None:
    """With a limit and a rate, which are leased from it."""
    check(database_away.measure_both(tmp_path, 2.0, limited=True))
