"""Organizations and their projects: made, listed, changed, deleted; and what a user reaches of them."""

from portico.server.access.organizations.manage import (
    NewOrganization,
    NewTokens,
    create,
    create_for,
    delete,
    delete_with_contents,
    found,
    list_all,
    make_tokens,
    rename,
    search,
)

__all__ = [
    "NewOrganization",
    "NewTokens",
    "create",
    "create_for",
    "delete",
    "delete_with_contents",
    "found",
    "list_all",
    "make_tokens",
    "rename",
    "search",
]
