"""Tokens at the door: every way of sending one, the scope matrix, refusals byte by byte, changes that take effect."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portico.server.edge.guard import OPEN_PATHS
from tests.live import CHAT, TEXT, Answer, LiveServer, wait_until

UNAUTHORIZED = {"errors": [{"id": 401, "description": "Unauthorized"}]}
BLOCKED = {"errors": [{"id": 6, "description": "ApiToken not found or blocked"}]}
OUT_OF_SCOPE = [{"id": 7, "description": "ApiToken out of scope"}]
SIGNING_IN = {"/setup", "/v1/gam/authentication-types"}
"""Open pages that say nothing of the installation."""
OPEN = {"/", "/health", "/ready", "/v1/system/status"}
"""Health needs no credential (errors reference, section 9); the OpenAPI document itself is open too."""
VALIDATE = "/v1/accessControl/apitoken/validate"
TOKENS = "/v2/projects/tokens"
ALIASES = ("/projects/tokens", "/v2/organization/projects/tokens")
CATALOG = "/v3/llm/providers/openai"
PROJECT_HEADERS = ("project-id", "ProjectId", "projectId", "PROJECT_ID", "project_id")


def basic(token: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{token}:{password}".encode()).decode()


def organization(server: LiveServer) -> str:
    return server.token("organization")


def project_of(server: LiveServer) -> str:
    found: str = server.get(VALIDATE).json()["projectId"]
    return found


def make(server: LiveServer, name: str, **members: Any) -> dict[str, Any]:
    answer = server.post(TOKENS, {"name": name, **members})
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


def delete(server: LiveServer, token: str) -> Answer:
    return server.request("DELETE", f"{TOKENS}/{token}")


@pytest.fixture
def token(server: LiveServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A token of the project, made for one test."""
    made = make(server, f"for {request.node.name} {time.monotonic_ns()}")["id"]
    yield made
    delete(server, made)


def refused(answer: Answer) -> None:
    """The exact refusal of a credential, which learns nothing else."""
    assert answer.status == 401
    assert answer.json() == UNAUTHORIZED
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]


def refused_in_both(answer: Answer) -> None:
    """The same on a path where OpenAI's clients read too."""
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {
        "error": {"code": 401, "message": "Unauthorized", "type": "authentication_error", "param": None},
        "errors": [{"id": 401, "description": "Unauthorized"}],
        "requestId": answer.headers["x-request-id"],
        "success": False,
        "status": "failed",
    }


# ways of sending a token -------------------------------------------------------------------------------------

