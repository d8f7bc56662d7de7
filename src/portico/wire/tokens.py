"""API tokens: the token check, and the tokens of a project. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from portico.wire.tolerant import Shape

ORGANIZATION_SCOPE = "Pia.Data.Organization"
PROJECT_SCOPE = "Pia.Data.Project"

TokenStatus = Literal["Active", "Blocked"]


class TokenAccess(Shape, rename="camel"):
    """Answer of `GET /v1/accessControl/apitoken/validate`; a token of the organization has no project."""

    organization_id: str
    organization_name: str = ""
    project_id: str | UnsetType = UNSET
    project_name: str | UnsetType = UNSET
    scope: str = ""


class ApiToken(Shape):
    """One token. `id` is the secret in the answer that creates it, and the GUID ever after; `api_token_id` the GUID.

    `status` is `Active` or `Blocked`, `timestamp` the time of creation in UTC, `expires_at` absent without an end,
    `last_used_at` absent while it was never used; it lags behind by some seconds.
    """

    id: str
    name: str = ""
    description: str = ""
    scope: str = ""
    status: str = "Active"
    timestamp: str = ""
    api_token_id: str = field(default="", name="apiTokenId")
    expires_at: str | UnsetType = field(default=UNSET, name="expiresAt")
    last_used_at: str | UnsetType = field(default=UNSET, name="lastUsedAt")


class ApiTokenList(Shape):
    """Answer of `GET /v1/organization/project/{id}/tokens` and of `GET /v2/organization/tokens`."""

    tokens: list[ApiToken] = field(default_factory=list)


class NewApiToken(Struct, kw_only=True, omit_defaults=True):
    """Body of `POST /v2/projects/tokens`. `expires_at` is a time of ISO 8601; without a zone it is UTC."""

    name: str | None = None
    description: str | None = None
    expires_at: str | None = field(default=None, name="expiresAt")


class ApiTokenChange(Struct, kw_only=True, omit_defaults=True):
    """Body of `PUT /v2/projects/tokens/{ApiTokenId}`: what is absent stays. `status`: Active or Blocked, any case.

    An `expires_at` of "" takes the end away.
    """

    description: str | None = None
    status: str | None = None
    expires_at: str | None = field(default=None, name="expiresAt")
