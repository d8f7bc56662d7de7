"""API tokens of projects and organizations: made, listed, changed, revoked; and when each was last used."""

from portico.server.access.tokens.manage import (
    change_token,
    create_organization_token,
    create_token,
    delete_token,
    find_token,
    list_organization_tokens,
    list_project_tokens,
    read_expiry,
    read_status,
    validate,
    write_token,
)

__all__ = [
    "change_token",
    "create_organization_token",
    "create_token",
    "delete_token",
    "find_token",
    "list_organization_tokens",
    "list_project_tokens",
    "read_expiry",
    "read_status",
    "validate",
    "write_token",
]
