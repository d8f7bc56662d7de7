"""Secrets of a project: named values that are never shown again. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from typing import Literal

from msgspec import field

from portico.wire.tolerant import Shape

SecretStatus = Literal["active", "inactive", "revoked"]


class ProjectSecret(Shape, rename="camel"):
    """One secret, without its value. `status` is active, inactive or revoked; times are UTC without a zone."""

    id: str = ""
    name: str = ""
    description: str = ""
    status: str = "active"
    created_at: str = ""
    updated_at: str = ""


class ProjectSecretList(Shape):
    """Answer of `GET /v1/secrets`; `count` is how many there are in all, not how many are in this answer."""

    secrets: list[ProjectSecret] = field(default_factory=list)
    count: int = 0


class SecretAccess(Shape, rename="camel"):
    """Who may do what with a secret, such as `write` and `service`."""

    access_level: str = ""
    principal_type: str = ""


class SecretAccessList(Shape, rename="camel"):
    """Answer of `/v1/secrets/{secretId}/accesses`."""

    access_list: list[SecretAccess] = field(default_factory=list)
