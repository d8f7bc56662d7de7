"""The embedded PostgreSQL: `open_embedded(data_dir)` gives the URL of a server that all processes of the folder share.

Names load on demand: the process that becomes PostgreSQL imports `boot` from here and must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portico.server.storage.embedded.opening import EmbeddedPostgres, open_embedded

__all__ = ["EmbeddedPostgres", "open_embedded"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from portico.server.storage.embedded import opening

    return getattr(opening, name)
