"""Usage lines on their way to PostgreSQL; those of assistants are told to the audit log in the same transaction.

So a run has its entry exactly when it has its line, whatever is killed on the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from psycopg import AsyncConnection

from portico.server.ids import OrganizationId
from portico.server.kit.guids import maybe_guid
from portico.server.storage.audit import NewEntry, append_many, clean
from portico.server.storage.usage import UsageLine, insert_usage

_ACTORS = """
SELECT token_id, 'token', name FROM tokens WHERE token_id = ANY(%s::uuid[])
UNION ALL SELECT user_id, 'user', email FROM users WHERE user_id = ANY(%s::uuid[])
"""
_encode = msgspec.json.Encoder().encode


async def insert_with_runs(
    connection: AsyncConnection, rows: Sequence[tuple[bytes, UsageLine | None]], key: bytes | None
) -> None:
    """`rows` are made by `copy_row`, each with its line when that is the run of an assistant. One transaction."""
    runs = [line for _, line in rows if line is not None]

    async def tell(fresh: set[str] | None) -> None:
        told: dict[OrganizationId, list[UsageLine]] = {}
        for line in runs:
            if fresh is None or line.request_id in fresh:
                told.setdefault(OrganizationId(line.organization_id), []).append(line)
        if key is not None and told:
            actors = await _find_actors(connection, {line.token_id for lines in told.values() for line in lines})
            await append_many(connection, key, told, lambda line: _write(line, actors))

    await insert_usage(connection, [row for row, _ in rows], tell)


async def _find_actors(connection: AsyncConnection, ids: set[str]) -> dict[str, tuple[str, str]]:
    """Kind and name by the id that stands in the line: of a token, or of the user himself."""
    known = [text for text in ids if maybe_guid(text)]
    rows = await (await connection.execute(_ACTORS, (known, known))).fetchall()
    return {str(actor_id): (kind, name) for actor_id, kind, name in rows}


def _write(line: UsageLine, actors: Mapping[str, tuple[str, str]]) -> NewEntry:
    details = {"revision": line.revision, "model": clean(f"{line.provider}/{line.model}"), "status": line.status}
    name = clean(line.assistant)
    actor_kind, actor_name = actors.get(line.token_id, ("token", ""))
    return NewEntry(
        at=datetime.fromtimestamp(line.at, UTC),
        actor_kind=actor_kind,
        actor_id=clean(line.token_id),
        actor_name=clean(actor_name),
        action="run",
        kind="assistant",
        target_id=name,
        target_name=name,
        project_id=clean(line.project_id),
        request_id=clean(line.request_id),
        details=_encode(details).decode(),
    )
