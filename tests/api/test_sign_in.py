"""Signing in through the door: the Security API, access tokens as credentials, the set-up page, users."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.live import CHAT, LiveServer
from tests.people import (
    PASSWORD,
    Person,
    form,
    give_role,
    host_link,
    make_administrator,
    make_person,
    organization_of,
    project_of,
    sign_in,
)

ROOT_TOKEN = "the-root-token-of-the-tests-which-is-long"
HELLO = {"model": CHAT, "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {"PORTICO_ROOT_TOKEN": ROOT_TOKEN, "PORTICO_SIGN_IN_BY_QUERY": "true", "PORTICO_ACCESS_LOG": "true",
               "PORTICO_SIGN_IN_HOSTS": "a.example"}  # fmt: skip
    with LiveServer(tmp_path_factory.mktemp("people"), environ) as live:
        yield live


@pytest.fixture(scope="module")
def root(house: LiveServer) -> Person:
    return make_administrator(house, "root@acme.example")


@pytest.fixture(scope="module")
def ana(house: LiveServer, root: Person) -> Person:
    """A member of the project `Default`."""
    person = make_person(house, root, "ana@acme.example")
    give_role(house, person, "Project Member")
    return person


def errors(answer: object) -> tuple[int, int, str]:
    body = answer.json()  # type: ignore[attr-defined]
    return answer.status, body["errors"][0]["id"], body["errors"][0]["description"]  # type: ignore[attr-defined]


# The token endpoint -----------------------------------------------------------------------------------------------


def test_the_documented_answer(house: LiveServer, ana: Person) -> None:
    answer = form(
        house, "/oauth/access_token", client_id="web", scope="gam_user_data gam_user_roles",
        username=ana.email, password=PASSWORD,
    )  # fmt: skip
    got = answer.json()
    assert (got["token_type"], got["expires_in"], got["scope"]) == ("Bearer", 540000, "gam_user_data+gam_user_roles")
    assert got["user_guid"] == ana.user_id
    assert answer.headers["cache-control"] == "no-store"


def test_json_is_read_as_well(house: LiveServer, ana: Person) -> None:
    body = {"client_id": "web", "username": ana.email, "password": PASSWORD}
    assert house.post("/oauth/access_token", body, token=None).status == 200


def test_by_query_when_the_setting_says_so_and_never_in_the_log(house: LiveServer, ana: Person) -> None:
    query = urlencode({"client_id": "web", "scope": "x", "username": ana.email, "password": PASSWORD})
    assert house.get(f"/oauth/gam/v2.0/access_token?{query}").json()["access_token"]
    log = house.said()
    assert "GET /oauth/gam/v2.0/access_token" in log and "long+enough" not in log and PASSWORD not in log


def test_404_by_query_as_a_fresh_server_is(server: LiveServer) -> None:
    answer = server.get("/oauth/gam/v2.0/access_token?username=a&password=b")
    assert answer.status == 404
    assert "PORTICO_SIGN_IN_BY_QUERY" in errors(answer)[2]


def test_what_is_refused_in_the_platforms_words(house: LiveServer, ana: Person) -> None:
    wrong = form(house, "/oauth/access_token", client_id="web", username=ana.email, password="wrong")
    assert errors(wrong) == (401, 401, "Unauthorized")
    assert wrong.headers["www-authenticate"] == "Bearer"
    assert errors(form(house, "/oauth/access_token", username="a", password="b"))[:2] == (400, 9)
    assert errors(form(house, "/oauth/access_token", client_id="web", grant_type="magic"))[:2] == (400, 8)
    refresh = form(house, "/oauth/access_token", client_id="web", grant_type="refresh_token", refresh_token="x")
    assert errors(refresh) == (401, 101, "Refresh token error.")


def test_the_gam_paths_answer_as_oauth_does(house: LiveServer, ana: Person) -> None:
    path = "/oauth/gam/v2.0/access_token"
    good = form(house, path, grant_type="password", username=ana.email, password=PASSWORD, scope="gam_user_data")
    assert good.json()["refresh_token"]
    for fields, word in (
        ({"grant_type": "password", "username": ana.email, "password": "wrong"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant"),
        ({"grant_type": "password"}, "invalid_request"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
    ):
        refused = form(house, path, **fields)
        assert (refused.status, refused.json()["error"]) == (400, word)
        assert refused.json()["error_description"]
    info = house.request(
        "GET", "/oauth/gam/userinfo", headers={"Authorization": good.json()["access_token"]}, token=None
    )
    assert (info.json()["username"], info.json()["roles"]) == (ana.email, ["Project Member"])
    bad = house.get("/oauth/gam/v2.0/userinfo", token="nobody")
    assert (bad.status, bad.json()["error"]) == (401, "invalid_token")
    assert house.get("/v1/gam/authentication-types", token=None).json()["authenticationTypes"][0]["name"] == "local"


def test_userinfo_and_its_refusals(house: LiveServer, ana: Person) -> None:
    got = house.get("/openid/userinfo", token=ana.access_token).json()
    assert (got["sub"], got["guid"], got["username"], got["email"]) == (ana.user_id, ana.user_id, ana.email, ana.email)
    assert errors(house.get("/openid/userinfo", token=None)) == (401, 112, "Access token not found, login again.")
    assert errors(house.get("/openid/userinfo", token="x")) == (401, 114, "Access token not valid, login again.")
    assert errors(house.get("/openid/userinfo"))[:2] == (401, 114)  # an API token is nobody


def test_refresh_and_revocation(house: LiveServer, ana: Person) -> None:
    person = sign_in(house, ana.email)
    fields = {"client_id": "web", "grant_type": "refresh_token", "refresh_token": person.refresh_token}
    fresh = form(house, "/oauth/access_token", **fields).json()
    assert errors(house.get("/v2/users/me", token=person.access_token))[:2] == (401, 401)
    assert house.get("/v2/users/me", token=fresh["access_token"]).json()["email"] == ana.email
    assert form(house, "/oauth/revoke", token=fresh["access_token"]).json() == {}
    told = errors(house.get("/v2/users/me", token=fresh["access_token"]))
    assert told == (401, 21, "Session finished, login again.")
    assert errors(form(house, "/oauth/revoke"))[:2] == (400, 9)


def test_a_reused_refresh_token_ends_the_session(house: LiveServer, ana: Person) -> None:
    person = sign_in(house, ana.email)
    fields = {"client_id": "web", "grant_type": "refresh_token", "refresh_token": person.refresh_token}
    fresh = form(house, "/oauth/access_token", **fields).json()
    assert errors(form(house, "/oauth/access_token", **fields))[:2] == (401, 101)
    assert errors(house.get("/v2/users/me", token=fresh["access_token"]))[1:] == (102, "Token revoked, login again.")


def test_a_large_body_of_nobody_is_refused(house: LiveServer) -> None:
    assert house.request("POST", "/oauth/access_token", b"a=" + b"b" * 70_000, token=None).status == 413


# Access tokens as credentials -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["project-id", "ProjectId", "projectId"])
def test_the_seeds_samples_with_an_access_token(house: LiveServer, ana: Person, name: str) -> None:
    headers = {name: project_of(house)}
    providers = house.get("/v3/llm/providers", headers, token=ana.access_token)
    assert providers.status == 200 and providers.json()["providers"]
    answer = house.post("/v1/chat/completions", HELLO, headers, token=ana.access_token)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(("method", "path"), [("GET", "/v3/llm/providers"), ("POST", "/v1/chat/completions")])
def test_400_id_9_without_a_project(house: LiveServer, root: Person, ana: Person, method: str, path: str) -> None:
    body = HELLO if method == "POST" else None
    answer = house.request(method, path, body, token=ana.access_token)
    assert errors(answer) == (400, 9, "Field project-id is required")


def test_403_in_a_project_without_a_role(house: LiveServer, root: Person, ana: Person) -> None:
    bea = make_person(house, root, "bea@acme.example")
    headers = {"project-id": project_of(house)}
    assert errors(house.post("/v1/chat/completions", HELLO, headers, token=bea.access_token)) == (403, 403, "Forbidden")
    elsewhere = {"project-id": "11111111-1111-4111-8111-111111111111"}
    assert errors(house.get("/v3/llm/providers", elsewhere, token=ana.access_token))[:2] == (403, 403)


def test_a_frontend_role_executes_and_no_more(house: LiveServer, root: Person) -> None:
    person = make_person(house, root, "fay@acme.example")
    give_role(house, person, "Access all Project Assistants")
    headers = {"project-id": project_of(house)}
    refused = house.post("/v1/chat/completions", HELLO, headers, token=person.access_token)
    assert errors(refused) == (403, 403, "Forbidden")  # a model is no assistant
    embed = {"model": "local/all-minilm-l6-v2", "input": "a"}
    assert house.post("/v1/embeddings", embed, headers, token=person.access_token).status == 403
    assert house.get("/v3/llm/providers", headers, token=person.access_token).status == 200
    unknown = house.post(
        "/v1/chat/completions", {**HELLO, "model": "saia:assistant:x"}, headers, token=person.access_token
    )
    assert errors(unknown)[:2] == (404, 1)
    assert errors(house.get("/v2/projects/tokens", headers, token=person.access_token))[:2] == (403, 403)


def test_an_administrator_of_the_organization_uses_its_api(house: LiveServer, root: Person, ana: Person) -> None:
    both = {"OrganizationId": organization_of(house), "ProjectId": project_of(house)}
    for headers in ({}, {"organization-id": organization_of(house)}, both):
        assert house.get("/v1/organization/projects", headers, token=root.access_token).status == 200
    assert errors(house.get("/v1/organization/projects", both, token=ana.access_token))[:2] == (403, 403)


def test_what_a_user_used_is_booked_to_him(house: LiveServer, ana: Person) -> None:
    headers = {"project-id": project_of(house)}
    assert house.post("/v1/embeddings", {"model": "local/all-minilm-l6-v2", "input": "a"}, headers,
                      token=ana.access_token).status == 200  # fmt: skip


def test_the_root_token_administers_the_installation_only(house: LiveServer) -> None:
    assert house.get("/v2/users", token=ROOT_TOKEN).status == 200
    assert errors(house.get("/v3/llm/providers", token=ROOT_TOKEN)) == (403, 7, "ApiToken out of scope")
    assert house.get("/v2/admin/organizations", token=ROOT_TOKEN).status == 200


# Set-up and users -------------------------------------------------------------------------------------------------


def test_the_setup_page_loads_nothing(house: LiveServer) -> None:
    page = house.get("/setup", token=None)
    policy, html = page.headers["content-security-policy"], page.body.decode()
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert re.findall(r"(?:src|href)=|url\(|@import", html) == []
    for kind in ("script", "style"):
        text = re.search(rf"<{kind}>(.*?)</{kind}>", html, re.S)
        assert text is not None
        digest = base64.b64encode(hashlib.sha256(text[1].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_a_link_is_good_once(house: LiveServer, root: Person) -> None:
    link = host_link(house)
    chosen = {"link": link, "email": "cleo@acme.example", "password": "short"}
    assert errors(house.post("/setup", chosen, token=None))[:2] == (400, 8)
    chosen["password"] = PASSWORD
    assert house.post("/setup", chosen, token=None).json()["email"] == "cleo@acme.example"
    again = house.post("/setup", chosen, token=None)
    assert errors(again)[:2] == (404, 4000) and "not valid any more" in errors(again)[2]
    assert errors(house.post("/setup", {**chosen, "link": "setup-nothing"}, token=None))[:2] == (404, 4000)


def test_users_are_managed_by_system_administrators(house: LiveServer, root: Person, ana: Person) -> None:
    for method, path in (("GET", "/v2/users"), ("POST", "/v2/users"), ("GET", f"/v2/users/{root.user_id}")):
        assert errors(house.request(method, path, {}, token=ana.access_token))[:2] == (403, 403)
        assert errors(house.request(method, path, {}, token=house.token("organization")))[:2] == (403, 7)
    found = house.get("/v2/users?filterValue=ana@", token=root.access_token).json()
    assert [user["email"] for user in found["users"]] == [ana.email]
    taken = house.post("/v2/users", {"email": "ANA@acme.example"}, token=root.access_token)
    assert errors(taken)[:2] == (409, 4002)
    unknown = house.get("/v2/users/11111111-1111-4111-8111-111111111111", token=root.access_token)
    assert errors(unknown)[:2] == (404, 4000)
    assert house.get("/v2/users/no-guid", token=root.access_token).status == 404
    wrong = house.request("PUT", f"/v2/users/{ana.user_id}", {"status": "x"}, token=root.access_token)
    assert errors(wrong)[:2] == (400, 11)


def test_blocking_a_user(house: LiveServer, root: Person) -> None:
    person = make_person(house, root, "dan@acme.example")
    path = f"/v2/users/{person.email}"
    assert house.request("PUT", path, {"status": "Blocked"}, token=root.access_token).json()["status"] == "Blocked"
    assert errors(house.get("/v2/users/me", token=person.access_token))[:2] == (401, 102)
    refused = form(house, "/oauth/access_token", client_id="x", username=person.email, password=PASSWORD)
    assert refused.status == 401
    assert house.request("PUT", path, {"status": "Active"}, token=root.access_token).status == 200
    assert sign_in(house, person.email).access_token


def test_changing_the_own_password(house: LiveServer, root: Person) -> None:
    person = make_person(house, root, "eve@acme.example")
    path, fresh = "/v2/users/me/password", "an even longer password"
    wrong = house.request("PUT", path, {"password": "x", "newPassword": fresh}, token=person.access_token)
    assert errors(wrong)[:2] == (401, 401)
    body = {"password": PASSWORD, "newPassword": fresh}
    assert house.request("PUT", path, body, token=person.access_token).json() == {}
    assert errors(house.get("/v2/users/me", token=person.access_token))[:2] == (401, 102)
    assert sign_in(house, person.email, fresh).access_token
    assert errors(house.request("PUT", path, body))[:2] == (403, 403)  # an API token has no password


def test_sessions_are_listed_and_ended(house: LiveServer, ana: Person) -> None:
    person, other = sign_in(house, ana.email), sign_in(house, ana.email)
    form(house, "/oauth/access_token", client_id="web", username=ana.email, password=PASSWORD)
    listed = house.get("/v2/users/me/sessions", token=person.access_token).json()["sessions"]
    assert {"tests", "web"} <= {one["clientId"] for one in listed}
    second = f"/v2/users/me/sessions/{listed[1]['id']}"
    assert house.request("DELETE", second, token=person.access_token).json() == {"ended": 1}
    assert errors(house.get("/v2/users/me", token=other.access_token))[:2] == (401, 21)
    assert house.request("DELETE", second, token=person.access_token).status == 404


def test_too_many_failures_are_told_plainly(house: LiveServer, root: Person) -> None:
    person = make_person(house, root, "gil@acme.example")
    for _ in range(10):
        form(house, "/oauth/access_token", client_id="x", username=person.email, password="wrong")
    refused = form(house, "/oauth/access_token", client_id="x", username=person.email, password=PASSWORD)
    assert errors(refused)[:2] == (429, 9001)
    assert 0 < int(refused.headers["retry-after"]) <= 900
    gam = form(house, "/oauth/gam/v2.0/access_token", username=person.email, password=PASSWORD)
    assert (gam.status, gam.json()["error"]) == (429, "temporarily_unavailable")


# Authorization code with PKCE -------------------------------------------------------------------------------------


def test_signing_in_on_the_page(house: LiveServer, ana: Person) -> None:
    verifier = "v" * 64
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code", "client_id": "web", "redirect_uri": "http://127.0.0.1:9999/back", "state": "a<b",
        "scope": "gam_user_data", "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    page = house.get(f"/oauth/gam/signin?{urlencode(asked)}", token=None)
    assert page.status == 200 and "a&lt;b" in page.body.decode() and "a<b" not in page.body.decode()
    wrong = form(house, "/oauth/gam/signin", **asked, username=ana.email, password="wrong")
    assert wrong.status == 401 and b"Wrong address or password" in wrong.body
    back = form(house, "/oauth/gam/signin", **asked, username=ana.email, password=PASSWORD)
    assert back.status == 303
    query = parse_qs(urlsplit(back.headers["location"]).query)
    assert query["state"] == ["a<b"]
    redeem = {
        "grant_type": "authorization_code", "code": query["code"][0], "code_verifier": verifier,
        "client_id": "web", "redirect_uri": asked["redirect_uri"],
    }  # fmt: skip
    got = form(house, "/oauth/gam/access_token", **redeem)
    assert got.json()["user_guid"] == ana.user_id
    assert form(house, "/oauth/gam/access_token", **redeem).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "http://evil.example/"}, {"redirect_uri": "https://a.example;script-src *"},
        {"redirect_uri": "https://evil.example/"}, {"redirect_uri": "https://a.example.evil.example/"},
        {"redirect_uri": "https://a.example@evil.example/"}, {"redirect_uri": "http://a.example/"},
        {"client_id": "a\0b"}, {"code_challenge": "a\0b"}, {"scope": "a\0b"},
        {"code_challenge": ""}, {"code_challenge_method": "plain"}, {"response_type": "token"}, {"client_id": ""},
    ],
)  # fmt: skip
def test_a_page_that_leads_astray_is_not_shown(house: LiveServer, change: dict[str, str]) -> None:
    asked = {"client_id": "web", "redirect_uri": "https://a.example/", "code_challenge": "c"}
    assert house.get(f"/oauth/gam/signin?{urlencode(asked)}", token=None).status == 200
    assert house.get(f"/oauth/gam/signin?{urlencode(asked | change)}", token=None).status == 400
    assert form(house, "/oauth/gam/signin", **(asked | change), username="x@y.z", password="wrong").status == 400


def test_everything_is_in_the_audit_log(house: LiveServer, root: Person) -> None:
    person = make_person(house, root, "ida@acme.example")
    assert form(house, "/oauth/revoke", token=person.access_token).status == 200
    path = f"/v2/users/{person.email}"
    assert house.request("PUT", path, {"status": "Blocked"}, token=root.access_token).status == 200
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PORTICO_", "GEAI_", "SAIA_"))}
    command = [
        sys.executable,
        "-m",
        "portico",
        "audit",
        "list",
        "--installation",
        "--all",
        "--data",
        str(house.data_dir),
    ]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    told = [one for one in json.loads(done.stdout)["entries"] if person.email in json.dumps(one)]
    of_users = {one["action"] for one in told if one["kind"] == "user"}
    assert {"sign_in", "sign_out", "invite", "block"} <= of_users
    assert PASSWORD not in done.stdout
