"""Signing in, refreshing, signing out: which tokens live, and which refusal says why one does not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import text

from portico.server.access.authenticate import authenticate
from portico.server.access.caller import Caller
from portico.server.access.members import grant as give
from portico.server.access.members import invite_to_project, project_roles, remove_from_organization
from portico.server.access.members.invited import find_or_invite
from portico.server.access.refusals import EmailNotFound, RoleNotFound
from portico.server.access.session_refusals import (
    RefreshRefused,
    SessionFinished,
    SessionRefused,
    TokenExpired,
    TokenNotValid,
    TokenRevoked,
)
from portico.server.access.sign_in import SignIn, Visitor
from portico.server.access.sign_in.attempts import WINDOW_S, Attempts
from portico.server.access.sign_in.grants import grant, make_code
from portico.server.access.sign_in.passwords import Passwords
from portico.server.access.sign_in.refusals import (
    GrantNotValid,
    LinkNotValid,
    PasswordTooShort,
    TooManyAttempts,
    UnsupportedGrant,
)
from portico.server.access.sign_in.setup_links import Choice, follow_link, make_link
from portico.server.access.sign_in.users import change_user, create_user, end_user_sessions, list_user_sessions
from portico.server.errors import FieldRequired, Forbidden, ForeignProject, OutOfRange, PorticoError, Unauthorized
from portico.server.ids import OrganizationId, UserId
from portico.server.kit.clock import FixedClock
from portico.server.storage.sessions import end_sessions
from portico.server.storage.setup_links import take_code
from portico.server.storage.users import maybe_user
from tests.server.access.house import House, open_house

pytestmark = pytest.mark.anyio
PASSWORD = "a long enough password"
HERE = Visitor("tests", "127.0.0.1")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(time.time())


@pytest.fixture
async def sign_in(house: House, clock: FixedClock) -> SignIn:
    attempts = Attempts(house.tenancy, 3, clock)
    return SignIn(house.tenancy, Passwords(12), attempts, access_s=3600, refresh_s=86_400, clock=clock)


@pytest.fixture
async def other(database_url: str, tmp_path: Path, house: House) -> AsyncIterator[House]:
    """A second process on the same database."""
    opened = await open_house(database_url, tmp_path)
    yield opened
    await opened.close()


async def make_user(sign_in: SignIn, email: str = "ana@acme.example", password: str = PASSWORD) -> str:
    """Invited, and followed the link; the id."""
    async with sign_in.tenancy.database.begin() as connection:
        user = await find_or_invite(connection, email, "tests")
        link = await make_link(connection, sign_in.tenancy.key, "invitation", user.user_id)
    made = await follow_link(sign_in.tenancy, sign_in.passwords, Choice(link.fragment, password))
    return made.user_id


async def give_role(house: House, user_id: str, role: str, project_id: str | None) -> None:
    """Nobody listens to the notices of the database here: this process knows of its own changes without them."""
    owner = house.owner
    async with house.tenancy.change_grants(owner.organization_id) as connection:
        await give(connection, owner.organization_id, role, project_id, user_id, "tests")  # type: ignore[arg-type]


def ask(house: House, token: str, **headers: str) -> Caller:
    sent = [(b"authorization", b"Bearer " + token.encode())]
    sent += [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
    return authenticate(sent, house.snapshot)


async def test_a_password_gives_tokens_that_are_somebody(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    made = await sign_in.with_password("ANA@acme.example ", PASSWORD, HERE)
    assert (made.token_type, made.expires_in, made.user_guid) == ("Bearer", 3600, user_id)
    assert made.scope == "gam_user_data+gam_user_roles"
    assert len({made.access_token, made.refresh_token}) == 2 and len(made.access_token) > 43  # 256 bits
    found = ask(house, made.access_token)
    assert (found.user_id, found.user_email, found.scope) == (user_id, "ana@acme.example", "user")


async def test_nothing_readable_is_kept(house: House, sign_in: SignIn) -> None:
    await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    async with house.tenancy.database.begin() as connection:
        rows = [
            str(row)
            for table in ("users", "sessions", "setup_links", "audit")
            for row in await connection.execute(text(f"SELECT t::text FROM {table} t"))
        ]
    kept = " ".join(rows)
    assert "$argon2id$" in kept
    assert [one for one in (PASSWORD, made.access_token, made.refresh_token) if one in kept] == []


@pytest.mark.parametrize(("email", "password"), [("ana@acme.example", "wrong"), ("nobody@acme.example", PASSWORD)])
async def test_401_for_a_wrong_password_or_address(sign_in: SignIn, email: str, password: str) -> None:
    await make_user(sign_in)
    with pytest.raises(GrantNotValid) as refusal:
        await sign_in.with_password(email, password, HERE)
    assert (refusal.value.status, refusal.value.id, refusal.value.message) == (401, 401, "Unauthorized")


async def test_an_unknown_address_takes_as_long_as_a_wrong_password(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time goes into checking a hash, so one of the same parameters is checked, and once, whoever is asked for."""
    await make_user(sign_in)
    async with sign_in.tenancy.database.begin() as connection:
        await find_or_invite(connection, "invited@acme.example", "tests")
    checked, check = [], PasswordHasher.verify

    def verify(hasher: PasswordHasher, hashed: str, password: bytes) -> bool:
        checked.append((hasher, extract_parameters(hashed), len(hashed), password))
        return check(hasher, hashed, password)

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    for email in ("ana@acme.example", "nobody@acme.example", "invited@acme.example"):
        with pytest.raises(GrantNotValid):
            await sign_in.with_password(email, "guess", HERE)
    known, unknown, invited = checked
    assert known == unknown == invited
    assert known[3] == b"guess"


