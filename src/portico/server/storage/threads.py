"""Conversations with RAG assistants: the last messages of each. A query of one tenant takes its organization first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage.search_profiles import ProfileKey

_IS = "organization_id = :organization AND project_id = :project AND profile_id = :profile AND thread_id = :thread"
_FIND = text(f"SELECT turns FROM search_threads WHERE {_IS}")
# The row is locked by the conflict: of two answers at once the later one adds to what the earlier one wrote.
_ADD = text(
    "INSERT INTO search_threads AS t (organization_id, project_id, profile_id, thread_id, turns)"
    " VALUES (:organization, :project, :profile, :thread, CAST(:turns AS jsonb))"
    " ON CONFLICT (organization_id, project_id, profile_id, thread_id) DO UPDATE SET updated_at = now(), turns = ("
    "SELECT jsonb_agg(one ORDER BY place)"
    " FROM jsonb_array_elements(t.turns || excluded.turns) WITH ORDINALITY AS every(one, place)"
    " WHERE place > jsonb_array_length(t.turns || excluded.turns) - :keep)"
)
_DELETE_OLD = text(
    "DELETE FROM search_threads WHERE (organization_id, project_id, profile_id, thread_id) IN ("
    "SELECT organization_id, project_id, profile_id, thread_id FROM search_threads"
    " WHERE updated_at < now() - make_interval(days => :days) LIMIT :most FOR UPDATE SKIP LOCKED)"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation; `role` is `user` or `assistant`."""

    role: str
    content: str


async def list_turns(connection: AsyncConnection, key: ProfileKey, thread_id: str) -> list[Turn]:
    """What is kept of a conversation, oldest first; nothing of one that does not exist."""
    turns = await connection.scalar(_FIND, _place(key, thread_id))
    return [Turn(one["role"], one["content"]) for one in turns or ()]


async def add_turns(
    connection: AsyncConnection, key: ProfileKey, thread_id: str, turns: Sequence[Turn], keep: int
) -> None:
    """Puts the messages behind those that are there, and keeps the last `keep` (1 or more) of all."""
    told = json.dumps([{"role": one.role, "content": one.content} for one in turns[-keep:]])
    await connection.execute(_ADD, {**_place(key, thread_id), "turns": told, "keep": keep})


async def delete_old_threads(connection: AsyncConnection, days: int, most: int) -> int:
    """Of every organization, at most so many; how many."""
    return (await connection.execute(_DELETE_OLD, {"days": days, "most": most})).rowcount


def _place(key: ProfileKey, thread_id: str) -> dict[str, str]:
    return {
        "organization": key.organization_id,
        "project": key.project_id,
        "profile": key.profile_id,
        "thread": thread_id,
    }
