"""Signing in and users, both levels: what is sent, and typed objects out of what comes."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import pytest

from portico import AccessToken, AsyncPortico, Portico, Session, SetupLink, User, UserInfo
from portico.sdk.errors import PorticoError
from tests.sdk.odd_server import OddServer, Seen, reply_json

TOKEN = {"access_token": "at_1", "token_type": "Bearer", "expires_in": 540000, "refresh_token": "rt_1",
         "scope": "gam_user_data+gam_user_roles", "user_guid": "u1"}  # fmt: skip
USER = {"id": "u1", "email": "ana@acme.example", "status": "Active", "systemAdministrator": False}


def test_a_password_goes_in_a_form_and_without_a_token(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(TOKEN)
    made = client.auth.sign_in("ana@acme.example", "päss word")
    assert isinstance(made, AccessToken) and (made.access_token, made.expires_in) == ("at_1", 540000)
    client.auth.refresh("rt_1")
    client.auth.sign_out("at_1")
    first, second, third = server.seen
    assert (first.method, first.path, first.query) == ("POST", "/oauth/access_token", {})
    assert "authorization" not in first.headers
    sent = parse_qs(first.body.decode())
    assert (sent["username"], sent["password"], sent["client_id"]) == (["ana@acme.example"], ["päss word"], ["portico"])
    assert parse_qs(second.body.decode())["refresh_token"] == ["rt_1"]
    assert (third.path, parse_qs(third.body.decode())["token"]) == ("/oauth/revoke", ["at_1"])


def test_who_i_am(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"sub": "u1", "guid": "u1", "username": "ana"} | USER)
    assert isinstance(client.auth.userinfo(), UserInfo)
    assert client.auth.me().email == "ana@acme.example"
    client.auth.change_password("old one", "new one")
    assert [seen.path for seen in server.seen] == ["/openid/userinfo", "/v2/users/me", "/v2/users/me/password"]
    assert server.seen[2].json == {"password": "old one", "newPassword": "new one"}


def test_users_are_listed_page_after_page(server: OddServer, client: Portico) -> None:
    def answer(seen: Seen) -> object:
        page = int(seen.query["startPage"])
        found = [{**USER, "id": f"u{page}-{number}"} for number in range(100 if page == 1 else 20)]
        return reply_json({"users": found, "count": 120, "pages": 2})

    server.answer = answer  # type: ignore[assignment]
    assert len({user.id for user in client.users.list("acme")}) == 120
    assert [seen.query["filterValue"] for seen in server.seen] == ["acme", "acme"]


def test_an_invitation_and_changes(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json(USER | {"setupLink": "http://h/setup#invitation-x", "expiresAt": "2030"})
    made = client.users.invite("ana@acme.example", first_name="Ana", system_administrator=True)
    assert isinstance(made, User) and made.setup_link.endswith("#invitation-x")
    client.users.update("ana@acme.example", status="Blocked")
    assert isinstance(client.users.create_setup_link("u1"), SetupLink)
    assert client.users.get("u1").id == "u1"
    invite, update, link, get = server.seen
    assert invite.json == {"email": "ana@acme.example", "firstName": "Ana", "systemAdministrator": True}
    assert (update.method, update.json) == ("PUT", {"status": "Blocked"})
    assert (link.path, get.path) == ("/v2/users/u1/setup-link", "/v2/users/u1")


def test_sessions(server: OddServer, client: Portico) -> None:
    session = {"id": "s1", "clientId": "web", "createdAt": "2030", "usedAt": "2030", "expiresAt": "2031"}
    server.answer = lambda seen: reply_json({"sessions": [session], "ended": 1})
    assert [one.client_id for one in client.users.sessions()] == ["web"]
    assert isinstance(next(client.users.sessions("u1")), Session)
    assert client.users.end_sessions("u1", "s1") == 1
    assert [seen.path for seen in server.seen] == [
        "/v2/users/me/sessions", "/v2/users/u1/sessions", "/v2/users/u1/sessions/s1",
    ]  # fmt: skip


def test_an_access_token_takes_its_place_along(server: OddServer) -> None:
    server.answer = lambda seen: reply_json(USER)
    with Portico(base_url=server.url, access_token="at_1", project_id="p", organization_id="o") as client:
        client.auth.me()
    sent = server.seen[0].headers
    assert (sent["authorization"], sent["project-id"], sent["organization-id"]) == ("Bearer at_1", "p", "o")


def test_the_same_for_asyncio(server: OddServer) -> None:
    async def go() -> None:
        async with AsyncPortico("key", server.url) as client:
            server.answer = lambda seen: reply_json(TOKEN)
            assert (await client.auth.sign_in("a", "b")).refresh_token == "rt_1"
            await client.auth.refresh("rt_1")
            await client.auth.sign_out("rt_1")
            server.answer = lambda seen: reply_json(
                USER | {"sub": "u", "guid": "u", "username": "u", "setupLink": "x", "expiresAt": "2030"}
                | {"users": [USER], "count": 1, "sessions": [], "ended": 0}
            )  # fmt: skip
            assert (await client.auth.userinfo()).sub == "u"
            assert (await client.auth.me()).id == "u1"
            await client.auth.change_password("a", "b")
            assert [user.id async for user in client.users.list()] == ["u1"]
            assert (await client.users.get("u1")).id == "u1"
            assert (await client.users.invite("a@b.c")).setup_link == "x"
            assert (await client.users.update("u1", system_administrator=True)).id == "u1"
            assert (await client.users.create_setup_link("u1")).setup_link == "x"
            assert [one async for one in client.users.sessions()] == []
            assert await client.users.end_sessions() == 0

    asyncio.run(go())


def test_a_wrong_password_is_an_error(server: OddServer, client: Portico) -> None:
    server.answer = lambda seen: reply_json({"errors": [{"id": 401, "description": "Unauthorized"}]}, status=401)
    with pytest.raises(PorticoError, match="Unauthorized"):
        client.auth.sign_in("ana@acme.example", "wrong")
    assert len(server.seen) == 1
