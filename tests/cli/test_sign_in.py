"""`portico login --user`, `logout`, `whoami`: passwords and tokens are seen by nobody, and the file is shared."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from portico.sdk.credentials import read_profiles

from .conftest import TOKEN, Run
from .fake_server import Answer, FakeServer
from .terminal import terminal

SIGN_IN, REVOKE, USER = "/oauth/access_token", "/oauth/revoke", "/openid/userinfo"
MEMBERSHIPS = "/v2/accessControl/memberships"
PASSWORD = "correct horse 100%"
ANSWER = {"access_token": "at_1", "refresh_token": "rt_1", "token_type": "Bearer", "expires_in": 540000}


def project(number: int) -> dict[str, object]:
    return {"projectId": f"p{number}", "projectName": f"Project {number}", "roles": []}


def places(*numbers: int) -> dict[str, object]:
    own = [project(n) for n in numbers]
    return {"count": 1, "pages": 1, "organizations": [
        {"organizationId": "o1", "organizationName": "Acme", "projects": own}]}  # fmt: skip


@pytest.fixture
def file(home: Path) -> Path:
    return home / ".geai" / "credentials"


@pytest.fixture
def house(fake: FakeServer) -> FakeServer:
    fake.answer("POST", SIGN_IN, ANSWER)
    fake.answer("POST", REVOKE, {})
    fake.answer("GET", MEMBERSHIPS, places(1, 2))
    fake.answer("GET", USER, {"sub": "u1", "email": "ana@acme.example", "name": "Ana", "roles": ["Project Member"]})
    return fake


def sign_in(run: Run, fake: FakeServer, *more: str, password: str = PASSWORD) -> tuple[int, str]:
    result = run("login", "--user", "ana@acme.example", "--base-url", fake.url, *more, stdin=f"{password}\n")
    assert password not in result.out + result.err
    return result.code, result.err


def test_a_user_signs_in_and_the_profile_has_all_that_both_tools_read(run: Run, house: FakeServer, file: Path) -> None:
    code, told = sign_in(run, house, "--project", "Project 2")

    assert (code, "project Project 2 of Acme" in told) == (0, True)
    asked = house.last(SIGN_IN)
    assert parse_qs(asked.body.decode())["password"] == [PASSWORD]
    assert (asked.query, asked.headers.get("authorization")) == ({}, None)
    assert house.last(MEMBERSHIPS).headers["authorization"] == "Bearer at_1"
    assert read_profiles(file)["default"] == {
        "geai_api_base_url": house.url,
        "geai_oauth_access_token": "at_1",
        "portico_oauth_refresh_token": "rt_1",
        "geai_project_id": "p2",
        "geai_organization_id": "o1",
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_administrator_of_the_organization_works_in_all_its_projects(
    run: Run, house: FakeServer, file: Path
) -> None:
    own = places(1)
    own["organizations"][0]["roles"] = [{"id": "r1", "name": "Organization Administrator"}]  # type: ignore[index]
    house.answer("GET", MEMBERSHIPS, own)
    house.answer("GET", "/v1/organization/projects", {"projects": [project(1), project(2)]})

    assert sign_in(run, house, "--project", "Project 2")[0] == 0
    assert house.last("/v1/organization/projects").headers["organization-id"] == "o1"
    assert read_profiles(file)["default"]["geai_project_id"] == "p2"


def test_the_address_that_is_proposed_is_that_of_the_server_here(house: FakeServer, file: Path, home: Path) -> None:
    (home / "data" / "credentials").write_text(f"[default]\nGEAI_API_BASE_URL = {house.url}\n", encoding="utf-8")
    with terminal("login", "--user", "ana@acme.example", "--project", "p1") as screen:
        screen.expect(f"Address of the server [{house.url}]:").type("\r")
        screen.expect("Password of ana@acme.example:").type(PASSWORD + "\r")
        assert screen.end() == 0
    assert read_profiles(file)["default"]["geai_api_base_url"] == house.url


def test_the_only_project_is_taken_without_a_question(run: Run, house: FakeServer, file: Path) -> None:
    house.answer("GET", MEMBERSHIPS, places(1))

    assert sign_in(run, house)[0] == 0
    assert read_profiles(file)["default"]["geai_project_id"] == "p1"


@pytest.mark.parametrize("more", [(), ("--project", "Project 9")])
def test_in_a_pipe_the_project_must_be_named_among_those_there_are(
    run: Run, house: FakeServer, file: Path, more: tuple[str, ...]
) -> None:
    code, told = sign_in(run, house, *more)

    assert (code, "Project 1, Project 2" in told) == (2, True)
    assert not file.exists()
    # Nobody has the tokens of that session.
    assert parse_qs(house.last(REVOKE).body.decode())["token"] == ["rt_1"]


def test_questions_are_seen_also_when_the_output_goes_elsewhere(house: FakeServer, file: Path, home: Path) -> None:
    with terminal("login", "--user", "ana@acme.example", "--project", "p1", output=home / "out.txt") as screen:
        screen.expect("Address of the server").type(house.url + "\r")
        screen.expect("Password of ana@acme.example:").type(PASSWORD + "\r")
        screen.expect("profile default written")
        assert screen.end() == 0
    assert (home / "out.txt").read_text() == ""


def test_on_a_terminal_the_project_is_chosen_by_its_number(house: FakeServer, file: Path) -> None:
    with terminal("login", "--user", "ana@acme.example", "--base-url", house.url) as screen:
        screen.expect("Password of ana@acme.example:").type(PASSWORD + "\r")
        screen.expect("2  Project 2 (Acme)").expect("Project [1]:").type("2\r")
        screen.expect("profile default written")
        assert screen.end() == 0
        assert PASSWORD not in screen.whole
    assert read_profiles(file)["default"]["geai_project_id"] == "p2"


def test_a_refused_password_writes_nothing(run: Run, house: FakeServer, file: Path) -> None:
    house.answer("POST", SIGN_IN, Answer({"errors": [{"id": 401, "description": "Unauthorized"}]}, 401))

    code, told = sign_in(run, house)
    assert (code, "does not know ana@acme.example with this password" in told) == (1, True)
    assert not file.exists()
    assert len([asked for asked in house.asked if asked.path == SIGN_IN]) == 1


def test_an_api_token_takes_the_place_of_a_session(run: Run, house: FakeServer, file: Path) -> None:
    sign_in(run, house, "--project", "p1")

    run("login", "--no-check", "--base-url", house.url, stdin=f"{TOKEN}\n")

    assert read_profiles(file)["default"] == {"geai_api_key": TOKEN, "geai_api_base_url": house.url}


def test_logout_ends_the_session_and_removes_the_tokens(run: Run, house: FakeServer, file: Path) -> None:
    sign_in(run, house, "--project", "p1", "--profile", "work")

    assert run("logout", "--alias", "work").code == 0

    assert parse_qs(house.last(REVOKE).body.decode())["token"] == ["rt_1"]
    assert read_profiles(file)["work"] == {"geai_api_base_url": house.url}
    assert run("logout", "--alias", "work").code == 4


def test_logout_forgets_the_tokens_though_the_server_is_away(run: Run, house: FakeServer, file: Path) -> None:
    sign_in(run, house, "--project", "p1")
    file.write_text(file.read_text().replace(house.url, "http://127.0.0.1:1"))

    assert run("logout", "--timeout", "2").code == 3
    assert "at_1" not in file.read_text()


def test_whoami_of_a_user_and_of_a_token(run: Run, house: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(run, house, "--project", "p1")
    told = json.loads(run("whoami").out)
    assert (told["user"], told["projectId"], told["organizationId"]) == ("ana@acme.example", "p1", "o1")
    assert house.last(USER).headers["project-id"] == "p1"

    house.answer("GET", "/v1/accessControl/apitoken/validate", {"organizationName": "Acme", "projectName": "Default"})
    monkeypatch.setenv("GEAI_API_KEY", TOKEN)
    monkeypatch.setenv("GEAI_API_BASE_URL", house.url)
    told = json.loads(run("whoami").out)
    assert (told["projectName"], told["token"]) == ("Default", f"…{TOKEN[-4:]}")


def test_another_credentials_file_is_renewed_in_its_place(run: Run, house: FakeServer, home: Path, file: Path) -> None:
    own = str(home / "own")
    sign_in(run, house, "--project", "p1", "--credentials", own)
    expired = Answer({"errors": [{"id": 103, "description": "Token expired, login again"}]}, 401)
    house.answer("GET", USER, expired, {"sub": "u1", "email": "ana@acme.example"})
    house.answer("POST", SIGN_IN, {**ANSWER, "access_token": "at_2", "refresh_token": "rt_2"})

    assert run("whoami", "--credentials", own).code == 0

    assert read_profiles(Path(own))["default"]["portico_oauth_refresh_token"] == "rt_2"
    assert not file.exists()


def test_project_without_user_is_wrong_use(run: Run, house: FakeServer) -> None:
    assert run("login", "--project", "p1", "--base-url", house.url, stdin=f"{TOKEN}\n").code == 2


def test_pygeai_reads_the_profile_and_leaves_the_refresh_token_in_it(
    run: Run, house: FakeServer, home: Path, file: Path
) -> None:
    sign_in(run, house, "--project", "p2", "--profile", "work")
    code = (
        "from pygeai.admin.clients import AdminClient; c = AdminClient(alias='work').session; "
        "print(c.base_url, c.access_token, c.project_id)"
    )

    environ = {**os.environ, "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, env=environ
    )

    assert done.stdout.splitlines()[-1] == f"{house.url} at_1 p2"
    assert read_profiles(file)["work"]["portico_oauth_refresh_token"] == "rt_1"
    assert run("whoami", "--alias", "work").code == 0
