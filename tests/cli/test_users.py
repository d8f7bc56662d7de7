"""`portico users`: which calls it makes, and what it shows."""

from __future__ import annotations

import pytest

from .conftest import Run
from .fake_server import FakeServer

PATH, ANA = "/v2/users", "ana@acme.example"
USER = {"id": "u1", "email": ANA, "name": "Ana", "status": "Active", "systemAdministrator": False, "lastLoginAt": ""}


def test_the_listing_is_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", PATH, {"users": [USER], "count": 1})
    shown = run("users", "list", "acme", "-o", "table").out
    assert "ana@acme.example" in shown and "Active" in shown
    assert server.last(PATH).query == {"filterValue": "acme", "startPage": "1", "pageSize": "100"}


def test_an_invitation_shows_the_link(run: Run, server: FakeServer) -> None:
    server.answer("POST", PATH, {**USER, "setupLink": "http://h/setup#invitation-x"})
    assert "setup#invitation-x" in run("users", "invite", ANA, "--administrator", "--first-name", "Ana").out
    assert server.last(PATH).body == {"email": ANA, "firstName": "Ana", "systemAdministrator": True}


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("block", ANA), {"status": "Blocked"}),
        (("unblock", ANA), {"status": "Active"}),
        (("administrator", ANA), {"systemAdministrator": True}),
        (("administrator", ANA, "--no"), {"systemAdministrator": False}),
    ],
)
def test_changes(run: Run, server: FakeServer, arguments: tuple[str, ...], body: dict[str, object]) -> None:
    server.answer("PUT", f"{PATH}/u1", USER)
    assert run("users", arguments[0], "u1", *arguments[2:]).code == 0
    assert server.last(f"{PATH}/u1").body == body


def test_sessions_of_oneself_by_default(run: Run, server: FakeServer) -> None:
    session = {"id": "s1", "clientId": "web", "createdAt": "a", "usedAt": "b", "expiresAt": "c"}
    server.answer("GET", f"{PATH}/me/sessions", {"sessions": [session]})
    server.answer("DELETE", f"{PATH}/me/sessions", {"ended": 2})
    server.answer("DELETE", f"{PATH}/u1/sessions/s1", {"ended": 1})
    assert "web" in run("users", "sessions").out
    assert run("users", "sign-out").code == 0
    assert run("users", "sign-out", "u1", "--session", "s1").code == 0


def test_show_and_link(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{PATH}/u1", USER)
    server.answer("POST", f"{PATH}/u1/setup-link", {"setupLink": "http://h/setup#reset-x", "expiresAt": "2030"})
    assert ANA in run("users", "show", "u1").out
    assert "setup#reset-x" in run("users", "link", "u1").out


def test_the_own_password_is_asked_for(run: Run, server: FakeServer) -> None:
    server.answer("PUT", f"{PATH}/me/password", {})
    assert run("users", "password", stdin="old one\nnew one\n").code == 0
    assert server.last(f"{PATH}/me/password").body == {"password": "old one", "newPassword": "new one"}
    assert run("users", "password", stdin="old one\n").code == 2
