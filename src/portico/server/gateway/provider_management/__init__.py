"""Keys, aliases and own providers as their owners manage them: requests in, wire shapes out, rows changed."""

from __future__ import annotations

from portico.server.gateway.provider_management.places import INSTALLATION, Owner, find_owner

__all__ = ["INSTALLATION", "Owner", "find_owner"]
