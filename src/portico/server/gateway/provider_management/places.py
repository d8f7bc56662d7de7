"""Whose settings a request is about, and what every such request reads: texts, numbers, addresses."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access import audit
from portico.server.access.caller import Caller
from portico.server.access.policy import Area, require
from portico.server.access.refusals import ProjectNotInOrganization
from portico.server.access.tenancy import maybe_text
from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch
from portico.server.gateway.provider_settings import ProviderSettings
from portico.server.ids import OrganizationId, ProjectId
from portico.server.kit.addresses import is_allowed
from portico.server.kit.guids import read_guid
from portico.server.storage.projects import maybe_project

LONGEST_NAME = 100
HEAVIEST = 1_000
RESOLVE_S = 5.0
ScopeName = Literal["installation", "organization", "project"]


@dataclass(frozen=True, slots=True)
class Owner:
    """An organization, a project of it, or with neither the installation. `wide`: it sees those of all projects.

    `caller` is who asks in its name; None on the host itself.
    """

    organization_id: OrganizationId | None = None
    project_id: ProjectId | None = None
    wide: bool = True
    caller: Caller | None = field(default=None, compare=False)

    @property
    def trusted(self) -> bool:
        """The operator of the host, who may call whatever address he likes."""
        return self.organization_id is None

    def sees(self, project_id: ProjectId | None) -> bool:
        return self.wide or project_id == self.project_id


INSTALLATION = Owner()


async def find_owner(settings: ProviderSettings, caller: Caller, area: Area, project: str | None = None) -> Owner:
    """The caller's project; with a token of the organization this itself, or the project that it names.

    Raises OutOfScope (403, id 7), ProjectNotInOrganization (404, id 2006).
    """
    require(caller, area)
    if caller.scope == "project":
        if project and project != caller.project_id:
            raise ProjectNotInOrganization
        return Owner(caller.organization_id, caller.project_id, wide=False, caller=caller)
    if not project:
        return Owner(caller.organization_id, caller.project_id, wide=caller.project_id is None, caller=caller)
    project_id = ProjectId(read_guid(project, ProjectNotInOrganization))
    async with settings.database.begin() as connection:
        if await maybe_project(connection, caller.organization_id, project_id) is None:
            raise ProjectNotInOrganization
    return Owner(caller.organization_id, project_id, wide=False, caller=caller)


async def record(
    connection: AsyncConnection,
    settings: ProviderSettings,
    owner: Owner,
    action: audit.Action,
    kind: str,
    target_id: str,
    name: str = "",
    *,
    project_id: str | None = None,
    **details: object,
) -> None:
    """Into the audit log, as the last statement; what the host does goes to the log of the installation."""
    place = project_id or ""
    if owner.caller is None:
        await audit.record_system(
            connection, settings, owner.organization_id, audit.HOST, action, kind, target_id, name, details=details
        )
    else:
        await audit.record(
            connection, settings, owner.caller, action, kind, target_id, name, project_id=place, details=details
        )


def scope_name(organization_id: OrganizationId | None, project_id: ProjectId | None) -> ScopeName:
    if organization_id is None:
        return "installation"
    return "organization" if project_id is None else "project"


def read_only(body: Mapping[str, Any], names: Collection[str], told: Collection[str]) -> None:
    """Raises PatternMismatch for a member that is none of `names`; those of `told` are what answers repeat."""
    for name in body:
        if name not in names and name not in told:
            raise PatternMismatch(name, "there is no such member, or it cannot be changed")


def read_text(body: Mapping[str, Any], field: str, longest: int = LONGEST_NAME) -> str:
    """A text without blanks around it, "" when absent. Raises PatternMismatch, OutOfRange."""
    return maybe_text(body, field, longest) or ""


def read_weight(body: Mapping[str, Any]) -> int:
    given = body.get("weight")
    if given is None:
        return 1
    if isinstance(given, bool) or not isinstance(given, int):
        raise PatternMismatch("weight", "send a whole number")
    if not 1 <= given <= HEAVIEST:
        raise OutOfRange("weight", f"write a whole number from 1 to {HEAVIEST}")
    return given


def read_flag(body: Mapping[str, Any], field: str) -> bool:
    given = body.get(field)
    if not isinstance(given, bool):
        raise PatternMismatch(field, "send true or false")
    return given


async def check_address(settings: ProviderSettings, owner: Owner, url: str, field: str = "baseUrl") -> str:
    """The address without its last slash, when this owner may have requests sent there.

    Raises PatternMismatch; OutOfRange for a host in a private network that PORTICO_PROVIDER_HOSTS does not allow.
    """
    host, port = _read_url(url, field)
    if not owner.trusted:
        addresses = await _resolve(host, port, field)
        if not is_allowed(host, addresses, *settings.allowed):
            raise OutOfRange(
                field, f"'{host}' lies in a network that this server does not call; PORTICO_PROVIDER_HOSTS allows it"
            )
    return url.rstrip("/")


def _read_url(url: str, field: str) -> tuple[str, int]:
    if not url:
        raise FieldRequired(field)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    plain = parts is not None and not (parts.query or parts.fragment or parts.username or parts.password)
    if not plain or parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise PatternMismatch(field, "write an address such as https://api.example.com/v1")
    if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise PatternMismatch(field, "the address has blanks or other characters that none has")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


async def _resolve(host: str, port: int, field: str) -> list[str]:
    try:
        async with asyncio.timeout(RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise PatternMismatch(field, f"the host '{host}' is not known") from None
    return [str(entry[4][0]).partition("%")[0] for entry in found]
