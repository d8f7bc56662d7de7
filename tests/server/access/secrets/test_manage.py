"""`open_secret`, for the tools to come: what it gives, and what it refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from portico.server.access import secrets
from portico.server.access.organizations import projects
from portico.server.access.refusals import SecretNotUsable
from portico.server.ids import ProjectId
from tests.server.access.house import House

pytestmark = pytest.mark.anyio
VALUE = " s3cr3t-ñ\n"


async def make(house: House, name: str) -> str:
    body = {"secretDefinition": {"name": name, "secretString": VALUE}}
    return (await secrets.create(house.tenancy, house.member, body)).id


async def find(house: House, name: str, project_id: ProjectId | None = None) -> str:
    caller = house.member
    chosen = project_id or caller.project_id
    assert chosen is not None
    return (await secrets.open_secret(house.tenancy, caller.organization_id, chosen, name)).encode().decode()


async def test_the_value_comes_out_as_it_went_in(house: House) -> None:
    await make(house, "jira")
    assert await find(house, "jira") == VALUE


async def test_unknown_inactive_and_revoked_ones_are_refused(house: House) -> None:
    secret_id = await make(house, "jira")
    for status in ("inactive", "revoked"):
        await secrets.change(house.tenancy, house.member, secret_id, {"secretDefinition": {"status": status}})
        with pytest.raises(SecretNotUsable, match="jira"):
            await find(house, "jira")
    with pytest.raises(SecretNotUsable):
        await find(house, "nothing")


async def test_another_project_has_it_not_even_when_the_row_is_moved_there(house: House) -> None:
    await make(house, "jira")
    other = (await projects.create(house.tenancy, house.owner, "Sales")).project.project_id
    with pytest.raises(SecretNotUsable):
        await find(house, "jira", other)
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text(f"UPDATE secrets SET project_id = '{other}'"))
    with pytest.raises(SecretNotUsable):
        await find(house, "jira", other)
