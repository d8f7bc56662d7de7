"""Organizations, for the system administrator: made with their administrator, searched, deleted with their projects."""

from __future__ import annotations

import pytest

from portico.server.access import members, organizations
from portico.server.access.caller import Caller
from portico.server.access.organizations import projects
from portico.server.access.refusals import NameEmpty, NoOrganizations, OrganizationNameTaken, OrganizationNotFound
from portico.server.errors import Conflict, FieldRequired, OutOfRange, OutOfScope, PatternMismatch, TokenBlocked
from portico.server.ids import TokenId
from portico.server.storage.audit import INSTALLATION, AuditFilter, list_audit
from tests.server.access.house import House

pytestmark = pytest.mark.anyio
ROOT = Caller(INSTALLATION, "", TokenId(INSTALLATION), "installation", token_name="root")
ANA = "ana@acme.example"
URL = "http://127.0.0.1:8080"


async def test_an_organization_comes_with_tokens_and_an_administrator(house: House) -> None:
    body = {"Name": "Acme", "administratorUserEmail": ANA}
    made = await organizations.create_for(house.tenancy, ROOT, body, URL)
    assert (made.organization_name, made.name, made.id, made.administrator_user_email) == (
        "Acme",
        "Acme",
        made.organization_id,
        ANA,
    )
    assert str(made.invitation).startswith(f"{URL}/setup#invitation-")
    assert isinstance(made.tokens, list)
    whole, own = (house.snapshot.find(token.id) for token in made.tokens)
    assert (whole.scope, own.scope, own.project_name) == ("organization", "project", "Default")
    found = await members.list_organization_members(house.tenancy, whole, {})
    assert [(one.email, [role.name for role in one.roles]) for one in found.members] == [
        (ANA, ["Organization Administrator"])
    ]
    async with house.tenancy.database.begin() as connection:
        entries = await list_audit(connection, AuditFilter(INSTALLATION, kind="organization"), limit=5)
    assert [(row.entry.action, row.entry.target_id) for row in entries] == [("create", made.organization_id)]


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "Acme"}, FieldRequired),
        ({"name": "Acme", "administratorUserEmail": "nobody"}, PatternMismatch),
        ({"name": "", "administratorUserEmail": ANA}, NameEmpty),
        ({"name": 5, "administratorUserEmail": ANA}, PatternMismatch),
        ({"name": "Portico", "administratorUserEmail": ANA}, OrganizationNameTaken),
    ],
)
async def test_a_bad_organization_is_refused_and_nobody_invited(
    house: House, body: dict[str, object], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await organizations.create_for(house.tenancy, ROOT, body, URL)
    assert [row.name for row in await organizations.list_all(house.tenancy)] == ["Portico"]


async def test_they_are_searched_page_by_page(house: House) -> None:
    for name in ("acme", "Beta", "100%_true"):
        await organizations.create(house.tenancy, name)

    async def names(**query: str) -> list[str]:
        found = await organizations.search(house.tenancy, ROOT, query)
        return [one.organization_name for one in found.organizations]

    assert await names() == ["Portico", "Beta", "acme", "100%_true"]
    assert await names(orderkey="name", orderdirection="asc", pagesize="2", startpage="2") == ["Beta", "Portico"]
    assert await names(filterkey="name", filtervalue="CM") == ["acme"]
    assert await names(filtervalue="%_") == ["100%_true"]
    found = await organizations.search(house.tenancy, ROOT, {"pagesize": "3"})
    assert (found.count, found.pages) == (4, 2)
    with pytest.raises(NoOrganizations, match="No Organizations found matching the search criteria"):
        await names(filtervalue="nobody")
    with pytest.raises(OutOfRange, match=r"Invalid order \(expected: \|name\|\)"):
        await names(orderkey="created")
    with pytest.raises(OutOfRange, match="filterKey"):
        await names(filterkey="id", filtervalue="x")


async def test_one_is_deleted_with_all_its_projects(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    owner = house.snapshot.find(acme.tokens.organization)
    await projects.create(house.tenancy, owner, "Sales", administrator=ANA)
    gone = await organizations.delete_with_contents(house.tenancy, ROOT, acme.organization.organization_id)
    assert (gone.organization_name, gone.removed["projects"], gone.removed["tokens"]) == ("Acme", 2, 3)
    assert gone.removed["members"] == 1
    for token in (acme.tokens.organization, acme.tokens.project):
        with pytest.raises(TokenBlocked):
            house.snapshot.find(token)
    with pytest.raises(OrganizationNotFound):
        await organizations.delete_with_contents(house.tenancy, ROOT, acme.organization.organization_id)
    with pytest.raises(Conflict, match="last organization"):
        await organizations.delete_with_contents(house.tenancy, ROOT, house.owner.organization_id)


async def test_no_token_of_an_organization_reaches_them(house: House) -> None:
    for caller in (house.owner, house.member):
        for attempt in (
            organizations.create_for(house.tenancy, caller, {"name": "a", "administratorUserEmail": ANA}, URL),
            organizations.search(house.tenancy, caller, {}),
            organizations.delete_with_contents(house.tenancy, caller, house.owner.organization_id),
        ):
            with pytest.raises(OutOfScope):
                await attempt
