"""The durable engine (DBOS) as a worker runs it: on our PostgreSQL, in the schema `dbos`, without a word of its own.

The engine is launched on the worker's event loop and runs the workflows there, beside the rooms they use. Its own reads
and writes are synchronous and go through threads and connections of their own, so they do not hold up the loop.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

import sqlalchemy
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from portico.server.storage.database import Database, read_url
from portico.server.storage.workflows import SCHEMA

NAME = "portico"
CODE = "1"
"""The version of the workflows, not of Portico: whoever runs the same steps may take up a run. A changed order of steps
is a new number, and then the documents of old runs are ordered again by the housekeeping."""
_POOL = 4


def launch(database: Database, worker_id: str) -> sqlalchemy.Engine:
    """Makes or migrates the schema under a lock, and takes up the open runs of this worker id. Call it in the loop.

    The engine's connections are returned, to be disposed of at the end.
    """
    logger = logging.getLogger("dbos")
    if not logger.handlers:  # else it adds one that writes to the console past ours
        logger.addHandler(logging.NullHandler())
    connections = sqlalchemy.create_engine(
        read_url(database.url),
        pool_size=_POOL,
        max_overflow=4 * _POOL,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 10, "application_name": "portico-jobs"},
    )
    config: DBOSConfig = {
        "name": NAME,
        "system_database_engine": connections,
        "dbos_system_schema": SCHEMA,
        "application_version": CODE,
        "executor_id": worker_id,
        "serializer": DBOSPortableJSONSerializer(),  # nothing in the database is ever run as code
        "enable_otlp": False,
        "log_level": "ERROR",
        "run_migrations": True,
        "notification_listener_polling_interval_sec": 1.0,
        "max_executor_threads": 16,
    }
    DBOS(config=config)
    DBOS.launch()
    return connections


def recover(executor_ids: Collection[str]) -> int:
    """Puts the open runs of these workers back for whoever is there. How many; not in the loop."""
    return len(DBOS._recover_pending_workflows(list(executor_ids)))


def stop() -> None:
    """Ends the engine's threads; runs that were not finished stay open. Not in the loop."""
    DBOS.destroy(workflow_completion_timeout_sec=0)
