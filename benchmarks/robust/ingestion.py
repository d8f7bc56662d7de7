"""kill -9 of the worker at every step of an ingestion: no document is lost, stuck or indexed twice; others take over.

And what a second worker is worth when the vectors come from a provider.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.upstream import Asked, Reply, Upstream, answer_well

from benchmarks.gateway import PORTICO, database_url, first_token, portico_serve, postgres_service
from benchmarks.installs import clean_environment
from benchmarks.machine import BenchmarkError, Service
from benchmarks.robust.figures import Figure, at_most, exactly, told

STEPS = ("begin", "read", "stage", "embed", "publish", "finish", "upkeep")
POINTS = ("dispatch", "dispatch+", *(f"{step}{mark}" for step in STEPS for mark in ("", "+", "=")))
PROFILE = "ingested"
LONGEST_S = 300.0
TAKEOVER_S = 30.0
_PARAGRAPH = "Section {n} of document {d} says that lamp {n} of house {d} burns {n}{d} hours before it is changed. "


@dataclass
class Place:
    """A server without a worker of its own, and a provider that embeds after `delay_s`."""

    service: Service
    database: Service
    upstream: Upstream
    data: Path
    log: Path
    settings: dict[str, str]

    def call(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        sent = {"Authorization": f"Bearer {first_token(self.data)}", **headers}
        url = f"http://127.0.0.1:{self.service.port}/v1/search/{path}"
        with urllib.request.urlopen(urllib.request.Request(url, body, sent, method=method), timeout=60) as answer:
            return json.load(answer)

    def make_profile(self) -> None:
        embeddings = {"provider": "openai", "modelName": "text-embedding-3-small", "dimensions": 256, "batchSize": 10}
        options = {"embeddings": embeddings}
        chunks = {"chunks": {"chunkSize": 300, "chunkOverlap": 0}}
        body = {"name": PROFILE, "searchOptions": options, "indexOptions": chunks}
        self.call("POST", "profile", json.dumps(body).encode(), **{"Content-Type": "application/json"})

    def upload(self, number: int, paragraphs: int) -> None:
        words = "\n\n".join(_PARAGRAPH.format(n=n, d=number) * 3 for n in range(paragraphs))
        headers = {"filename": f"document-{number}.txt", "Content-Type": "text/plain"}
        self.call("POST", f"profile/{PROFILE}/document", words.encode(), **headers)

    def delete_all(self) -> None:
        self.call("DELETE", f"profile/{PROFILE}/documents")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url(self.database), connect_timeout=10) as connection:
            return connection.execute(query).fetchall()

    def count(self, *statuses: str) -> int:
        counts = dict(self.rows("SELECT status, count(*) FROM documents GROUP BY 1"))
        return sum(counts.get(status, 0) for status in statuses)

    @contextmanager
    def worker(self, **more: str) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", PORTICO, "worker"], stdout=log, stderr=log, start_new_session=True,
                env=clean_environment(PORTICO_DATA_DIR=str(self.data), **self.settings, **more),
            )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def wait_for_end(self, documents: int, since: float) -> float:
        """Seconds until that many are finished."""
        while self.count("Success", "Failed") < documents:
            if time.monotonic() - since > LONGEST_S:
                raise BenchmarkError(f"documents are stuck: {self.rows('SELECT status, detail FROM documents')[:5]}")
            time.sleep(0.05)
        return time.monotonic() - since


@contextmanager
def open_place(folder: Path, delay_s: float) -> Iterator[Place]:
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)

    def answer(asked: Asked) -> Reply:
        if not asked.path.endswith("/embeddings"):
            return answer_well(asked)
        inputs = asked.body["input"]
        vectors = [[float((i + n) % 7 - 3) + 0.5 for n in range(256)] for i in range(len(inputs))]
        items = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 9 * len(inputs), "total_tokens": 9 * len(inputs)}
        body = {"object": "list", "model": asked.body["model"], "data": items, "usage": usage}
        return Reply(200, json.dumps(body).encode(), {"Content-Type": "application/json"}, delay_s=delay_s)

    with Upstream() as upstream, postgres_service(folder / "pg") as database:
        upstream.script = answer
        settings = {
            "PORTICO_LOCAL_MODELS": "false", "PORTICO_STARTER_PULL": "off", "PORTICO_WORKER": "off",
            "PORTICO_DATABASE_URL": database_url(database), "PORTICO_PROVIDER_OPENAI_API_KEY": "sk-mock",
            "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        }  # fmt: skip
        with portico_serve(data, folder / "log", None, settings) as service:
            place = Place(service, database, upstream, data, folder / "worker.log", settings)
            place.make_profile()
            yield place


def measure_kills(folder: Path, quick: bool) -> list[Figure]:
    with open_place(folder, 0.02) as place:
        return _kill_at_every_step(place, folder, 40 if quick else 100)


def measure_takeover(folder: Path, quick: bool) -> list[Figure]:
    with open_place(folder, 2.0) as place:
        return _take_over(place)


def measure_two(folder: Path, quick: bool) -> list[Figure]:
    with open_place(folder, 1.0) as place:
        return _double(place, 12 if quick else 40)


def _kill_at_every_step(place: Place, folder: Path, documents: int) -> list[Figure]:
    faults = folder / "faults"
    faults.mkdir()
    began = time.monotonic()
    for number in range(documents):
        place.upload(number, paragraphs=4)
    kills = 0
    for point in POINTS:
        (faults / point).touch()
        with place.worker(PORTICO_FAULT=str(faults)) as worker:
            while worker.poll() is None and place.count("Success", "Failed") < documents:
                time.sleep(0.02)
            kills += worker.poll() == -9
    with place.worker():
        place.wait_for_end(documents, time.monotonic())
        _wait_for_quiet(place)
    took_s = time.monotonic() - began
    case = f"kill -9 of the worker at {len(POINTS)} points, {documents} documents"
    doubled = place.rows(
        "SELECT document_id FROM editions WHERE state = 1 GROUP BY index_id, document_id HAVING count(*) > 1"
    )
    wrong = place.rows(
        "SELECT d.document_id FROM documents d WHERE d.status = 'Success' AND d.chunks <> (SELECT count(*)"
        " FROM editions e JOIN chunks c ON c.index_id = e.index_id AND c.document_id = e.document_id AND c.ordinal"
        " >= e.first AND c.ordinal < e.first + e.ordinals WHERE e.document_id = d.document_id AND e.state = 1)"
    )
    reasons = place.rows("SELECT count(*) FROM documents WHERE status = 'Failed' AND detail = ''")
    return [
        exactly(case, "times the worker was killed", kills, len(POINTS)),
        told(case, "documents that are searched", place.count("Success")),
        exactly(case, "documents that failed, though nothing is wrong with them", place.count("Failed"), 0),
        exactly(case, "documents stuck or lost", documents - place.count("Success", "Failed"), 0),
        exactly(case, "documents failed without a reason", reasons[0][0], 0),
        exactly(case, "documents indexed twice", len(doubled), 0),
        exactly(case, "documents with too many or too few chunks", len(wrong), 0),
        exactly(case, "jobs and runs left open", _open_work(place), 0),
        told(case, "all done after, s", f"{took_s:.1f}"),
    ]


def _open_work(place: Place) -> int:
    open_runs = place.rows("SELECT count(*) FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED')")
    return int(open_runs[0][0] + place.rows("SELECT count(*) FROM jobs")[0][0])


def _wait_for_quiet(place: Place) -> None:
    """The last step comes after the status."""
    until = time.monotonic() + 30
    while _open_work(place) and time.monotonic() < until:
        time.sleep(0.05)


def _take_over(place: Place) -> list[Figure]:
    """The killed worker never comes back; the other one has been there before."""
    with place.worker() as first:
        _wait_for_workers(place, 1)
        for number in range(2):
            place.upload(number, paragraphs=240)
        while place.count("Pending") < 2:
            time.sleep(0.02)
        with place.worker():
            _wait_for_workers(place, 2)
            if place.count("Pending") < 2:
                raise BenchmarkError("the documents were done before the worker could be killed: a slow machine")
            first.kill()
            killed = time.monotonic()
            took_s = _wait_for_takeover(place, killed)
            done_s = place.wait_for_end(2, killed)
    case = "takeover by a second worker, the first killed in the middle"
    return [
        at_most(case, "work went on after, s", took_s, TAKEOVER_S, "{:.1f}"),
        told(case, "its documents were done after, s", f"{done_s:.1f}"),
        exactly(case, "documents not searched", 2 - place.count("Success"), 0),
    ]


def _wait_for_workers(place: Place, number: int) -> None:
    until = time.monotonic() + 60
    while place.rows("SELECT count(*) FROM workers")[0][0] < number:
        if time.monotonic() > until:
            raise BenchmarkError(f"no worker: {place.log.read_text()[-500:]}")
        time.sleep(0.05)


def _wait_for_takeover(place: Place, killed: float) -> float:
    """Until the provider is asked again."""
    asked = len(place.upstream.asked)
    while len(place.upstream.asked) == asked:
        if time.monotonic() - killed > LONGEST_S:
            raise BenchmarkError("nobody took over")
        time.sleep(0.05)
    return time.monotonic() - killed


def _double(place: Place, documents: int) -> list[Figure]:
    """Documents per second of one worker and of two; the provider takes its time, so cores are not what is short."""
    speeds = []
    for workers in (1, 2):
        with place.worker():
            if workers == 2:
                with place.worker():
                    speeds.append(_speed(place, documents, workers))
            else:
                speeds.append(_speed(place, documents, workers))
        place.delete_all()
        with psycopg.connect(database_url(place.database), autocommit=True) as connection:
            connection.execute("DELETE FROM workers")
    case = f"two workers against one, {documents} documents, a provider that takes 1 s"
    return [
        told(case, "documents per second, one", f"{speeds[0]:.2f}"),
        told(case, "documents per second, two", f"{speeds[1]:.2f}"),
        Figure(case, "times as fast", f"{speeds[1] / speeds[0]:.2f}", ">= 1.7", speeds[1] / speeds[0] >= 1.7),
    ]


def _speed(place: Place, documents: int, workers: int) -> float:
    _wait_for_workers(place, workers)
    for number in range(documents):
        place.upload(1000 * workers + number, paragraphs=30)
    began = time.monotonic()
    before = place.count("Success", "Failed")
    return (documents - before) / place.wait_for_end(documents, began)
