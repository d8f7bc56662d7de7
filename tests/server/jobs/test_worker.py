"""A worker may be killed at any moment: every job is done to its end, and no step that was recorded is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.server.jobs.toy_worker import STEPS

SILENCE_S = 1.5
PATIENCE_S = 60.0


@dataclass
class Workplace:
    """A database with the table of deeds, and the folder whose files let workers die."""

    url: str
    faults: Path

    @contextmanager
    def worker(self, worker_id: str) -> Iterator[subprocess.Popen[str]]:
        """Running; killed at the end if it still does."""
        command = [sys.executable, "-m", "tests.server.jobs.toy_worker", self.url, worker_id]
        env = {**os.environ, "PORTICO_FAULT": str(self.faults), "SILENCE": str(SILENCE_S)}
        process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def order(self, number: int, project: str = "", **more: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO jobs (organization_id, project_id, job_id, name, arguments)"
                " VALUES (%s, %s, %s, 'toy', %s)",
                (
                    str(uuid4()),
                    project or str(uuid4()),
                    str(uuid4()),
                    psycopg.types.json.Jsonb({"number": number, **more}),
                ),
            )

    def deeds(self) -> Counter[tuple[int, str]]:
        with psycopg.connect(self.url) as connection:
            return Counter((job, what) for job, what in connection.execute("SELECT job, what FROM deeds"))

    def scalar(self, query: str) -> object:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query).fetchone()  # type: ignore[arg-type]
            return None if row is None else row[0]

    def wait(self, query: str, wanted: object) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.scalar(query)) != wanted:
            assert time.monotonic() < deadline, f"{query}: {found}, not {wanted}"
            time.sleep(0.05)


ENDS = "SELECT count(*) FROM deeds WHERE what = 'end'"
OPEN_RUNS = "SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'"


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Workplace:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE deeds (job integer, what text, worker text, at timestamptz DEFAULT now())")
    return Workplace(database_url, tmp_path)


def wait_for_death(process: subprocess.Popen[str]) -> None:
    assert process.wait(PATIENCE_S) == -9


def test_jobs_that_were_ordered_before_and_after_the_start_are_done_once(place: Workplace) -> None:
    place.order(1)
    with place.worker("a") as worker:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        place.order(2)
        place.wait(ENDS, 2)
        place.wait("SELECT count(*) FROM jobs", 0)
        place.wait(OPEN_RUNS, 0)
        worker.communicate()
        assert worker.returncode == 0
    assert place.deeds() == Counter((job, what) for job in (1, 2) for what in (*STEPS, "end"))
    assert place.scalar("SELECT count(*) FROM workers") == 0


def test_a_worker_killed_at_any_point_goes_on_where_it_was(place: Workplace) -> None:
    """One after the other: each point kills the worker once, and the next worker of the same name finishes the job."""
    points = ("dispatch+", "one", "one+", "two=", "three+")
    for number, point in enumerate(points):
        place.order(number)
        (place.faults / point).touch()
        with place.worker("a") as worker:
            wait_for_death(worker)
        assert not (place.faults / point).exists()
    with place.worker("a"):
        place.wait(ENDS, len(points))
        place.wait(OPEN_RUNS, 0)
    deeds = place.deeds()
    assert place.scalar("SELECT count(*) FROM jobs") == 0
    for number, _ in enumerate(points):
        assert deeds[number, "end"] == 1
    twice = [what for (_, what), count in deeds.items() if count > 1]
    assert {"one", "three"} <= set(twice), "what was done and not recorded is done again"
    assert len(twice) < len(points) + 2, "and what was recorded is not: at most two jobs are under way at a kill"


def test_others_take_over_from_a_worker_that_never_comes_back(place: Workplace) -> None:
    place.order(1)
    (place.faults / "two+").touch()
    with place.worker("a") as first:
        wait_for_death(first)
    with place.worker("b"):
        place.wait(ENDS, 1)
        place.wait(OPEN_RUNS, 0)
    assert place.deeds()[1, "one"] == 1
    assert place.scalar("SELECT worker FROM deeds WHERE what = 'three'") == "b"


def test_a_worker_that_is_stopped_hands_over_what_it_was_doing(place: Workplace) -> None:
    """At once: the other worker need not wait until the first is known to be dead."""
    place.order(1, hang="two")
    with place.worker("a") as first:
        place.wait("SELECT count(*) FROM deeds WHERE what = 'two'", 1)
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute("UPDATE dbos.workflow_input SET inputs = replace(inputs, '\"hang\"', '\"hung\"')")
        first.communicate()
        assert first.returncode == 0
    assert place.scalar("SELECT count(*) FROM workers") == 0
    assert place.scalar("SELECT count(*) FROM dbos.workflow_status WHERE status = 'ENQUEUED'") == 1
    with place.worker("b"):
        place.wait(ENDS, 1)
    assert place.deeds()[1, "one"] == 1


def test_a_job_that_ends_its_worker_every_time_is_given_up(place: Workplace) -> None:
    place.order(1)
    with place.worker("z"):
        place.wait(ENDS, 1)  # the schema of the engine is there
    place.order(2, hang="two")
    with place.worker("a") as first:
        place.wait("SELECT count(*) FROM deeds WHERE what = 'two'", 2)
        first.kill()
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("UPDATE dbos.workflow_status SET recovery_attempts = 99 WHERE status = 'PENDING'")
    with place.worker("b"):
        place.wait("SELECT count(*) FROM dbos.workflow_status WHERE status = 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'", 1)
    assert place.deeds()[2, "end"] == 0
