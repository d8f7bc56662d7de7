"""Cases of `python -m benchmarks.robust` that are over soon, in their quick form: all figures are as they should be.

How long something took is left to the benchmark: a machine that does much else would fail a test for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.robust import bad_providers, breaker, database_away, hang_up, stop, worker_kill
from benchmarks.robust.figures import Figure, table

TIME = re.compile(r"^seconds|, m?s$")


def check(figures: list[Figure]) -> None:
    held = [figure for figure in figures if not TIME.search(figure.what)]
    assert len(held) > 2
    assert all(figure.good for figure in held), "\n" + table(figures)


@pytest.mark.parametrize(
    "measure", [hang_up.measure, worker_kill.measure, bad_providers.measure, stop.measure, breaker.measure],
    ids=["hang_up", "worker_kill", "bad_providers", "stop", "breaker"],
)  # fmt: skip
def test_robust(measure: Callable[[Path, bool], list[Figure]], tmp_path: Path) -> None:
    check(measure(tmp_path, True))


def test_postgresql_away_for_two_seconds_under_load_fails_no_request_and_loses_no_line(tmp_path: Path) -> None:
    """With a limit and a rate, which are leased from it."""
    check(database_away.measure_both(tmp_path, 2.0, limited=True))
