"""Tokens of external issuers: which are believed, whose they are, and what their groups give and take."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256
from hmac import digest
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from portico.server.access.authenticate import authenticate
from portico.server.access.caller import Caller
from portico.server.access.members.invited import find_or_invite
from portico.server.access.session_refusals import SessionRefused, TokenExpired, TokenNotValid, Unverified
from portico.server.access.sign_in.issuers import KEYS_LIVE_S, REFETCH_S, Issuer
from portico.server.access.sign_in.openid import OpenId, read_group_roles
from portico.server.errors import ContentUnreadable, Forbidden, Unauthorized
from portico.server.kit.clock import FixedClock
from portico.server.storage.users import update_user
from tests.issuer import AUDIENCE, TestIssuer
from tests.server.access.house import House

pytestmark = pytest.mark.anyio
ROLES = "devs=Portico/Default/Project Member,chiefs=Portico//Organization Administrator,roots=System Administrator"


@pytest.fixture(scope="module")
def issuer() -> Iterator[TestIssuer]:
    made = TestIssuer()
    yield made
    made.close()


async def fetch(url: str) -> bytes:
    def read() -> bytes:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read())

    return await asyncio.to_thread(read)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(time.time())


@pytest.fixture
def trusted(issuer: TestIssuer, clock: FixedClock) -> Issuer:
    return Issuer(issuer.url, frozenset((AUDIENCE,)), fetch, clock)


@pytest.fixture
def openid(house: House, trusted: Issuer) -> OpenId:
    return OpenId(house.tenancy, [trusted], "groups", read_group_roles(ROLES))


def ask(house: House, token: str, project: str = "") -> Caller:
    sent = [(b"authorization", b"Bearer " + token.encode())]
    return authenticate(sent + ([(b"project-id", project.encode())] if project else []), house.snapshot)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "Ed25519"])
async def test_a_signed_token_is_somebody(house: House, openid: OpenId, issuer: TestIssuer, algorithm: str) -> None:
    token = issuer.sign(algorithm)
    with pytest.raises(Unverified):
        ask(house, token)
    await openid.verify(token)
    found = ask(house, token)
    assert (found.user_email, found.scope) == ("ida@corp.example", "user")


async def test_the_user_is_made_once(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    await openid.verify(issuer.sign())
    await openid.verify(issuer.sign("ES256", email="other@corp.example"))
    async with house.tenancy.database.begin() as connection:
        rows = (await connection.execute(text("SELECT email, first_name, last_name, password_hash FROM users"))).all()
    assert [tuple(row) for row in rows] == [("ida@corp.example", "Ida", "Corp", None)]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"}, {"aud": None}, {"aud": 7}, {"exp": None}, {"exp": "soon"}, {"exp": float("inf")},
        {"sub": None}, {"sub": 5}, {"nbf": 4_102_444_800}, {"nbf": "x"}, {"email": None}, {"email": "nonsense"},
        {"email_verified": False},
    ],
)  # fmt: skip
async def test_114_for_claims_that_do_not_hold(openid: OpenId, issuer: TestIssuer, changes: dict[str, Any]) -> None:
    with pytest.raises(TokenNotValid) as refusal:
        await openid.verify(issuer.sign(**changes))
    assert (refusal.value.status, refusal.value.id) == (401, 114)


async def test_401_for_another_issuer(openid: OpenId, issuer: TestIssuer) -> None:
    with pytest.raises(Unauthorized):
        await openid.verify(issuer.sign(iss="https://evil.example"))


async def test_103_for_an_expired_token(house: House, openid: OpenId, issuer: TestIssuer, clock: FixedClock) -> None:
    with pytest.raises(TokenExpired):
        await openid.verify(issuer.sign(exp=int(clock()) - 1))
    token = issuer.sign(exp=int(time.time()) + 100)
    await openid.verify(token)
    house.snapshot.people._clock = FixedClock(time.time() + 101)
    with pytest.raises(TokenExpired):
        ask(house, token)


def unsigned(header: dict[str, Any], claims: dict[str, Any], key: bytes | None = None) -> str:
    parts = [urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    signature = b"" if key is None else urlsafe_b64encode(digest(key, signed, sha256)).rstrip(b"=")
    return (signed + b"." + signature).decode()


async def test_never_without_a_signature_or_by_a_shared_secret(openid: OpenId, issuer: TestIssuer) -> None:
    key, claims = issuer.keys["RS256"], issuer.claims()
    public = key.as_pem(private=False)
    for token in (
        unsigned({"alg": "none", "kid": key.kid}, claims),
        unsigned({"alg": "HS256", "kid": key.kid}, claims, public),
        unsigned({"alg": "RS256", "kid": key.kid}, claims),
        unsigned({"alg": "RS256", "kid": key.kid}, claims, public),
        issuer.sign() [:-8] + "AAAAAAAA",
        "a.b.c", "...", "e30.e30.e30",
    ):  # fmt: skip
        with pytest.raises(Unauthorized):
            await openid.verify(token)


async def test_rotated_keys_are_fetched_with_a_limit(
    trusted: Issuer, openid: OpenId, issuer: TestIssuer, clock: FixedClock
) -> None:
    await openid.verify(issuer.sign())
    before = issuer.asked
    issuer.rotate()
    fresh = issuer.sign(exp=int(time.time()) + 20_000)
    for _ in range(3):
        with pytest.raises(TokenNotValid):
            await openid.verify(fresh)
    assert issuer.asked == before
    clock.move(REFETCH_S + 1)
    await openid.verify(fresh)
    assert issuer.asked == before + 1
    clock.move(KEYS_LIVE_S + 1)
    await trusted.verify(fresh)
    assert issuer.asked == before + 2


async def test_an_issuer_that_is_away_lets_nobody_in(house: House, issuer: TestIssuer, clock: FixedClock) -> None:
    async def away(url: str) -> bytes:
        raise ContentUnreadable("away")

    openid = OpenId(house.tenancy, [Issuer(issuer.url, frozenset((AUDIENCE,)), away, clock)], "groups")
    with pytest.raises(TokenNotValid) as refusal:
        await openid.verify(issuer.sign())
    assert "keys of the issuer cannot be read" in refusal.value.message


async def test_groups_give_roles_and_take_them(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    project = str(house.member.project_id)
    first = issuer.sign(groups=["devs", "others"], jti="1")
    await openid.verify(first)
    found = ask(house, first, project)
    assert found.roles is not None and found.roles.standing == "backend"
    second = issuer.sign(groups=["chiefs", "roots"], jti="2")
    await openid.verify(second)
    roles = ask(house, second).roles
    assert roles is not None and roles.organization_administrator and roles.system_administrator
    third = issuer.sign(groups=[], jti="3")
    await openid.verify(third)
    for token in (first, third):
        with pytest.raises(Forbidden):
            ask(house, token, project)
    roles = ask(house, third).roles
    assert roles is not None and not roles.system_administrator


async def test_an_external_id_maps_a_group(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    async with house.tenancy.database.begin() as connection:
        await connection.execute(
            text("UPDATE roles SET external_id = 'corp:writers' WHERE name = 'Project Administrator'")
        )
    token = issuer.sign(groups=["corp:writers"])
    await openid.verify(token)
    roles = ask(house, token, str(house.member.project_id)).roles
    assert roles is not None and roles.standing == "administrator"


async def test_a_role_given_by_hand_is_not_taken_by_a_token(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    from tests.server.access.sign_in.test_sessions import give_role

    token = issuer.sign(groups=["devs"])
    await openid.verify(token)
    await give_role(house, str(ask(house, token).user_id), "Project Administrator", house.member.project_id)
    again = issuer.sign(groups=[], jti="2")
    await openid.verify(again)
    roles = ask(house, again, str(house.member.project_id)).roles
    assert roles is not None and roles.standing == "administrator"


async def test_an_invited_address_becomes_the_subject_and_no_other(
    house: House, openid: OpenId, issuer: TestIssuer
) -> None:
    async with house.tenancy.database.begin() as connection:
        invited = await find_or_invite(connection, "Ida@corp.example", "tests")
    token = issuer.sign()
    await openid.verify(token)
    assert ask(house, token).user_id == invited.user_id
    with pytest.raises(TokenNotValid):
        await openid.verify(issuer.sign(sub="s2"))


async def test_first_requests_that_come_together_all_get_in(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    tokens = [issuer.sign(jti=str(number)) for number in range(6)]
    await asyncio.gather(*map(openid.verify, tokens))
    assert len({ask(house, token).user_id for token in tokens}) == 1


async def test_who_has_a_password_is_not_taken_over_by_an_unverified_address(
    house: House, openid: OpenId, issuer: TestIssuer
) -> None:
    async with house.tenancy.database.begin() as connection:
        known = await find_or_invite(connection, "ida@corp.example", "tests")
        await update_user(connection, known.user_id, {"password_hash": "x", "system_administrator": True})
    with pytest.raises(TokenNotValid, match="verified"):
        await openid.verify(issuer.sign(email_verified=None))
    token = issuer.sign()
    await openid.verify(token)
    assert ask(house, token).user_id == known.user_id


async def test_an_external_id_reaches_no_people_of_other_organizations(
    house: House, openid: OpenId, issuer: TestIssuer
) -> None:
    """Project administrators choose external ids: a stranger's group in theirs must not bring them its people."""
    from portico.server.access.organizations import create

    other = (await create(house.tenancy, "Other")).organization.organization_id
    async with house.tenancy.database.begin() as connection:
        statement = "UPDATE roles SET external_id = :group WHERE name = 'Project Member' AND organization_id = :one"
        for one, group in ((other, "devs"), (house.owner.organization_id, "writers")):
            await connection.execute(text(statement), {"group": group, "one": one})
    token = issuer.sign(groups=["writers"])
    await openid.verify(token)
    assert ask(house, token).organization_id not in (other, house.owner.organization_id)
    again = issuer.sign(groups=["writers", "devs"], jti="2")  # `devs` is of the first organization by the setting
    await openid.verify(again)
    assert ask(house, again).organization_id == house.owner.organization_id
    async with house.tenancy.database.begin() as connection:
        query = "SELECT DISTINCT organization_id::text FROM memberships"
        assert (await connection.execute(text(query))).scalars().all() == [house.owner.organization_id]


