"""Who did what: entries are written by whoever changes something (`record`), and read in `log.py`."""

from portico.server.access.audit.entries import HOST, Action, KeyOnly, record, record_system

__all__ = ["HOST", "Action", "KeyOnly", "record", "record_system"]