async def test_429_after_too_many_failures(sign_in: SignIn, clock: FixedClock) -> None:
    await make_user(sign_in)
    for _ in range(3):
        with pytest.raises(GrantNotValid):
            await sign_in.with_password("ana@acme.example", "wrong", HERE)
    with pytest.raises(TooManyAttempts) as refusal:
        await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    assert (refusal.value.status, refusal.value.id) == (429, 9001)
    assert "try again in 15 minutes" in refusal.value.message
    await sign_in.with_password("ana@acme.example", PASSWORD, Visitor("tests", "10.0.0.9"))  # a stranger's guesses
    clock.move(WINDOW_S + 1)
    await sign_in.with_password("ana@acme.example", PASSWORD, HERE)


async def check(attempts: Attempts, address: str, account: str) -> None:
    async with attempts._tenancy.database.begin() as connection:
        await attempts.check(connection, address, account)


async def test_failures_are_counted_per_address_and_per_account(house: House, clock: FixedClock) -> None:
    attempts = Attempts(house.tenancy, 2, clock)
    for number in range(20):
        await attempts.failed("10.0.0.1", f"user{number}")
    with pytest.raises(TooManyAttempts):
        await check(attempts, "10.0.0.1", "somebody else")
    for number in range(10):
        await attempts.failed(f"10.0.1.{number}", "ana")
    with pytest.raises(TooManyAttempts):
        await check(attempts, "10.9.9.9", "ana")
    await check(attempts, "10.9.9.9", "bea")


async def test_failures_are_counted_over_all_processes(house: House, other: House, clock: FixedClock) -> None:
    here, there = (Attempts(process.tenancy, 4, clock) for process in (house, other))
    for _ in range(2):
        await here.failed("10.0.0.1", "ana")
        await there.failed("10.0.0.1", "ana")
    for attempts in (here, there):
        with pytest.raises(TooManyAttempts):
            await check(attempts, "10.0.0.1", "ana")


async def test_of_many_guesses_at_once_no_more_learn_that_they_were_wrong(
    house: House, other: House, clock: FixedClock
) -> None:
    """All have passed the check before the first of them failed."""
    here, there = (Attempts(process.tenancy, 3, clock) for process in (house, other))
    answers = await asyncio.gather(
        *(attempts.failed("10.0.0.1", "ana") for attempts in [here, there] * 6), return_exceptions=True
    )
    assert [type(answer) for answer in answers if answer is not None] == [TooManyAttempts] * 9
    with pytest.raises(TooManyAttempts):
        await there.succeeded("10.0.0.1", "ana")


async def test_guesses_at_accounts_and_addresses_that_cross_do_not_lock_each_other_out(
    house: House, other: House, clock: FixedClock
) -> None:
    here, there = (Attempts(process.tenancy, 100, clock) for process in (house, other))
    pairs = [(f"10.0.0.{a}", f"user{b}") for a in range(3) for b in range(3)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(attempts.failed(*pair) for pair in pairs for attempts in (here, there)))
        await asyncio.gather(*(attempts.succeeded(*pair) for pair in pairs for attempts in (here, there)))


