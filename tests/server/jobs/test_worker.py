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

from portico.server.jobs.turns import ALONE, IN_COMPANY
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


ENDS = "SELECT count(DISTINCT job) FROM deeds WHERE what = 'end'"
"""Jobs that came to their end: it is no step, and done again when the worker is killed before the run is over."""
OPEN_RUNS = "SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS'"


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Workplace:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE deeds (job integer, what text, worker text, beside integer, at timestamptz DEFAULT now())"
        )
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


@pytest.mark.timeout(600)  # so many workers are started, one after the other
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
        place.wait("SELECT count(*) FROM jobs", 0)
    deeds = place.deeds()
    for number, _ in enumerate(points):
        assert deeds[number, "end"]
    twice = [what for (_, what), count in deeds.items() if count > 1 and what != "end"]
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


@pytest.mark.timeout(600)  # so many workers are started, one after the other
def test_a_job_that_ends_its_worker_every_time_is_given_up_and_harms_no_other(place: Workplace) -> None:
    """Some turns beside others, some alone, none after that. The others are done meanwhile, or afterwards."""
    others = range(1, 7)
    place.order(0, deadly="one")
    for number in others:
        place.order(number)
    deaths = 0
    while True:
        with place.worker("a") as worker:
            deadline = time.monotonic() + PATIENCE_S
            while worker.poll() is None and not place.deeds()[0, "given up"]:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            if worker.poll() is None:
                place.wait(OPEN_RUNS, 0)
                place.wait("SELECT count(*) FROM jobs", 0)
                break
            assert worker.returncode == -9
            deaths += 1
    deeds = place.deeds()
    assert deaths == deeds[0, "one"] == IN_COMPANY + ALONE
    assert deeds[0, "given up"] == 1 and deeds[0, "end"] == 0
    assert all(deeds[number, "end"] for number in others)
    assert not any(deeds[number, "given up"] for number in others)
    late = f"(SELECT beside FROM deeds WHERE job = 0 AND what = 'one' ORDER BY at DESC LIMIT {ALONE}) late"
    assert place.scalar(f"SELECT max(beside) FROM {late}") == 0, "it was alone"
    assert place.scalar("SELECT count(*) FROM turns") == 0


TURNS = "SELECT turns FROM turns"


def test_the_orderly_end_of_a_worker_counts_against_nobody(place: Workplace) -> None:
    place.order(1, hang="two")
    for number in range(1, 4):
        with place.worker("a") as worker:
            place.wait("SELECT count(*) FROM deeds WHERE what = 'two'", number)
            place.wait(TURNS, 1)
            worker.communicate()
            assert worker.returncode == 0
        assert place.scalar(TURNS) == 0


def test_a_run_that_waits_for_its_turn_is_not_blamed(place: Workplace) -> None:
    """Three runs are open at two places: what kills the worker then was not the third."""
    for number in range(2):
        place.order(number, hang="one")
    with place.worker("a") as worker:
        place.wait("SELECT count(*) FROM deeds", 2)
        with psycopg.connect(place.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO dbos.workflow_status (workflow_uuid, status, name, executor_id, application_version,"
                " application_name, serialization, inputs, queue_name, created_at, updated_at)"
                " SELECT 'third', 'PENDING', name, executor_id, application_version, application_name, serialization,"
                " coalesce((SELECT inputs FROM dbos.workflow_input i WHERE i.workflow_uuid = w.workflow_uuid), inputs),"
                " queue_name, created_at + 1, updated_at + 1 FROM dbos.workflow_status w ORDER BY created_at LIMIT 1"
            )
        worker.kill()
        worker.wait()
    with place.worker("a") as worker:
        place.wait("SELECT count(*) FROM deeds", 4)
        place.wait("SELECT count(*) FROM dbos.workflow_status WHERE status = 'PENDING'", 3)
        worker.kill()
    with psycopg.connect(place.url) as connection:
        assert sorted(turns for (turns,) in connection.execute(TURNS)) in ([2, 2], [1, 1, 2])


def test_a_part_of_a_step_that_is_done_counts_as_progress(place: Workplace) -> None:
    place.order(1, furthers="one", hang="one")
    with place.worker("a"):
        place.wait("SELECT count(*) FROM deeds", 1)
        place.wait(TURNS, 0)
