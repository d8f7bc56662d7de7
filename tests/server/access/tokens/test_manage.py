"""Tokens of a project: made, shown once, listed, described, blocked, revoked; and never those of somebody else."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import text

from portico.server.access import organizations, tokens
from portico.server.access.caller import Caller
from portico.server.access.organizations import projects
from portico.server.access.refusals import NameEmpty, ProjectNotInOrganization, TokenExists, UnexpectedStatus
from portico.server.errors import FieldRequired, NotFound, OutOfRange, OutOfScope, PatternMismatch, TokenBlocked
from tests.server.access.house import House

pytestmark = pytest.mark.anyio


async def test_validate_names_organization_and_project(house: House) -> None:
    assert msgspec.to_builtins(tokens.validate(house.member)) == {
        "organizationId": house.member.organization_id,
        "organizationName": "Portico",
        "projectId": house.member.project_id,
        "projectName": "Default",
        "scope": "Pia.Data.Project",
    }


async def test_validate_of_an_organization_token_has_no_project_members(house: House) -> None:
    expected = {
        "organizationId": house.owner.organization_id,
        "organizationName": "Portico",
        "scope": "Pia.Data.Organization",
    }
    assert msgspec.to_builtins(tokens.validate(house.owner)) == expected
    assert msgspec.to_builtins(tokens.validate(on_project(house))) == expected


def on_project(house: House) -> Caller:
    """The organization token with a project header."""
    return replace(house.owner, project_id=house.member.project_id, project_name=house.member.project_name)


async def test_the_secret_is_shown_once(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, " ci ", "pipeline")
    assert re.fullmatch(r"geai_[A-Za-z0-9_-]{64}", made.id)
    assert (made.name, made.description, made.status, made.scope) == ("ci", "pipeline", "Active", "Pia.Data.Project")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", made.timestamp)
    for name in (made.id, made.api_token_id, made.api_token_id.upper()):
        found = await tokens.find_token(house.tenancy, house.member, name)
        assert (found.id, found.name) == (made.api_token_id, "ci")
    listed = await tokens.list_project_tokens(house.tenancy, house.member)
    assert [token.name for token in listed.tokens] == ["Default", "ci"]
    assert made.id not in msgspec.json.encode(listed).decode()


async def test_no_token_is_stored_in_the_clear(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    async with house.tenancy.database.begin() as connection:
        rows = (await connection.execute(text("SELECT t::text FROM tokens t"))).scalars().all()
    for secret in (made.id, house.first.project_token, house.first.organization_token):
        assert not any(secret.removeprefix("geai_") in row for row in rows)


async def test_organization_token_needs_to_name_the_project(house: House) -> None:
    with pytest.raises(FieldRequired, match="Field project-id is required"):
        await tokens.create_token(house.tenancy, house.owner, "ci")
    made = await tokens.create_token(house.tenancy, on_project(house), "ci")
    assert house.snapshot.find(made.id).project_id == house.member.project_id


async def test_token_of_the_organization_is_made_by_one_of_the_organization_only(house: House) -> None:
    made = await tokens.create_organization_token(house.tenancy, house.owner, "admin")
    assert (house.snapshot.find(made.id).scope, made.scope) == ("organization", "Pia.Data.Organization")
    with pytest.raises(OutOfScope):
        await tokens.create_organization_token(house.tenancy, house.member, "more")
    with pytest.raises(NotFound):  # not among the tokens of projects
        await tokens.delete_token(house.tenancy, house.owner, made.api_token_id)


async def test_description_is_cut_to_200_characters(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci", "é" * 300)
    assert made.description == "é" * 200
    changed = await tokens.change_token(house.tenancy, house.member, made.id, description="x" * 201)
    assert changed.description == "x" * 200


@pytest.mark.parametrize("name", [None, "", "  ", "\0"])
async def test_name_is_required(house: House, name: str | None) -> None:
    with pytest.raises(NameEmpty) as refusal:
        await tokens.create_token(house.tenancy, house.member, name)
    assert (refusal.value.status, refusal.value.id) == (400, 2007)


async def test_odd_names_are_stored_and_overlong_ones_refused(house: House) -> None:
    for name in ("'; DROP TABLE tokens; --", "名前", "a\0b", "half \ud800 pair", "x" * 200):
        await tokens.create_token(house.tenancy, house.member, name)
    with pytest.raises(OutOfRange):
        await tokens.create_token(house.tenancy, house.member, "x" * 201)


async def test_name_is_free_again_after_the_token_is_deleted(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    with pytest.raises(TokenExists, match=r"Token ‘name’ already exists \[name=ci\]") as refusal:
        await tokens.create_token(house.tenancy, house.member, "ci")
    assert (refusal.value.status, refusal.value.id) == (409, 4002)
    await tokens.delete_token(house.tenancy, house.member, made.id)
    await tokens.create_token(house.tenancy, house.member, "ci")


async def test_status_is_active_or_blocked_in_any_case(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    for given, expected in (("blocked", "Blocked"), ("ACTIVE", "Active"), (" Blocked ", "Blocked")):
        changed = await tokens.change_token(house.tenancy, house.member, made.api_token_id, status=given)
        assert changed.status == expected
    with pytest.raises(UnexpectedStatus, match=r"Cannot update: \[ gone \] is not a valid status") as refusal:
        await tokens.change_token(house.tenancy, house.member, made.id, status="gone")
    assert (refusal.value.status, refusal.value.id) == (400, 2032)
    unchanged = await tokens.change_token(house.tenancy, house.member, made.id)
    assert (unchanged.status, unchanged.name) == ("Blocked", "ci")


async def test_second_delete_is_not_found(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    await tokens.delete_token(house.tenancy, house.member, made.api_token_id)
    with pytest.raises(NotFound, match=r"Not Found\."):
        await tokens.delete_token(house.tenancy, house.member, made.api_token_id)
    with pytest.raises(NotFound):
        await tokens.change_token(house.tenancy, house.member, made.id, status="Active")


@pytest.mark.parametrize(
    "name", ["", "x", "geai_", "geai_" + "x" * 64, "0b9a4c1e-6f57-4d0e-9d52-7c1f3a8e2b64", "../..", "\0"]
)
async def test_unknown_token_is_not_found(house: House, name: str) -> None:
    with pytest.raises(NotFound):
        await tokens.find_token(house.tenancy, house.member, name)


async def test_expiry_is_kept_and_shown(house: House) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)
    made = await tokens.create_token(house.tenancy, house.member, "ci", expires_at=moment)
    assert made.expires_at == moment.strftime("%Y-%m-%dT%H:%M:%S")
    listed = await tokens.list_project_tokens(house.tenancy, house.member)
    assert [msgspec.to_builtins(token).get("expiresAt") for token in listed.tokens] == [None, made.expires_at]


async def test_expiry_is_a_future_moment_of_iso_8601() -> None:
    assert tokens.read_expiry(None) is None
    assert tokens.read_expiry(" ") is None
    assert tokens.read_expiry("2999-01-01T01:00:00+01:00") == datetime(2999, 1, 1, tzinfo=UTC)
    assert tokens.read_expiry("2999-01-01T00:00:00") == datetime(2999, 1, 1, tzinfo=UTC)
    for wrong in ("tomorrow", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"):
        with pytest.raises(PatternMismatch):
            tokens.read_expiry(wrong)
    with pytest.raises(OutOfRange):
        tokens.read_expiry("2001-01-01")


async def test_no_function_crosses_tenants(house: House) -> None:
    acme = await organizations.create(house.tenancy, "Acme")
    theirs = house.snapshot.find(acme.tokens.project)
    victim = (await tokens.list_project_tokens(house.tenancy, house.member)).tokens[0]
    for caller in (theirs, house.snapshot.find(acme.tokens.organization)):
        for name in (victim.id, str(house.first.project_token)):
            with pytest.raises(NotFound):
                await tokens.find_token(house.tenancy, caller, name)
            with pytest.raises(NotFound):
                await tokens.change_token(house.tenancy, caller, name, status="blocked")
            with pytest.raises(NotFound):
                await tokens.delete_token(house.tenancy, caller, name)
    owner = house.snapshot.find(acme.tokens.organization)
    for project in (house.member.project_id, str(uuid4()), "no id", "\0"):
        with pytest.raises(ProjectNotInOrganization, match="Project not in Organization"):
            await tokens.list_project_tokens(house.tenancy, owner, project)


async def test_a_project_does_not_reach_the_tokens_of_its_neighbour(house: House) -> None:
    sales = await projects.create(house.tenancy, house.owner, "Sales")
    theirs = sales.tokens[0]
    with pytest.raises(NotFound):
        await tokens.delete_token(house.tenancy, house.member, theirs.id)
    with pytest.raises(ProjectNotInOrganization):
        await tokens.list_project_tokens(house.tenancy, house.member, sales.project.project_id)
    listed = await tokens.list_project_tokens(house.tenancy, house.owner, sales.project.project_id.upper())
    assert [token.id for token in listed.tokens] == [theirs.api_token_id]
    found = await tokens.find_token(house.tenancy, house.owner, theirs.id)
    assert found.id == theirs.api_token_id


async def test_the_end_is_moved_and_taken_away(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci")
    changed = await tokens.change_token(house.tenancy, house.member, made.id, expires_at="2999-01-01T00:00:00Z")
    assert changed.expires_at == "2999-01-01T00:00:00"
    kept = await tokens.change_token(house.tenancy, house.member, made.id, description="still")
    assert kept.expires_at == "2999-01-01T00:00:00"
    ended = await tokens.change_token(house.tenancy, house.member, made.id, expires_at="")
    assert "expiresAt" not in msgspec.to_builtins(ended)
    with pytest.raises(OutOfRange):
        await tokens.change_token(house.tenancy, house.member, made.id, expires_at="2001-01-01")


async def test_refusals_have_the_words_that_the_official_clients_wait_for(house: House) -> None:
    made = await tokens.create_token(house.tenancy, house.member, "ci", "pipeline")
    with pytest.raises(FieldRequired, match=r"Input data is missing \(required %1\) Description") as refusal:
        await tokens.change_token(house.tenancy, house.member, made.id, description=" ")
    assert (refusal.value.status, refusal.value.id) == (400, 9)
    with pytest.raises(NameEmpty, match=r"Input data is missing \(required %1\) Name"):
        await tokens.create_token(house.tenancy, house.member, "")
    with pytest.raises(FieldRequired, match=r"Input data is missing \(required %1\) project-id"):
        await tokens.create_token(house.tenancy, house.owner, "ci")
    with pytest.raises(OutOfRange, match="Not Found"):
        await tokens.create_token(house.tenancy, house.member, "x" * 221)


async def test_tokens_of_the_organization_are_a_list_of_their_own(house: House) -> None:
    made = await tokens.create_organization_token(house.tenancy, house.owner, "ops")
    listed = await tokens.list_organization_tokens(house.tenancy, house.owner)
    assert [token.name for token in listed.tokens] == ["Default", "ops"]
    blocked = await tokens.change_token(
        house.tenancy, house.owner, made.api_token_id, status="Blocked", of_organization=True
    )
    assert blocked.status == "Blocked"
    with pytest.raises(TokenBlocked):
        house.snapshot.find(made.id)
    found = await tokens.find_token(house.tenancy, house.owner, made.id, of_organization=True)
    assert (found.id, found.scope) == (made.api_token_id, "Pia.Data.Organization")
    await tokens.delete_token(house.tenancy, house.owner, made.api_token_id, of_organization=True)
    with pytest.raises(NotFound):
        await tokens.find_token(house.tenancy, house.owner, made.api_token_id, of_organization=True)
    with pytest.raises(NotFound):
        await tokens.find_token(house.tenancy, house.owner, str(house.first.project_token), of_organization=True)
    for attempt in (
        tokens.list_organization_tokens(house.tenancy, house.member),
        tokens.find_token(house.tenancy, house.member, made.id, of_organization=True),
        tokens.delete_token(house.tenancy, house.member, made.id, of_organization=True),
    ):
        with pytest.raises(OutOfScope):
            await attempt