async def test_the_right_password_forgives_the_failures_from_its_address_only(house: House, clock: FixedClock) -> None:
    attempts = Attempts(house.tenancy, 2, clock)
    for address in ("10.0.0.1", "10.0.0.2"):
        await attempts.failed(address, "ana")
    await attempts.succeeded("10.0.0.1", "ana")
    for address in ("10.0.0.1", "10.0.0.2"):
        await attempts.failed(address, "ana")
    await check(attempts, "10.0.0.1", "ana")
    with pytest.raises(TooManyAttempts):
        await check(attempts, "10.0.0.2", "ana")


async def test_each_failure_is_over_after_its_own_quarter_of_an_hour(house: House, clock: FixedClock) -> None:
    attempts = Attempts(house.tenancy, 2, clock)
    await attempts.failed("10.0.0.1", "ana")
    clock.move(600)
    await attempts.failed("10.0.0.1", "ana")
    with pytest.raises(TooManyAttempts) as refusal:
        await check(attempts, "10.0.0.1", "ana")
    assert refusal.value.retry_after_s == pytest.approx(300, abs=1)
    clock.move(300)
    await attempts.failed("10.0.0.1", "ana")
    async with house.tenancy.database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM failed_sign_ins")) == 2, "the first is forgotten"


async def test_what_was_typed_is_not_kept(house: House, sign_in: SignIn) -> None:
    """It may be the password, in the wrong field."""
    with pytest.raises(GrantNotValid):
        await sign_in.with_password(PASSWORD, "", HERE)
    async with house.tenancy.database.begin() as connection:
        row = (await connection.execute(text("SELECT account, address FROM failed_sign_ins"))).one()
    assert [len(hashed) for hashed in row] == [32, 32]
    assert row[0] != house.tenancy.key.hash_token(PASSWORD)


async def test_102_after_a_refresh_token_was_used_twice(house: House, sign_in: SignIn) -> None:
    await make_user(sign_in)
    first = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    second = await sign_in.refresh(first.refresh_token)
    assert second.access_token != first.access_token and second.refresh_token != first.refresh_token
    with pytest.raises(Unauthorized):
        ask(house, first.access_token)
    assert ask(house, second.access_token).user_email == "ana@acme.example"
    with pytest.raises(RefreshRefused) as reused:
        await sign_in.refresh(first.refresh_token)
    assert reused.value.id == 101
    with pytest.raises(TokenRevoked) as revoked:
        ask(house, second.access_token)
    assert revoked.value.id == 102
    with pytest.raises(TokenRevoked):
        await sign_in.refresh(second.refresh_token)


async def test_103_expired_and_101_too_late_to_refresh(house: House, sign_in: SignIn, clock: FixedClock) -> None:
    house.snapshot.people._clock = clock
    await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    assert ask(house, made.access_token).user_email
    clock.move(3601)
    with pytest.raises(TokenExpired) as expired:
        ask(house, made.access_token)
    assert expired.value.id == 103
    made = await sign_in.refresh(made.refresh_token)
    assert ask(house, made.access_token).user_email
    clock.move(86_401)
    with pytest.raises(RefreshRefused):
        await sign_in.refresh(made.refresh_token)


async def test_21_after_signing_out(house: House, sign_in: SignIn) -> None:
    await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    await sign_in.sign_out(made.access_token)
    with pytest.raises(SessionFinished) as finished:
        ask(house, made.access_token)
    assert finished.value.id == 21
    await sign_in.sign_out("never seen")


