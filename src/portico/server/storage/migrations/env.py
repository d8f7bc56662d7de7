"""Run by alembic: it works on the connection, and in the transaction, that `migrate` hands over."""

from alembic import context

from portico.server.storage.database import metadata
from portico.server.storage.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
with context.begin_transaction():
    context.run_migrations()
