"""One usage line per request, as it stands in the journal and in PostgreSQL, and how a batch of them gets there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from psycopg import AsyncConnection, sql
from psycopg.errors import UniqueViolation

Operation = Literal["chat", "embedding", "rerank", "image", "speech", "transcription", "video", "responses"]
Cache = Literal["", "HIT", "MISS", "BYPASS"]
Status = Literal["completed", "failed", "cancelled"]


class UsageLine(msgspec.Struct, array_like=True, frozen=True):
    """What one request used. Token fields are disjoint (HC-24); times are milliseconds; `at` is Unix seconds.

    `cost_picousd` = tokens x price in micro-USD per million tokens, hence exact integers of 1e-12 USD.
    `cache` is what the header X-Saia-Cache said, "" where there is no cache. `key_id` names one of several keys of a
    provider, `provider_request_id` its own id of the request. `adjusted` lists clamped and dropped parameters.
    `audio_in` counts audio tokens of the prompt; `units` what is billed otherwise: search units, characters, seconds.
    `error` is the documented id of a failure. `saia_*` and `traceparent` are headers of the caller; `end_user` and
    `metadata` (JSON text) members of the body, the first one's `user`, which alone would be a word of SQL.
    `revision` is that of `assistant`, 0 without one.
    New fields go to the end with a default, so that older journals can still be read.
    """

    request_id: str
    organization_id: str
    project_id: str
    token_id: str
    at: float
    operation: Operation
    provider: str
    model: str
    target: str
    stream: bool
    status: Status
    http_status: int
    attempts: int
    first_byte_ms: float
    total_ms: float
    finish_reason: str
    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output_visible: int = 0
    reasoning: int = 0
    audio: int = 0
    images: int = 0
    estimated: bool = False
    cost_picousd: int = 0
    cache: Cache = ""
    key_id: str = ""
    provider_request_id: str = ""
    adjusted: str = ""
    audio_in: int = 0
    units: int = 0
    error: str = ""
    saia_req_id: str = ""
    saia_parent_req_id: str = ""
    saia_trace_id: str = ""
    saia_user_id: str = ""
    saia_source: str = ""
    end_user: str = ""
    conversation_id: str = ""
    metadata: str = ""
    assistant: str = ""
    traceparent: str = ""
    revision: int = 0


COLUMNS = UsageLine.__struct_fields__
_NAMES = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
_COPY = sql.SQL("COPY usage ({}) FROM STDIN (FORMAT csv)").format(_NAMES)
_STAGE = sql.SQL("CREATE TEMP TABLE usage_batch ON COMMIT DROP AS SELECT {} FROM usage WITH NO DATA").format(_NAMES)
_COPY_STAGED = sql.SQL("COPY usage_batch ({}) FROM STDIN (FORMAT csv)").format(_NAMES)
_MERGE = sql.SQL(
    "INSERT INTO usage ({0}) SELECT {0} FROM usage_batch ORDER BY request_id ON CONFLICT (request_id) DO NOTHING"
    " RETURNING request_id"
).format(_NAMES)
_AT = COLUMNS.index("at")
Also = Callable[[set[str] | None], Awaitable[None]]
_encode = msgspec.json.Encoder().encode


async def insert_usage(connection: AsyncConnection, rows: Sequence[bytes], also: Also) -> None:
    """Add rows made by `copy_row` in one transaction; a request id that is there already is left as it is.

    `also` belongs to the transaction; it is told the request ids that are new, or None when they all are. Known ids
    come after a crash only, so the rows go straight into the table first: half the work of a merge.
    """
    try:
        async with connection.transaction():
            await _copy(connection, _COPY, rows)
            await also(None)
    except UniqueViolation:
        async with connection.transaction():
            await connection.execute(_STAGE)
            await _copy(connection, _COPY_STAGED, rows)
            merged = await connection.execute(_MERGE)
            await also({row[0] for row in await merged.fetchall()})


async def _copy(connection: AsyncConnection, statement: sql.Composed, rows: Sequence[bytes]) -> None:
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(b"".join(rows))


def copy_row(line: UsageLine) -> bytes:
    """The line as a CSV row for COPY. Raises ValueError or OverflowError when `at` is no time.

    A JSON list without a backslash is a CSV row between two brackets, and three times faster to make than one.
    """
    values = list(msgspec.structs.astuple(line))
    values[_AT] = datetime.fromtimestamp(line.at, UTC)
    row = _encode(values)
    return row[1:-1] + b"\n" if row.find(b"\\") < 0 else csv_row(values)


def csv_row(values: Iterable[object]) -> bytes:
    """For texts with quotes, line ends or control characters; PostgreSQL has no NUL in a text."""
    texts = (str(value).replace("\0", "\ufffd").replace('"', '""') for value in values)
    return (",".join(f'"{text}"' for text in texts) + "\n").encode()