async def test_122_for_a_blocked_user(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    async with house.tenancy.database.begin() as connection:
        from portico.server.storage.users import update_user

        await update_user(connection, user_id, {"active": False})  # type: ignore[arg-type]
    await house.snapshot.people.refresh(users={user_id})
    with pytest.raises(SessionRefused) as refused:
        ask(house, made.access_token)
    assert refused.value.id == 122
    with pytest.raises(GrantNotValid):
        await sign_in.with_password("ana@acme.example", PASSWORD, HERE)


async def test_114_for_what_is_no_access_token(sign_in: SignIn, house: House) -> None:
    for token in ("unknown", str(house.first.project_token)):
        with pytest.raises(TokenNotValid) as refusal:
            await sign_in.user_info(token)
        assert refusal.value.id == 114


async def test_another_process_refuses_a_revoked_session_within_a_second(
    house: House, other: House, sign_in: SignIn
) -> None:
    await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    await within_a_second(lambda: ask(other, made.access_token).user_email == "ana@acme.example")
    await sign_in.sign_out(made.refresh_token)

    def refused() -> bool:
        with pytest.raises(SessionFinished):
            ask(other, made.access_token)
        return True

    await within_a_second(refused)


async def within_a_second(check: object) -> None:
    ends = time.monotonic() + 60  # a second, on a machine that has one; without a notice never (house.py)
    while True:
        try:
            assert check()  # type: ignore[operator]
            return
        except (AssertionError, PorticoError, pytest.fail.Exception):
            if time.monotonic() > ends:
                raise
            await asyncio.sleep(0.01)


# Where a user may act -------------------------------------------------------------------------------------------


async def test_every_spelling_of_the_project_header(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    project = str(house.member.project_id)
    await give_role(house, user_id, "Project Member", project)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    for name in ("project-id", "ProjectId", "projectId", "project_id"):
        sent = [(b"authorization", b"Bearer " + token.encode()), (name.lower().encode(), project.upper().encode())]
        found = authenticate(sent, house.snapshot)
        assert (found.scope, found.project_id, found.project_name) == ("project", project, "Default")
        assert found.roles is not None and found.roles.standing == "backend"


async def test_403_where_the_user_has_no_role(house: House, sign_in: SignIn) -> None:
    await make_user(sign_in)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    for headers in (
        {"project_id": str(house.member.project_id)},
        {"project_id": "nonsense"},
        {"organization_id": house.owner.organization_id},
    ):
        with pytest.raises(Forbidden) as refusal:
            ask(house, token, **headers)
        assert (refusal.value.status, refusal.value.id) == (403, 403)


async def test_403_id_2006_for_a_project_of_another_organization(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    await give_role(house, user_id, "Project Member", house.member.project_id)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    with pytest.raises(ForeignProject):
        ask(
            house,
            token,
            project_id=str(house.member.project_id),
            organization_id="11111111-1111-4111-8111-111111111111",
        )


async def test_400_id_8_for_two_organizations(house: House, sign_in: SignIn) -> None:
    await make_user(sign_in)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    sent = [
        (b"authorization", b"Bearer " + token.encode()),
        (b"organizationid", b"11111111-1111-4111-8111-111111111111"),
        (b"organization-id", b"11111111-1111-4111-8111-111111111112"),
    ]
    with pytest.raises(OutOfRange):
        authenticate(sent, house.snapshot)


async def test_an_administrator_of_the_organization_is_one_in_its_projects(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    await give_role(house, user_id, "Organization Administrator", None)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    here = ask(house, token)
    assert (here.scope, here.organization_id) == ("organization", house.owner.organization_id)
    inside = ask(house, token, ProjectId=str(house.member.project_id), OrganizationId=house.owner.organization_id)
    assert inside.roles is not None
    assert (inside.scope, inside.roles.standing, inside.roles.organization_administrator) == (
        "project", "administrator", True,
    )  # fmt: skip


async def test_a_role_that_is_taken_away_counts_no_more(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    project = str(house.member.project_id)
    await give_role(house, user_id, "Access all Project Assistants", project)
    token = (await sign_in.with_password("ana@acme.example", PASSWORD, HERE)).access_token
    found = ask(house, token, ProjectId=project)
    assert found.roles is not None and (found.roles.standing, found.roles.assistants) == ("frontend", None)
    async with house.tenancy.database.begin() as connection:
        await connection.execute(text("DELETE FROM memberships"))

    def refused() -> bool:
        with pytest.raises(Forbidden):
            ask(house, token, ProjectId=project)
        return True

    await within_a_second(refused)


# The token endpoint's fields --------------------------------------------------------------------------------------


async def test_what_a_grant_needs(sign_in: SignIn) -> None:
    for fields, missing in (
        ({}, "client_id"),
        ({"client_id": "c"}, "username"),
        ({"client_id": "c", "username": "a"}, "password"),
        ({"client_id": "c", "grant_type": "refresh_token"}, "refresh_token"),
    ):
        with pytest.raises(FieldRequired) as refusal:
            await grant(sign_in, fields, "127.0.0.1", client_required=True)
        assert refusal.value.message == f"Field {missing} is required"
    with pytest.raises(UnsupportedGrant):
        await grant(sign_in, {"client_id": "c", "grant_type": "magic"}, "127.0.0.1")


async def test_client_credentials_are_an_api_token(house: House, sign_in: SignIn) -> None:
    member, secret = house.member, str(house.first.project_token)
    fields = {"client_id": member.token_id, "client_secret": secret, "grant_type": "client_credentials"}
    made = await grant(sign_in, fields, "127.0.0.1")
    assert (made.access_token, made.refresh_token) == (secret, "")
    with pytest.raises(GrantNotValid):
        await grant(sign_in, {**fields, "client_id": "another"}, "127.0.0.1")
    with pytest.raises(GrantNotValid):
        await grant(sign_in, {**fields, "client_secret": "unknown"}, "127.0.0.1")


# Set-up and links -------------------------------------------------------------------------------------------------


async def test_the_first_link_makes_the_administrator_once(house: House, sign_in: SignIn) -> None:
    link = house.first.setup_link
    assert link is not None and "/setup#setup-" in link
    choice = Choice(str(link), PASSWORD, "Root@Acme.example", "Rita", "Root")
    user = await follow_link(house.tenancy, sign_in.passwords, choice)
    assert (user.email, user.system_administrator, user.name) == ("root@acme.example", True, "Rita Root")
    with pytest.raises(LinkNotValid):
        await follow_link(house.tenancy, sign_in.passwords, choice)
    token = (await sign_in.with_password("root@acme.example", PASSWORD, HERE)).access_token
    found = ask(house, token)
    assert found.roles is not None and found.scope == "organization"
    assert found.roles.system_administrator and found.roles.organization_administrator


async def test_a_refused_choice_does_not_use_up_the_link(house: House, sign_in: SignIn) -> None:
    link = str(house.first.setup_link)
    with pytest.raises(PasswordTooShort) as short:
        await follow_link(house.tenancy, sign_in.passwords, Choice(link, "short", "root@acme.example"))
    assert short.value.message == "Field password is out of range: at least 12 characters"
    with pytest.raises(PorticoError) as no_address:
        await follow_link(house.tenancy, sign_in.passwords, Choice(link, PASSWORD, "nonsense"))
    assert (no_address.value.status, no_address.value.id) == (400, 11)
    await follow_link(house.tenancy, sign_in.passwords, Choice(link, PASSWORD, "root@acme.example"))


async def test_a_link_ends(house: House, sign_in: SignIn) -> None:
    clock = FixedClock(time.time() + 24 * 3600 + 1)
    choice = Choice(str(house.first.setup_link), PASSWORD, "root@acme.example")
    with pytest.raises(LinkNotValid):
        await follow_link(house.tenancy, sign_in.passwords, choice, clock)


async def test_a_new_password_ends_the_sessions(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    made = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    async with house.tenancy.database.begin() as connection:
        link = await make_link(connection, house.tenancy.key, "reset", user_id)  # type: ignore[arg-type]
    await follow_link(house.tenancy, sign_in.passwords, Choice(link.fragment, "another long password"))
    with pytest.raises(TokenRevoked):
        ask(house, made.access_token)


async def test_an_administrator_invites_blocks_and_ends_sessions(house: House, sign_in: SignIn) -> None:
    choice = Choice(str(house.first.setup_link), PASSWORD, "root@acme.example")
    await follow_link(house.tenancy, sign_in.passwords, choice)
    root = ask(house, (await sign_in.with_password("root@acme.example", PASSWORD, HERE)).access_token)
    made = await create_user(house.tenancy, root, {"email": "Bea@acme.example"}, "http://here")
    assert made.setup_link.startswith("http://here/setup#invitation-") and not made.has_password
    await follow_link(house.tenancy, sign_in.passwords, Choice(made.setup_link, PASSWORD))
    token = (await sign_in.with_password("bea@acme.example", PASSWORD, HERE)).access_token
    sessions = await list_user_sessions(house.tenancy, root, made.id)
    assert [one.client_id for one in sessions.sessions] == ["tests"]
    assert await end_user_sessions(house.tenancy, root, made.id, sessions.sessions[0].id) == 1
    with pytest.raises(TokenRevoked):
        ask(house, token)
    token = (await sign_in.with_password("bea@acme.example", PASSWORD, HERE)).access_token
    blocked = await change_user(house.tenancy, root, "bea@acme.example", {"status": "Blocked"})
    assert blocked.status == "Blocked"
    with pytest.raises(TokenRevoked):
        ask(house, token)
    with pytest.raises(PorticoError) as last:
        await change_user(house.tenancy, root, "root@acme.example", {"systemAdministrator": False})
    assert last.value.status == 409
    bea = Caller(OrganizationId("o"), "", root.token_id, "user", user_id=made.id, roles=None)  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        await create_user(house.tenancy, bea, {"email": "c@acme.example"}, "http://here")


async def test_a_password_that_changes_while_it_is_checked_lets_nobody_in(
    house: House, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All sessions end with a new password; none with the old one may begin after it."""
    from portico.server.storage.users import update_user

    user_id = await make_user(sign_in)
    verify = sign_in.passwords.verify

    async def verify_slowly(hashed: str | None, password: str) -> bool:
        right = await verify(hashed, password)
        async with house.tenancy.database.begin() as connection:
            await update_user(connection, UserId(user_id), {"password_hash": "another"})
        return right

    monkeypatch.setattr(sign_in.passwords, "verify", verify_slowly)
    with pytest.raises(GrantNotValid):
        await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    monkeypatch.setattr(sign_in.passwords, "is_current", lambda hashed: False)
    async with house.tenancy.database.begin() as connection:
        await update_user(connection, UserId(user_id), {"password_hash": await sign_in.passwords.hash(PASSWORD)})
    with pytest.raises(GrantNotValid):
        await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    async with house.tenancy.database.begin() as connection:
        kept = await maybe_user(connection, UserId(user_id))
    assert kept is not None and kept.password_hash == "another"  # not written over by the old one, hashed anew


async def test_a_hash_of_older_parameters_is_made_anew(
    house: House, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = UserId(await make_user(sign_in))
    async with house.tenancy.database.begin() as connection:
        before = await maybe_user(connection, user_id)
    monkeypatch.setattr(sign_in.passwords, "is_current", lambda hashed: False)
    await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    async with house.tenancy.database.begin() as connection:
        after = await maybe_user(connection, user_id)
    assert before is not None and after is not None and before.password_hash != after.password_hash
    assert await sign_in.passwords.verify(after.password_hash, PASSWORD)


async def test_one_link_that_is_followed_ends_the_others(house: House, sign_in: SignIn) -> None:
    user_id = UserId(await make_user(sign_in))
    async with house.tenancy.database.begin() as connection:
        links = [await make_link(connection, house.tenancy.key, kind, user_id) for kind in ("reset", "invitation")]
        others = await make_link(connection, house.tenancy.key, "setup")
    await follow_link(house.tenancy, sign_in.passwords, Choice(links[0].fragment, PASSWORD))
    with pytest.raises(LinkNotValid):
        await follow_link(house.tenancy, sign_in.passwords, Choice(links[1].fragment, PASSWORD))
    await follow_link(house.tenancy, sign_in.passwords, Choice(others.fragment, PASSWORD, "root@acme.example"))


async def test_a_code_of_the_sign_in_page_ends_with_the_sessions(house: House, sign_in: SignIn) -> None:
    user_id = UserId(await make_user(sign_in))
    async with house.tenancy.database.begin() as connection:
        user = await maybe_user(connection, user_id)
    assert user is not None
    asked = {"client_id": "web", "redirect_uri": "http://127.0.0.1:1/", "code_challenge": "c"}
    code = await make_code(sign_in, user, asked)
    async with house.tenancy.database.begin() as connection:
        await end_sessions(connection, user_id, "administrator")
        assert await take_code(connection, house.tenancy.key.hash_token(code), datetime.now(UTC)) is None


async def test_the_oldest_of_too_many_sessions_goes(
    house: House, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portico.server.storage.sessions.MOST_SESSIONS", 3)
    await make_user(sign_in)
    made = [await sign_in.with_password("ana@acme.example", PASSWORD, HERE) for _ in range(3)]
    await sign_in.refresh(made[0].refresh_token)
    last = await sign_in.with_password("ana@acme.example", PASSWORD, HERE)
    for token in (made[2].access_token, last.access_token):
        assert ask(house, token).user_email == "ana@acme.example"
    with pytest.raises(Unauthorized):
        ask(house, made[1].access_token)
    assert len(house.snapshot.people._sessions) == 3


async def test_names_that_no_database_can_look_for_are_unknown(house: House, sign_in: SignIn) -> None:
    user_id = await make_user(sign_in)
    await give_role(house, user_id, "Organization Administrator", None)
    caller = replace(house.owner, project_id=house.member.project_id)
    with pytest.raises(RoleNotFound):
        await project_roles.find(house.tenancy, caller, "a\0b")
    with pytest.raises(RoleNotFound):
        await invite_to_project(house.tenancy, caller, {"userEmail": "b@acme.example", "roles": ["Project\0 Member"]})
    with pytest.raises(EmailNotFound):
        await remove_from_organization(house.tenancy, caller, "a\0b")
