"""A step ends in an outcome that can be recorded, whatever happens in it, and can be killed where it hurts."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from portico.server.errors import ContentUnreadable, ProviderAuth, ProviderOvercapacity
from portico.server.jobs import patience, steps
from portico.server.jobs.faults import Faults
from portico.server.jobs.patience import TRIES, Patience
from portico.server.jobs.steps import UNFORESEEN, EndFailed, EndQuietly, settle

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.001)


class Body:
    """Fails with these, one after the other, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.runs = 0

    async def __call__(self, _: Patience) -> None:
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)


async def test_a_step_that_succeeds_lets_the_next_one_come() -> None:
    assert await settle("x", Body()) == {}


async def test_an_end_is_an_outcome() -> None:
    assert await settle("x", Body(EndQuietly())) == {"end": "quiet"}
    assert await settle("x", Body(EndFailed("why"))) == {"end": "failed", "reason": "why"}


async def test_what_heals_is_tried_until_it_has_healed() -> None:
    body = Body(*[ProviderOvercapacity() for _ in range(5)])
    assert await settle("x", body) == {}
    assert body.runs == 6


async def test_a_refusal_is_told_in_its_own_words() -> None:
    body = Body(ProviderAuth("the key is wrong"))
    assert await settle("x", body) == {"end": "failed", "reason": "the key is wrong"}
    assert body.runs == 1


async def test_the_first_of_several_errors_counts() -> None:
    body = Body(ExceptionGroup("batches", [ExceptionGroup("inner", [ContentUnreadable("no"), KeyError("x")])]))
    assert (await settle("x", body))["end"] == "failed"


async def test_an_unforeseen_error_is_logged_and_told_without_its_insides(caplog: pytest.LogCaptureFixture) -> None:
    body = Body(*[KeyError("a secret") for _ in range(9)])
    with caplog.at_level(logging.ERROR, logger=steps.__name__):
        assert await settle("x", body) == {"end": "failed", "reason": UNFORESEEN}
    assert body.runs == TRIES
    assert "KeyError" in caplog.text


def test_a_fault_kills_once(tmp_path: Path) -> None:
    (tmp_path / "read+").touch()
    program = (
        "import sys; from portico.server.jobs.faults import Faults; f = Faults({'PORTICO_FAULT': sys.argv[1]});"
        "f.pass_by('read'); f.pass_by('read+'); print('alive')"
    )
    runs = [subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True) for _ in range(2)]
    assert [(run.returncode, run.stdout) for run in runs] == [(-9, b""), (0, b"alive\n")]


def test_without_a_fault_nothing_dies() -> None:
    Faults({}).pass_by("read")