async def test_a_role_given_by_hand_is_told_to_the_audit_log_once(
    house: House, openid: OpenId, issuer: TestIssuer
) -> None:
    from tests.server.access.sign_in.test_sessions import give_role

    token = issuer.sign(groups=[])
    await openid.verify(token)
    await give_role(house, str(ask(house, token).user_id), "Project Member", house.member.project_id)
    for number in range(3):
        await openid.verify(issuer.sign(groups=["devs"], jti=str(number)))
    async with house.tenancy.database.begin() as connection:
        query = "SELECT count(*) FROM audit WHERE kind = 'user' AND action = 'update'"
        assert await connection.scalar(text(query)) == 0


async def test_122_for_a_blocked_user(house: House, openid: OpenId, issuer: TestIssuer) -> None:
    token = issuer.sign()
    await openid.verify(token)
    user_id = ask(house, token).user_id
    assert user_id is not None
    async with house.tenancy.database.begin() as connection:
        await update_user(connection, user_id, {"active": False})
    await house.snapshot.people.refresh(users={user_id})
    with pytest.raises(SessionRefused):
        ask(house, token)
    with pytest.raises(SessionRefused):
        await openid.verify(issuer.sign(jti="again"))


@pytest.mark.parametrize("wrong", ["devs", "devs=", "=Portico//Role", "devs=Portico/Role", "devs=/Default/Role"])
def test_what_the_setting_cannot_say(wrong: str) -> None:
    with pytest.raises(ValueError, match="write group="):
        read_group_roles(wrong)
