"""Documents leave the index of a profile, and so does what was put aside for them and will not be searched."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.storage import chunks as rows

if TYPE_CHECKING:
    from portico.server.storage.search_profiles import ProfileKey


async def remove_documents(connection: AsyncConnection, key: ProfileKey, document_ids: Collection[str] | None) -> None:
    """These documents (None: all of the profile) are searched no longer, from the end of the transaction on."""
    index = await rows.maybe_index(connection, key, lock="NO KEY UPDATE")
    if index is not None:
        firsts = await rows.list_firsts(connection, index.index_id, document_ids)
        await rows.delete_editions(connection, index.index_id, firsts)


async def discard_staged(connection: AsyncConnection, key: ProfileKey) -> None:
    """What was staged of documents that were ordered again meanwhile, have failed, are finished or are gone.

    Nobody will publish it: only a document that is not finished is published, in its own revision, and that grows.
    """
    index = await rows.maybe_index(connection, key)
    if index is not None and await rows.list_abandoned(connection, index.index_id, key):
        await rows.maybe_index(connection, key, lock="NO KEY UPDATE")
        abandoned = await rows.list_abandoned(connection, index.index_id, key)
        await rows.delete_editions(connection, index.index_id, abandoned)
