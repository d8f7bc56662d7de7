"""What a worker builds for limits, on a database of the test: one organization, one project, and its Limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portico.server.access.caller import Caller
from portico.server.gateway.limits import Limits, Policy, Ticket, manage
from portico.server.ids import OrganizationId, ProjectId, TokenId
from portico.server.storage.changes import Changes
from portico.server.storage.database import Database
from portico.server.storage.organizations import insert_organization
from portico.server.storage.projects import insert_project
from portico.server.storage.secrets import InstallationKey
from portico.wire.usage_limits import UsageLimit

KEY = InstallationKey("k" * 40)
USD = 10**12
MICRO = 10**6
MONTHLY: dict[str, Any] = {
    "subscriptionType": "Monthly",
    "usageUnit": "Cost",
    "softLimit": 1,
    "hardLimit": 2,
    "renewalStatus": "Renewable",
}


@dataclass
class Worker:
    """One server process, as far as limits go."""

    database: Database
    changes: Changes
    limits: Limits

    @classmethod
    async def open(cls, url: str, folder: Path, **options: Any) -> Worker:
        database = await Database.open(url)
        changes = Changes(database.url)
        limits = Limits(database, folder, KEY, **options)
        limits.start()
        changes.subscribe(limits.follow)
        await changes.start()
        return cls(database, changes, limits)

    async def close(self) -> None:
        await self.changes.close()
        await self.limits.close()
        await self.database.close()

    def policy(self, caller: Caller) -> Policy:
        found = self.limits.of(caller)
        assert found is not None
        return found

    async def take(self, caller: Caller, cost: int = 0, tokens: int = 0) -> Ticket:
        """As the gateway does it: out of memory, or else by asking."""
        policy = self.policy(caller)
        return policy.try_take(cost, tokens) or await policy.take(cost, tokens)

    async def create(self, caller: Caller, **members: Any) -> UsageLimit:
        """A limit of the caller's project, or of the organization with `whole=True`."""
        whole = members.pop("whole", False)
        place = caller.organization_id, None if whole else caller.project_id
        return await manage.create(self.limits, owner_of(caller), place, MONTHLY | members)

    async def latest(self, caller: Caller, *, whole: bool = False) -> UsageLimit:
        place = caller.organization_id, None if whole else caller.project_id
        return await manage.latest(self.limits, owner_of(caller), place)


async def make_caller(database: Database, name: str = "acme", token_id: str = "") -> Caller:
    """The token of a new project of a new organization; the token itself has no row."""
    async with database.begin() as connection:
        organization = await insert_organization(connection, name)
        project = await insert_project(connection, organization.organization_id, "Default")
    token = TokenId(token_id or "00000000-0000-4000-8000-00000000000a")
    return Caller(organization.organization_id, name, token, "project", project.project_id, "Default")


def owner_of(caller: Caller) -> Caller:
    """The organization's token."""
    return Caller(caller.organization_id, caller.organization_name, TokenId("o"), "organization")


def caller_of(organization_id: str, project_id: str, token_id: str = "t") -> Caller:
    organization, project = OrganizationId(organization_id), ProjectId(project_id)
    return Caller(organization, "acme", TokenId(token_id), "project", project, "Default")
