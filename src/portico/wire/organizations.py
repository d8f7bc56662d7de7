"""Organizations of an installation. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tokens import ApiToken
from portico.wire.tolerant import Shape


class Organization(Shape, rename="camel"):
    """One organization; `id` and `name` say the same as the long names, for clients that look for them there.

    `tokens` stand in the answer that creates it: one of the organization, one of its project `Default`, shown once.
    `invitation` is the link by which a new administrator gets in, where the installation makes such links.
    """

    organization_id: str
    organization_name: str = ""
    id: str = ""
    name: str = ""
    is_station_available: bool = False
    administrator_user_email: str | UnsetType = UNSET
    tokens: list[ApiToken] | UnsetType = UNSET
    invitation: str | UnsetType = UNSET


class OrganizationList(Shape):
    """Answer of `GET /v2/admin/organizations`; `count` over all pages."""

    count: int = 0
    pages: int = 0
    organizations: list[Organization] = field(default_factory=list)


class DeletedOrganization(Shape, rename="camel"):
    """Answer of `DELETE /v2/admin/organizations/{id}`: what was removed with it and its projects, by noun."""

    organization_id: str
    organization_name: str = ""
    removed: dict[str, int] = field(default_factory=dict)
