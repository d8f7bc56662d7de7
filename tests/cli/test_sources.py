"""How a passage that an answer rests on is named."""

from __future__ import annotations

import pytest

from portico.cli.sources import place_of


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [
        (0, 7, "talk.mp3, at 0:00-0:07"),
        (247, 300, "talk.mp3, at 4:07-5:00"),
        (3750, 3760, "talk.mp3, at 1:02:30-1:02:40"),
    ],
)
def test_a_passage_of_a_recording_names_its_time(first: int, last: int, shown: str) -> None:
    times = {"startTime": first, "endTime": last}
    assert place_of({"metadata": {"name": "talk", "extension": "mp3", **times}}) == shown
