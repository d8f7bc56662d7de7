"""Projects of an organization."""

from __future__ import annotations

import pytest

from portico.server.access import organizations
from portico.server.access.organizations import projects
from portico.server.access.refusals import (
    NameEmpty,
    OrganizationNameTaken,
    OrganizationNotFound,
    ProjectExists,
    ProjectNameTaken,
    ProjectNotFound,
    ProjectNotInOrganization,
)
from portico.server.errors import OutOfScope
from tests.server.access.house import House

pytestmark = pytest.mark.anyio


async def test_new_project_comes_with_a_token_that_works(house: House) -> None:
    made = await projects.create(house.tenancy, house.owner, "Sales", "Sales bots")
    assert (made.project.name, made.project.description, made.project.active) == ("Sales", "Sales bots", True)
    (token,) = made.tokens
    assert (token.name, token.status) == ("Default", "Active")
    assert house.snapshot.find(token.id).project_id == made.project.project_id


async def test_name_is_taken_once_per_organization(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    made = await projects.create(house.tenancy, house.owner, "Sales")
    await projects.create(house.tenancy, house.snapshot.find(acme.tokens.organization), "Sales")
    with pytest.raises(ProjectExists, match="ProjectName Sales Already Exists In The Organization") as refusal:
        await projects.create(house.tenancy, house.owner, "Sales")
    assert (refusal.value.status, refusal.value.id) == (409, 2002)
    with pytest.raises(ProjectNameTaken) as other:
        await projects.change(house.tenancy, house.owner, made.project.project_id, name="Default")
    assert (other.value.status, other.value.id) == (409, 2029)
    with pytest.raises(NameEmpty):
        await projects.create(house.tenancy, house.owner, "")


async def test_list_hides_the_inactive_and_the_deleted(house: House) -> None:
    kept, hidden, gone = [await projects.create(house.tenancy, house.owner, name) for name in ("a", "b", "c")]
    await projects.change(house.tenancy, house.owner, hidden.project.project_id, active=False)
    await projects.delete(house.tenancy, house.owner, gone.project.project_id)

    async def names(**how: bool | str) -> list[str]:
        return [row.name for row in await projects.list_all(house.tenancy, house.owner, **how)]  # type: ignore[arg-type]

    assert await names() == ["Default", "a"]
    assert await names(hidden=True) == ["Default", "a", "b"]
    assert await names(name="a") == [kept.project.name]
    assert await names(name="A") == []
    await projects.create(house.tenancy, house.owner, "c")


async def test_rename_and_describe(house: House) -> None:
    made = await projects.create(house.tenancy, house.owner, "Sales")
    changed = await projects.change(house.tenancy, house.owner, made.project.project_id, name="Shop", description="d")
    assert (changed.name, changed.description) == ("Shop", "d")
    assert await projects.find(house.tenancy, house.owner, made.project.project_id.upper()) == changed
    assert await projects.change(house.tenancy, house.owner, made.project.project_id) == changed


async def test_project_token_reads_its_own_project_and_changes_none(house: House) -> None:
    own = house.member.project_id or ""
    assert (await projects.find(house.tenancy, house.member, own)).name == "Default"
    other = (await projects.create(house.tenancy, house.owner, "Sales")).project.project_id
    with pytest.raises(ProjectNotInOrganization) as refusal:
        await projects.find(house.tenancy, house.member, other)
    assert (refusal.value.status, refusal.value.id) == (404, 2006)
    for attempt in (
        projects.create(house.tenancy, house.member, "x"),
        projects.list_all(house.tenancy, house.member),
        projects.change(house.tenancy, house.member, own, name="x"),
        projects.delete(house.tenancy, house.member, own),
    ):
        with pytest.raises(OutOfScope):
            await attempt


@pytest.mark.parametrize("project_id", ["", "x", "0b9a4c1e-6f57-4d0e-9d52-7c1f3a8e2b64"])
async def test_unknown_project_is_404_with_id_2005(house: House, project_id: str) -> None:
    for attempt in (
        projects.find(house.tenancy, house.owner, project_id),
        projects.change(house.tenancy, house.owner, project_id, name="x"),
        projects.delete(house.tenancy, house.owner, project_id),
    ):
        with pytest.raises(ProjectNotFound) as refusal:
            await attempt
        assert (refusal.value.status, refusal.value.id) == (404, 2005)


async def test_no_function_crosses_tenants(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    for attempt in (
        projects.find(house.tenancy, house.owner, acme.project_id),
        projects.change(house.tenancy, house.owner, acme.project_id, name="x"),
        projects.delete(house.tenancy, house.owner, acme.project_id),
    ):
        with pytest.raises(ProjectNotFound):
            await attempt


async def test_organizations_are_made_renamed_and_deleted(house: House) -> None:
    acme = await organizations.create(house.tenancy, " Acme ")
    assert [row.name for row in await organizations.list_all(house.tenancy)] == ["Portico", "Acme"]
    with pytest.raises(OrganizationNameTaken):
        await organizations.create(house.tenancy, "Acme")
    renamed = await organizations.rename(house.tenancy, acme.organization.organization_id, "Acme Ltd")
    assert house.snapshot.find(acme.tokens.project).organization_name == renamed.name == "Acme Ltd"
    await organizations.delete(house.tenancy, acme.organization.organization_id)
    assert [row.name for row in await organizations.list_all(house.tenancy)] == ["Portico"]
    for attempt in (
        organizations.delete(house.tenancy, acme.organization.organization_id),
        organizations.rename(house.tenancy, "no id", "x"),
    ):
        with pytest.raises(OrganizationNotFound):
            await attempt
