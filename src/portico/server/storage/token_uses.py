"""Rows of the last use of tokens: batches in. Apart from the tokens, whose changes every process hears of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Column, DateTime, Table, Uuid, text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.ids import OrganizationId, TokenId
from portico.server.storage.database import metadata

token_uses = Table(
    "token_uses",
    metadata,
    Column("organization_id", Uuid(as_uuid=False), primary_key=True),
    Column("token_id", Uuid(as_uuid=False), primary_key=True),
    Column("last_used_at", DateTime(timezone=True), nullable=False),
)

# In the order of the keys, so that two processes that write the same rows do not wait for each other in a circle.
_WRITE = text("""
    INSERT INTO token_uses (organization_id, token_id, last_used_at)
    SELECT organization_id, token_id, :at
    FROM unnest(CAST(:organizations AS uuid[]), CAST(:tokens AS uuid[])) AS batch (organization_id, token_id)
    ORDER BY organization_id, token_id
    ON CONFLICT (organization_id, token_id)
    DO UPDATE SET last_used_at = GREATEST(token_uses.last_used_at, EXCLUDED.last_used_at)
""")


async def write_uses(connection: AsyncConnection, uses: Mapping[TokenId, OrganizationId], at: datetime) -> None:
    """All of these were used, at the latest at this moment."""
    await connection.execute(_WRITE, {"organizations": list(uses.values()), "tokens": list(uses), "at": at})
