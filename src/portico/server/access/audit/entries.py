"""Writes down who did what: one entry in the chain of his organization, in the transaction of the deed itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.access.caller import Caller
from portico.server.ids import OrganizationId
from portico.server.storage.audit import INSTALLATION, KEY_PURPOSE, NewEntry, append, clean
from portico.server.storage.secrets import InstallationKey

Action = Literal[
    "create",
    "update",
    "delete",
    "publish",
    "run",
    "export",
    "invite",
    "remove",
    "block",
    "unblock",
    "revoke",
    "sign_in",
    "sign_out",
    "cancel",
    "clear",
]
HOST = "host"
"""The name of whoever works on the host itself: he has no token."""
_LONGEST_DETAILS = 4_000


@dataclass(frozen=True, slots=True)
class KeyOnly:
    """For those who have no `Tenancy` yet: `Keyed` by nothing but the key."""

    key: InstallationKey


class Keyed(Protocol):
    """A `Tenancy`, or whatever else has the installation key."""

    @property
    def key(self) -> InstallationKey: ...


async def record(
    connection: AsyncConnection,
    tenancy: Keyed,
    caller: Caller,
    action: Action,
    kind: str,
    target_id: str,
    target_name: str = "",
    *,
    project_id: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """One entry, by the caller. As the last statement of his transaction: the organization's others wait for its end.

    `project_id` is the caller's unless told; "" for what concerns the organization as a whole. `details` are few and
    plain: never a secret, a prompt or the text of a token.
    """
    project = (caller.project_id or "") if project_id is None else project_id
    actor = _actor(caller)
    await _append(
        connection, tenancy, caller.organization_id, actor, action, kind, target_id, target_name, project, details
    )


async def record_system(
    connection: AsyncConnection,
    tenancy: Keyed,
    organization_id: OrganizationId | None,
    actor_name: str,
    action: Action,
    kind: str,
    target_id: str,
    target_name: str = "",
    *,
    project_id: str | None = None,
    details: Mapping[str, object] | None = None,
) -> None:
    """The same for what nobody with a Caller did: the host's command line, the first start, the server itself.

    Without an organization it goes to the chain of the installation.
    """
    organization_id, actor = organization_id or INSTALLATION, ("system", "", actor_name)
    project = project_id or ""
    await _append(connection, tenancy, organization_id, actor, action, kind, target_id, target_name, project, details)


def _actor(caller: Caller) -> tuple[str, str, str]:
    if caller.user_id is not None:
        return "user", caller.user_id, caller.user_email
    return "token", caller.token_id, caller.token_name


async def _append(
    connection: AsyncConnection,
    tenancy: Keyed,
    organization_id: OrganizationId,
    actor: tuple[str, str, str],
    action: Action,
    kind: str,
    target_id: str,
    target_name: str,
    project_id: str,
    details: Mapping[str, object] | None,
) -> None:
    actor_kind, actor_id, actor_name = actor
    entry = NewEntry(
        at=datetime.now(UTC),
        actor_kind=actor_kind,
        actor_id=actor_id,
        actor_name=clean(actor_name),
        action=action,
        kind=kind,
        target_id=clean(target_id),
        target_name=clean(target_name),
        project_id=project_id,
        details=_write_details(details or {}),
    )
    await append(connection, tenancy.key.for_purpose(KEY_PURPOSE), organization_id, [entry])


def _write_details(details: Mapping[str, object]) -> str:
    """JSON, with long texts cut; details are a hint, and what cannot be short is left out as a whole."""
    if not details:
        return ""
    told = {name: clean(value) if isinstance(value, str) else value for name, value in details.items()}
    written = clean(msgspec.json.encode(told).decode(), _LONGEST_DETAILS + 1)
    return written if len(written) <= _LONGEST_DETAILS else '{"tooLong":true}'
