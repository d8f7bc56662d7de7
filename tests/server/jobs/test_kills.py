"""kill -9 of the real worker at every step: each document is indexed in the end, once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from portico.server.storage.blobs.folder import PART
from portico.server.storage.database import Database
from tests.server.jobs.library import add_document, add_profile, order, paragraphs, put_file
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio
POINTS = ("begin", "read+", "stage+", "embed+", "publish+")
PATIENCE_S = 60.0


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "portico", "worker"], env=environ, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()


@pytest.mark.timeout(600)  # so many workers are started, one after the other
async def test_a_document_is_indexed_once_wherever_its_worker_was_killed(
    database: Database, upstream: Upstream, tmp_path: Path
) -> None:
    key = await add_profile(database)
    (faults := tmp_path / "faults").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")}
    environ = {
        **kept,
        "PORTICO_DATABASE_URL": database.url,
        "PORTICO_DATA_DIR": str(tmp_path / "data"),
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": upstream.url,
        "PORTICO_FAULT": str(faults),
    }
    documents = []
    for point in POINTS:
        documents.append(await add_document(database, key))
        put_file(tmp_path / "data", key, documents[-1], paragraphs(3))
        (faults / point).touch()
        await order(database, key, documents[-1])
        with worker(environ) as process:
            assert process.wait(PATIENCE_S) == -9, f"nobody came by {point}"
    with worker(environ) as process:
        await wait_for_end(database)
    assert process.returncode == 0
    async with database.begin() as connection:
        found = await connection.execute(text("SELECT document_id::text, status, detail, chunks FROM documents"))
        assert {(row[0], row[1], row[2]) for row in found} == {(document, "Success", "") for document in documents}
        counts = await connection.execute(
            text("SELECT e.state, count(DISTINCT e.document_id), count(*), sum(e.searched) FROM editions e GROUP BY 1")
        )
        chunks = await connection.scalar(text("SELECT sum(chunks) FROM documents"))
        assert [tuple(row) for row in counts if row[0] < 2] == [(1, len(POINTS), len(POINTS), chunks)]
        assert await connection.scalar(text("SELECT count(*) FROM chunk_vectors")) == chunks
        assert await connection.scalar(text("SELECT count(*) FROM workers")) == 0
    # A kill in the midst of writing leaves a draft behind, which the next tidying removes; no text that has its name.
    left = {path.name for path in (tmp_path / "data" / "files").rglob("*.parsed*")}
    assert {name for name in left if not name.endswith(PART)} == set()


async def wait_for_end(database: Database) -> None:
    """Until nothing waits and nothing runs."""
    deadline = time.monotonic() + PATIENCE_S
    query = text(
        "SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM dbos.workflow_status WHERE status <> 'SUCCESS')"
        " + (SELECT count(*) FROM documents WHERE status NOT IN ('Success', 'Failed'))"
    )
    while True:
        async with database.begin() as connection:
            left = await connection.scalar(query)
        if not left:
            return
        assert time.monotonic() < deadline, f"{left} are left"
        time.sleep(0.1)
