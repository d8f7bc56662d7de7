"""Moves usage lines from the journal to PostgreSQL in batches; what a crash interrupts is healed by the primary key."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psycopg

from portico.server.storage.journal import Folder, Journal
from portico.server.storage.runs import insert_with_runs
from portico.server.storage.segment import Segment, SegmentDamaged, sync_to_disk
from portico.server.storage.usage import UsageLine, copy_row

INTERVAL_S = 0.5
_CLAIM_EVERY_S = 10.0
_LONGEST_PAUSE_S = 10.0
_CONNECT_TIMEOUT_S = 5
_BATCH_LINES = 4_000  # bounds memory; a bigger one is not faster
_SLICE_LINES = 100  # read without giving way to other tasks: a fifth of a millisecond
_REFUSED = "refused.jsonl"

Row = tuple[bytes, UsageLine | None]
"""For COPY; with the line itself when it is the run of an assistant, which the audit log tells too."""
_decode = msgspec.msgpack.Decoder(UsageLine).decode
log = logging.getLogger(__name__)


class UsageFlusher:
    """A background task: at least once each half second, every line of the journal goes to the table `usage`.

    Lines are read from the mapped files, never held in a list, so a database that is away costs disk and no memory.
    The offset of a segment moves after the commit: lines are sent at least once, and stored once by their request id.
    With `audit_key`, runs of assistants get their entry of the audit log in the same transaction.
    """

    def __init__(
        self,
        journal: Journal,
        database_url: str,
        interval_s: float = INTERVAL_S,
        audit_key: bytes | None = None,
    ) -> None:
        self._audit_key = audit_key
        self._journal = journal
        self._url = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
        self._interval_s = interval_s
        self._connection: psycopg.AsyncConnection | None = None
        self._dead: list[Folder] = []
        self._claim_at = 0.0
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def start(self) -> None:
        """Begin, with the journals of dead processes first. Needs a running loop."""
        self._task = asyncio.create_task(self._run(), name="usage-flusher")

    async def flush(self) -> int:
        """Store everything that is in the journal now; returns the number of lines. Raises psycopg.Error, OSError."""
        async with self._busy:
            self._claim_dead()
            lines = 0
            for folder in [*self._dead, self._journal.own]:
                lines += await self._flush_folder(folder)
            self._release_dead()
            return lines

    async def close(self, deadline_s: float = 5.0) -> None:
        """Stop the task and flush the rest; what cannot be stored in time stays in the journal for the next start."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self._disconnect()  # the cancelled batch may have left it within a transaction
        try:
            async with asyncio.timeout(deadline_s):
                while await self.flush():
                    pass
        except (psycopg.Error, OSError, TimeoutError) as error:
            log.warning("The last usage lines stay in the journal until the next start: %s", error)
        await self._disconnect()
        for folder in self._dead:
            folder.release()
        self._dead.clear()

    async def _run(self) -> None:
        pause_s = self._interval_s
        while True:
            try:
                self._journal.prepare()
                await self.flush()
            except Exception as error:
                # Whatever it is, the lines are safe in the journal, and a dead task would keep them there unseen.
                await self._endure(error, pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                if self._away:
                    log.info("PostgreSQL answers again: the usage journal is flushed.")
                self._away, pause_s = False, self._interval_s
            await asyncio.sleep(pause_s)

    async def _endure(self, error: Exception, pause_s: float) -> None:
        """The database is away: say so once, and see that the journal reaches the disk meanwhile."""
        if not self._away:
            trace = None if isinstance(error, (psycopg.Error, OSError)) else error
            log.warning("Usage lines wait in the journal, next try in %.1f s: %s", pause_s, error, exc_info=trace)
        self._away = True
        await self._disconnect()
        with suppress(OSError):  # a later try tells
            await asyncio.to_thread(sync_to_disk, self._journal.current)

    def _claim_dead(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._claim_at:
            self._claim_at = now + _CLAIM_EVERY_S
            self._dead += self._journal.claim_dead()

    def _release_dead(self) -> None:
        for folder in self._dead:
            folder.release()
        self._dead.clear()

    async def _flush_folder(self, folder: Folder) -> int:
        own, lines = folder is self._journal.own, 0
        for path in folder.list_segments():
            finished = not own or path < self._journal.current
            if own and path > self._journal.current:
                break
            try:
                segment = Segment.open(path)
            except SegmentDamaged as error:
                log.error("Left aside: %s", error)
                path.rename(path.with_suffix(".damaged"))
                continue
            try:
                lines += await self._flush_segment(segment, finished)
            finally:
                segment.close()
            if finished:
                path.unlink()
        return lines

    async def _flush_segment(self, segment: Segment, finished: bool) -> int:
        """All that was there when its last batch was read. What came meanwhile waits for the next turn: under load, a
        flush that goes on until nothing is left stores a handful of lines at a time, and never ends."""
        lines, end, more = 0, segment.flushed, True
        while more:
            rows, end, more = await self._read_batch(segment, end)
            if rows:
                await self._store(rows)
            segment.flushed = end
            lines += len(rows)
        if finished and segment.torn_at(end):
            log.warning("%s: the last record is torn at byte %d; its writer died within it.", segment.path, end)
        return lines

    async def _read_batch(self, segment: Segment, start: int) -> tuple[list[Row], int, bool]:
        """Rows, the offset behind them, and whether there are more; in slices, so that no other task stands still."""
        rows: list[Row] = []
        while len(rows) < _BATCH_LINES:
            payloads, end = segment.read(start, _SLICE_LINES)
            if not payloads:
                return rows, start, False
            rows.extend(self._read_slice(payloads))
            start = end
            await asyncio.sleep(0)
        return rows, start, True

    def _read_slice(self, payloads: Sequence[bytes]) -> Iterator[Row]:
        audited = self._audit_key is not None
        for payload in payloads:
            try:
                line = _decode(payload)
                yield copy_row(line), line if audited and line.assistant else None
            except (msgspec.DecodeError, ValueError, OverflowError, OSError) as error:
                self._set_aside(repr(payload), error)

    async def _store(self, rows: Sequence[Row]) -> None:
        """One batch; when PostgreSQL refuses a row, the halves on their own, until the row stands alone."""
        try:
            await insert_with_runs(await self._connect(), rows, self._audit_key)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            if len(rows) == 1:
                self._set_aside(rows[0][0].decode(), error)
                return
            middle = len(rows) // 2
            await self._store(rows[:middle])
            await self._store(rows[middle:])

    def _set_aside(self, line: str, error: Exception) -> None:
        """A line that can never be stored must not hold up the others: it goes to a file for a person to read."""
        path: Path = self._journal.directory / _REFUSED
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode({"error": str(error), "line": line}) + b"\n")
        log.error("A usage line was refused and kept in %s: %s", path, error)

    async def _connect(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=_CONNECT_TIMEOUT_S, application_name="portico usage"
            )
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
