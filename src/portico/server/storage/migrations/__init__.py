"""Brings a database to the schema of this code, once, whoever comes first. The revisions stand in `versions/`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text

from portico.server.errors import StartError
from portico.server.storage.database import Database

# A name of our own: a database may be shared with another program that uses alembic.
VERSION_TABLE = "portico_schema"
_HERE = Path(__file__).parent
# Any number, the same in every release: it names the lock among all advisory locks of the database.
_LOCK = 0x706F727469636F


def head() -> str:
    """The newest revision. Files are called `v<number>_<what>.py`, their revision is the number."""
    return max(path.stem[1:5] for path in (_HERE / "versions").glob("v[0-9]*.py"))


async def migrate(database: Database) -> bool:
    """True when something was to do. Raises StartError when the database belongs to a newer release.

    With nothing to do this is one query: importing alembic alone takes longer than the rest of a start.
    """
    newest = head()
    async with database.begin() as connection:
        if await connection.run_sync(_revision) == newest:
            return False
        # Held to the end of the transaction: a process that dies in the middle leaves neither lock nor half a schema.
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        revision = await connection.run_sync(_revision)
        if revision == newest:
            return False
        if revision is not None and revision > newest:
            raise StartError(
                f"The database has schema {revision}, this Portico knows up to {newest}: "
                "start the newer release that was used before, or restore a backup made with this one."
            )
        await connection.run_sync(_upgrade)
    return True


def _revision(connection: Connection) -> str | None:
    # Not to_regclass(): it may answer from a cache of names that waiting for an advisory lock does not refresh (seen).
    exists = "SELECT count(*) FROM pg_class WHERE relname = :name AND pg_table_is_visible(oid)"
    if not connection.scalar(text(exists), {"name": VERSION_TABLE}):
        return None
    found = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return None if found is None else str(found)


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # Config reads the value as an INI template, where a percent sign in a path would be a reference.
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    command.upgrade(config, "head")
