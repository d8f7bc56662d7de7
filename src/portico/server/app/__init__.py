"""The composition root: reads nothing but its settings, builds the rooms, opens the doors."""

from portico.server.app.serving import serve

__all__ = ["serve"]