WAYS = {
    "bearer": lambda t: {"Authorization": f"Bearer {t}"},
    "bearer in small letters": lambda t: {"authorization": f"bearer {t}"},
    "bearer in capitals": lambda t: {"Authorization": f"BEARER {t}"},
    "blanks around": lambda t: {"Authorization": f"  Bearer   {t}  "},
    "bare": lambda t: {"Authorization": t},
    "basic": lambda t: {"Authorization": basic(t)},
    "saia": lambda t: {"Saia-Auth": t},
    "saia in small letters": lambda t: {"saia-auth": t},
    "saia with bearer": lambda t: {"Saia-Auth": f"Bearer {t}"},
    "both, the same": lambda t: {"Authorization": f"Bearer {t}", "Saia-Auth": t},
    "both, authorization wins": lambda t: {"Authorization": f"Bearer {t}", "Saia-Auth": "geai_wrong"},
    "authorization empty": lambda t: {"Authorization": "", "Saia-Auth": t},
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_every_way_of_sending_a_token_works(server: LiveServer, way: Any) -> None:
    headers = way(server.token())
    assert server.get(CATALOG, headers, token=None).status == 200
    embedded = server.request("POST", "/v1/embeddings", {"model": TEXT, "input": "x"}, headers, token=None)
    assert embedded.status == 200, "the hot paths read the same headers"


WRONG = {
    "nothing": {},
    "unknown": {"Authorization": "Bearer geai_unknown"},
    "empty": {"Authorization": ""},
    "scheme alone": {"Authorization": "Bearer"},
    "scheme and blanks": {"Authorization": "Bearer   "},
    "two words": {"Authorization": "Bearer geai_a geai_b"},
    "another scheme": {"Authorization": "Digest geai_a"},
    "basic that is no base64": {"Authorization": "Basic !!!"},
    "basic without colon": {"Authorization": "Basic " + base64.b64encode(b"geai_a").decode()},
    "basic unknown": {"Authorization": basic("geai_unknown")},
    "not ascii": {"Authorization": "Bearer geai_ñ"},
    "very long": {"Authorization": "Bearer " + "x" * 8000},
    "saia unknown": {"Saia-Auth": "geai_unknown"},
    "another header": {"X-Api-Key": "geai_unknown"},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
def test_a_wrong_credential_gets_the_exact_refusal(server: LiveServer, headers: dict[str, str]) -> None:
    refused(server.get(CATALOG, headers, token=None))
    refused_in_both(server.request("POST", "/chat", {"model": CHAT, "messages": ["x"]}, headers, token=None))


def test_a_wrong_authorization_is_not_saved_by_saia_auth(server: LiveServer) -> None:
    headers = {"Authorization": "Bearer geai_wrong", "Saia-Auth": server.token()}
    refused(server.get(CATALOG, headers, token=None))


def test_basic_with_a_password_is_refused(server: LiveServer) -> None:
    refused(server.get(CATALOG, {"Authorization": basic(server.token(), "secret")}, token=None))


def test_a_token_in_the_query_or_the_body_is_no_credential(server: LiveServer) -> None:
    refused(server.get(f"{CATALOG}?token={server.token()}&access_token={server.token()}", token=None))
    body = {"model": CHAT, "messages": ["x"], "api_key": server.token()}
    refused_in_both(server.post("/v1/chat/completions", body, token=None))


def test_the_refusal_does_not_show_what_was_sent(server: LiveServer) -> None:
    answer = server.get(CATALOG, {"Authorization": "Bearer geai_secret_of_somebody"}, token=None)
    assert b"somebody" not in answer.body
    assert "somebody" not in server.said()


def test_the_credential_is_judged_before_the_body_is_read(server: LiveServer) -> None:
    for body in (b"{not json", b"", b'{"model": "nobody/x"}'):
        refused_in_both(server.post("/v1/chat/completions", body, token=None))


# scopes ------------------------------------------------------------------------------------------------------

EXECUTION = [
    ("POST", "/v1/chat/completions", {"model": CHAT, "messages": ["hi"], "max_tokens": 1}),
    ("POST", "/chat", {"model": CHAT, "messages": ["hi"], "max_tokens": 1}),
    ("POST", "/chat", {"model": "saia:assistant:nobody", "messages": ["hi"]}),
    ("POST", "/v1/embeddings", {"model": TEXT, "input": "x"}),
    ("POST", "/embeddings", {"model": TEXT, "input": "x"}),
]


@pytest.mark.parametrize(("method", "path", "body"), EXECUTION)
def test_the_organization_token_is_out_of_scope_where_models_work(
    server: LiveServer, method: str, path: str, body: Any
) -> None:
    answer = server.request(method, path, body, token=organization(server))
    assert answer.status == 403
    said = answer.json()
    assert said["errors"] == OUT_OF_SCOPE
    assert said["error"] == {
        "code": 7,
        "message": "ApiToken out of scope",
        "type": "permission_error",
        "param": None,
    }
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("name", PROJECT_HEADERS)
def test_naming_a_project_does_not_widen_the_organization_token(server: LiveServer, name: str) -> None:
    """It acts on a project where it may, and may not run models even then."""
    headers = {name: project_of(server)}
    body = {"model": CHAT, "messages": ["hi"], "max_tokens": 1}
    answer = server.post("/chat", body, headers, token=organization(server))
    assert (answer.status, answer.json()["errors"]) == (403, OUT_OF_SCOPE)


@pytest.mark.parametrize("path", ["/v3/llm/providers", "/v2/llm/providers", "/v1/models", "/models", VALIDATE])
def test_both_scopes_may_read_the_catalogue_and_check_themselves(server: LiveServer, path: str) -> None:
    assert server.get(path).status == 200
    assert server.get(path, token=organization(server)).status == 200


def test_the_token_check_tells_who_one_is(server: LiveServer) -> None:
    project, whole = server.get(VALIDATE).json(), server.get(VALIDATE, token=organization(server)).json()
    assert {"organizationId", "organizationName", "projectId", "projectName", "scope"} <= set(project)
    assert (project["scope"], whole["scope"]) == ("Pia.Data.Project", "Pia.Data.Organization")
    assert project["organizationId"] == whole["organizationId"]
    assert not whole.get("projectId")
    assert "error" not in project and "errors" not in project, "the vendor's managers look for these"


# project headers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROJECT_HEADERS)
def test_ones_own_project_may_be_named_in_any_spelling(server: LiveServer, name: str) -> None:
    own = project_of(server)
    for written in (own, own.upper(), f" {own} "):
        assert server.get(CATALOG, {name: written}).status == 200


@pytest.mark.parametrize("name", PROJECT_HEADERS)
@pytest.mark.parametrize("foreign", ["00000000-0000-4000-8000-000000000000", "nonsense"])
def test_a_foreign_project_is_refused(server: LiveServer, name: str, foreign: str) -> None:
    answer = server.get(CATALOG, {name: foreign})
    assert answer.status == 403
    (error,) = answer.json()["errors"]
    assert (error["id"], error["description"].partition(":")[0]) == (2006, "Project Not In Organization")
    assert "Organization or Project mismatch: verify the provided authorization" in error["description"]
    hot = server.post("/v1/embeddings", {"model": TEXT, "input": "x"}, {name: foreign})
    assert (hot.status, hot.json()["errors"][0]["id"]) == (403, 2006)


@pytest.mark.parametrize("name", PROJECT_HEADERS)
def test_the_organization_names_the_project_it_acts_on(server: LiveServer, name: str) -> None:
    listed = server.get(TOKENS, {name: project_of(server)}, token=organization(server))
    assert listed.status == 200
    assert listed.json()["tokens"]


def test_the_organization_must_name_a_project_where_one_is_needed(server: LiveServer) -> None:
    for answer in (
        server.get(TOKENS, token=organization(server)),
        server.post(TOKENS, {"name": "x"}, token=organization(server)),
    ):
        assert answer.status == 400
        (error,) = answer.json()["errors"]
        assert (error["id"], error["description"].partition(":")[0]) == (9, "Field project-id is required")
        assert "Input data is missing (required %1) project-id" in error["description"]


# the guard is closed by default --------------------------------------------------------------------------------


def operations(server: LiveServer) -> list[tuple[str, str]]:
    document = server.get("/schema/openapi.json", token=None)
    assert document.status == 200
    found = [(m.upper(), path) for path, methods in document.json()["paths"].items() for m in methods]
    assert len(found) > 25
    return found


def filled(path: str) -> str:
    """A path of the document with something in the place of its parameters."""
    return path.replace("{model}", "gpt-4o").replace("{provider}", "openai").replace("{", "").replace("}", "")


def test_every_documented_operation_but_the_open_ones_asks_for_a_token(server: LiveServer) -> None:
    answers = {(m, p): server.request(m, filled(p), token=None).status for m, p in operations(server)}
    assert {path for (_, path), status in answers.items() if status == 200} - SIGNING_IN == OPEN
    closed = {key: status for key, status in answers.items() if key[1] not in OPEN_PATHS}
    assert set(closed.values()) == {401}, {k: v for k, v in closed.items() if v != 401}


@pytest.mark.parametrize("path", sorted(OPEN))
def test_an_open_path_answers_without_and_with_a_wrong_token(server: LiveServer, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer geai_wrong"}):
        answer = server.get(path, headers, token=None)
        assert answer.status == 200
        assert answer.json()["running"] is True


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/v1",
        "/v9/llm/providers",
        "/schema",
        "/schema/swagger",
        "/docs",
        "/v2/admin/organizations",
        "/health/../v3/llm/providers",
        "/%2e%2e/v3/llm/providers",
        "//v3//llm//providers",
        "/v3/llm/providers?x=/health",
        "/V3/LLM/providers",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_what_is_not_documented_is_closed_too(server: LiveServer, method: str, path: str) -> None:
    """Whether a path exists is told to those who may know."""
    answer = server.request(method, path, token=None)
    assert answer.status == 401
    assert answer.json()["errors"] == UNAUTHORIZED["errors"]


def test_the_hot_paths_are_closed_for_every_method(server: LiveServer) -> None:
    hot = [p for m, p in operations(server) if m == "POST" and ("chat" in p or "embedding" in p)]
    assert len(hot) >= 11
    for path in hot:
        for method in ("GET", "POST", "PUT", "DELETE"):
            assert server.request(method, path, token=None).status == 401, (method, path)


def test_an_unknown_path_is_told_to_a_known_caller(server: LiveServer) -> None:
    answer = server.get("/nothing")
    assert answer.status == 404
    assert answer.json() == {"errors": [{"id": 404, "description": "Bad Endpoint"}]}


@pytest.mark.parametrize(("method", "path"), [("POST", "/health"), ("DELETE", "/v3/llm/providers"), ("PUT", TOKENS)])
def test_a_method_that_a_path_does_not_take_is_told(server: LiveServer, method: str, path: str) -> None:
    answer = server.request(method, path)
    assert answer.status == 405
    assert "GET" in answer.headers["allow"].split(", ") and method not in answer.headers["allow"].split(", ")
    assert answer.json() == {"errors": [{"id": 405, "description": "Method Not Allowed"}]}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_method_that_a_hot_path_does_not_take_is_told_in_both_envelopes(server: LiveServer, method: str) -> None:
    answer = server.request(method, "/v1/chat/completions")
    assert answer.status == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["errors"] == [{"id": 405, "description": "Method Not Allowed"}]
    assert answer.json()["error"]["code"] == 405


# tokens that come and go ---------------------------------------------------------------------------------------


def test_a_new_token_is_usable_at_once_and_shown_once(server: LiveServer) -> None:
    made = make(server, "usable at once", description="d")
    try:
        secret = made["id"]
        assert secret.startswith("geai_") and len(secret) == 69
        assert (made["status"], made["scope"]) == ("Active", "Pia.Data.Project")
        assert server.get(CATALOG, token=secret).status == 200
        assert server.post("/v1/embeddings", {"model": TEXT, "input": "x"}, token=secret).status == 200
        listed = server.get(TOKENS)
        assert secret.encode() not in listed.body
        assert "usable at once" in [t["name"] for t in listed.json()["tokens"]]
        assert secret.encode() not in server.get(f"{TOKENS}/{secret}").body
    finally:
        delete(server, made["id"])


@pytest.mark.parametrize("base", ALIASES)
def test_the_tokens_of_a_project_have_two_more_addresses(server: LiveServer, base: str) -> None:
    """Organization reference, section 5."""
    answer = server.post(base, {"name": f"by {base}"})
    assert answer.status == 201
    one = f"{base}/{answer.json()['apiTokenId']}"
    assert server.get(one).json()["name"] == f"by {base}"
    assert server.request("PUT", one, {"status": "Blocked"}).json()["status"] == "Blocked"
    assert server.get(base).json() == server.get(TOKENS).json()
    assert server.request("DELETE", one).json() == {}


def test_a_blocked_token_is_refused_as_blocked_and_comes_back(server: LiveServer, token: str) -> None:
    change = f"{TOKENS}/{token}"
    assert server.request("PUT", change, {"status": "blocked"}).json()["status"] == "Blocked"
    answer = server.get(CATALOG, token=token)
    assert (answer.status, answer.json()) == (401, BLOCKED)
    assert answer.headers["www-authenticate"] == "Bearer"
    hot = server.post("/chat", {"model": CHAT, "messages": ["x"]}, token=token)
    assert (hot.status, hot.json()["errors"]) == (401, BLOCKED["errors"])
    assert hot.json()["error"]["type"] == "authentication_error"
    assert server.request("PUT", change, {"status": "Active"}).json()["status"] == "Active"
    assert server.get(CATALOG, token=token).status == 200


def test_a_deleted_token_is_refused_as_blocked_for_ever(server: LiveServer) -> None:
    made = make(server, "deleted")["id"]
    gone = delete(server, made)
    assert gone.status == 200 and isinstance(gone.json(), dict), "the vendor's client wants a body"
    answer = server.get(CATALOG, token=made)
    assert (answer.status, answer.json()) == (401, BLOCKED)
    again = delete(server, made)
    assert (again.status, again.json()) == (404, {"errors": [{"id": 4000, "description": "Not Found."}]})
    assert server.request("PUT", f"{TOKENS}/{made}", {"status": "active"}).status == 404


def test_a_token_that_expires_is_refused_as_unknown(server: LiveServer) -> None:
    made, end = make(server, "short-lived", expiresAt=in_utc(int(time.time()) + 3600))["id"], 0

    def brought_forward() -> bool:
        """Not where the machine stood still, and the new end lies in the past."""
        nonlocal end
        end = int(time.time()) + 2
        return server.request("PUT", f"{TOKENS}/{made}", {"expiresAt": in_utc(end)}).status == 200

    try:
        assert server.get(CATALOG, token=made).status == 200
        wait_until(brought_forward, "it ends in two seconds")
        wait_until(lambda: server.get(CATALOG, token=made).status != 200, "it has ended")
        assert time.time() >= end
        refused(server.get(CATALOG, token=made))
    finally:
        delete(server, made)


def in_utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def test_an_unknown_status_is_refused(server: LiveServer, token: str) -> None:
    answer = server.request("PUT", f"{TOKENS}/{token}", {"status": "sleepy"})
    assert answer.status == 400
    assert answer.json()["errors"][0]["id"] == 2032


@pytest.mark.parametrize(("body", "number"), [({}, 2007), ({"name": "  "}, 2007), ({"name": 7}, 11)])
def test_a_token_needs_a_name(server: LiveServer, body: dict[str, Any], number: int) -> None:
    answer = server.post(TOKENS, body)
    assert answer.status == 400
    assert answer.json()["errors"][0]["id"] == number


def test_a_body_is_json_whatever_type_it_declares(server: LiveServer) -> None:
    body = json.dumps({"name": "declared otherwise"}).encode()
    answer = server.request("POST", TOKENS, body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 201, answer.body
    delete(server, answer.json()["id"])


def test_a_token_does_not_see_those_of_another_scope(server: LiveServer) -> None:
    """The organization's own token is not in a project's list, and cannot be touched through it."""
    whole = organization(server)
    for method, body in (("GET", None), ("PUT", {"status": "blocked"}), ("DELETE", None)):
        assert server.request(method, f"{TOKENS}/{whole}", body).status == 404
    assert server.get(CATALOG, token=whole).status == 200


# several processes ---------------------------------------------------------------------------------------------


@pytest.fixture
def second(server: LiveServer) -> Iterator[LiveServer]:
    """Another server process on the same data folder, at a port of its own."""
    environ = {**server.environ, "PORTICO_LOCAL_MODELS": "off"}
    live = replace(server, environ=environ, process=None, url="", log=[])
    before = (server.data_dir / "credentials").read_bytes()
    try:
        with live:
            yield live
    finally:
        # The address of the server that started last stands in the file; the tests after this one read it.
        Path(server.data_dir / "credentials").write_bytes(before)


def within_a_second(server: LiveServer, token: str, status: int) -> Answer:
    """Asks until the answer has the status: within a second on a machine that has one; without a notice it would take
    half a minute."""
    deadline = time.monotonic() + 15
    while (answer := server.get(CATALOG, token=token)).status != status:
        assert time.monotonic() < deadline, f"still {answer.status}, not {status}"
        time.sleep(0.02)
    return answer


def test_changes_reach_another_process_within_a_second(server: LiveServer, second: LiveServer) -> None:
    made = make(server, "known everywhere")["id"]
    within_a_second(second, made, 200)
    server.request("PUT", f"{TOKENS}/{made}", {"status": "blocked"})
    assert within_a_second(second, made, 401).json() == BLOCKED
    hot = second.post("/chat", {"model": CHAT, "messages": ["x"]}, token=made)
    assert (hot.status, hot.json()["errors"]) == (401, BLOCKED["errors"])
    second.request("PUT", f"{TOKENS}/{made}", {"status": "active"})
    within_a_second(server, made, 200)
    assert delete(second, made).status == 200
    assert within_a_second(server, made, 401).json() == BLOCKED


# what errors look like -------------------------------------------------------------------------------------------


def test_platform_paths_send_the_list_alone(server: LiveServer) -> None:
    for answer in (server.get("/v3/llm/providers/nobody"), server.get(f"{TOKENS}/x"), server.get("/nothing")):
        assert set(answer.json()) == {"errors"}
        assert all(set(item) == {"id", "description"} for item in answer.json()["errors"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "local/no-such-model", "messages": ["x"]}),
        ("/v1/embeddings", {"model": "local/no-such-model", "input": "x"}),
    ],
)
def test_openai_like_paths_send_both_envelopes(server: LiveServer, path: str, body: Any) -> None:
    answer = server.post(path, body)
    said = answer.json()
    assert answer.status == 404
    assert set(said) == {"error", "errors", "requestId", "success", "status"}
    assert said["error"]["message"] == said["errors"][0]["description"]
    assert said["error"]["type"] == "invalid_request_error"
    assert said["requestId"] == answer.headers["x-request-id"]


def test_every_answer_carries_a_request_id_of_its_own(server: LiveServer) -> None:
    answers = [server.get(p, token=t) for p in ("/health", CATALOG, "/nothing") for t in ("", None)]
    answers += [server.chat("local/no-such-model"), server.post("/chat", {}, token=None)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
