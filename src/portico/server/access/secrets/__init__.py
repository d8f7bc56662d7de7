"""Secrets of a project: kept sealed, changed by its administrators, opened for the server's own use only."""

from portico.server.access.secrets.manage import (
    change,
    create,
    delete,
    find,
    find_accesses,
    list_all,
    open_secret,
    replace_accesses,
)

__all__ = ["change", "create", "delete", "find", "find_accesses", "list_all", "open_secret", "replace_accesses"]
