"""Odd input on every route of organizations, people, assistants, files, secrets, feedback and audit.

Each member of a body, each part of a path, each query parameter and header in turn becomes something that nobody
should send: an answer below 500 in the documented envelope, with the field named where one is at fault.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from typing import Any

import pytest

from tests.api.error_house import NOBODY, ROOT, House, open_house
from tests.isolation.rules import PARAMETER, Route, all_routes
from tests.issuer import TestIssuer
from tests.live import Answer
from tests.people import PASSWORD
from tests.upstream import Upstream

AREAS = (
    "/v1/assistant", "/v2/assistant", "/v1/files", "/v1/secrets", "/v1/feedback", "/v1/audit", "/v1/organization/",
    "/v1/plugins", "/v2/accessControl/", "/v2/users", "/v2/admin/", "/oauth/", "/openid/", "/setup", "/v1/gam/",
    "/v2/projects/tokens", "/v2/usageLimits/", "/v1/search/profile",
)  # fmt: skip
"""The other spellings of these paths have the same handlers."""
ROUTES = sorted(
    (one for one in set(all_routes()) if one.path.startswith(AREAS)), key=lambda one: (one.path, one.method)
)
BY_PATH = [f"{one.method} {one.path}" for one in ROUTES]
MANY = "/v1/organization/project"
LIMIT = {
    "subscriptionType": "Monthly", "usageUnit": "Requests", "softLimit": 1, "hardLimit": 5,
    "renewalStatus": "Renewable",
}  # fmt: skip
SETTINGS = {
    "providerName": "openai", "modelName": "gpt-4o-mini", "temperature": 0.1, "maxTokens": 10, "topP": 1,
    "frequencyPenalty": 0, "presencePenalty": 0, "uploadFiles": False, "llmOutputGuardrail": False,
}  # fmt: skip
PAGE = {
    "title": "Hi", "description": "d",
    "features": [{"title": "t", "description": "d"}],
    "examplesPrompt": [{"title": "t", "description": "d", "promptText": "p"}],
}  # fmt: skip
ASSISTANT = {
    "type": "chat", "name": "odd", "description": "d", "status": 1, "prompt": "p", "llmSettings": SETTINGS,
    "welcomeData": PAGE, "revisionName": "r", "revisionDescription": "d",
}  # fmt: skip
HELLO = [{"role": "user", "content": "Hello"}]
SECRET = {
    "secretDefinition": {"name": "ODD", "secretString": "s", "description": "d", "status": "active"},
}
PROFILE = {
    "name": "odd", "description": "d", "template": None, "status": 1,
    "searchOptions": {
        "historyCount": 2,
        "embeddings": {"provider": "openai", "modelName": "text-embedding-3-small", "dimensions": 512, "cache": True},
        "llm": {"provider": "openai", "modelName": "gpt-4o-mini", "temperature": 0, "guardrails": [], "apiKey": "k"},
        "search": {"k": 5, "lambda": 0.5, "prompt": "{context} {question}", "template": "t", "scoreThreshold": 0},
        "retriever": {"type": "hyde", "prompt": "p", "metadata": {"filter": [{"key": "a", "value": 1}], "chat": {}}},
        "chain": {"type": "x"},
    },
    "indexOptions": {
        "chunks": {"chunkSize": 1000, "chunkOverlap": 100}, "useParentDocument": True,
        "childDocument": {"childK": 5, "child": {"chunkSize": 100, "contentProcessing": "clean"}},
    },
    "welcomeData": PAGE,
}  # fmt: skip
ASKED = {"assistant": "odd", "revision": 0, "revisionName": "", "variables": [{"key": "a", "value": "b"}]}
SIGN_IN = {"client_id": "tests", "grant_type": "password", "username": "a@b.example", "password": "x", "scope": "s"}
PERSON = {"firstName": "A", "lastName": "B", "systemAdministrator": False}
MEMBER = {"userEmail": "odd@acme.example", "roles": ["Project Member"]}
ROLE = {"name": "odd", "externalId": "x", "assistants": []}
BODIES: dict[str, Any] = {
    "POST /v1/assistant": ASSISTANT,
    "PUT /v1/assistant/{assistant:path}": {**ASSISTANT, "action": "saveNewRevision", "revisionId": 1},
    "POST /v1/assistant/{assistant:path}": {},
    "POST /v1/assistant/chat": {**ASKED, "messages": HELLO},
    "POST /v1/assistant/chat/begin": {**ASKED, "messages": HELLO},
    "POST /v1/assistant/text": {**ASKED, "prompt": "Hello"},
    "POST /v1/assistant/text/begin": {**ASKED, "prompt": "Hello"},
    "POST /v1/assistant/text2img": {"prompt": "a cat"},
    "POST /v1/assistant/request/{request_id:str}/cancel": {"requestId": NOBODY},
    "POST /v1/secrets": SECRET,
    "PUT /v1/secrets/{secret_id:str}": SECRET,
    "POST /v1/secrets/{secret_id:str}/accesses": {
        "secretDefinition": {"accessList": [{"accessLevel": "write", "principalType": "service"}]}
    },
    "POST /v1/feedback/request/{request_id:str}": {"origin": "user-feedback", "answerScore": 1, "comments": "c"},
    "POST /v1/files": {},
    "POST /v1/search/profile": PROFILE,
    "PUT /v1/search/profile/{profile:str}": PROFILE,
    "POST /v1/search/profile/{profile:str}/log": {"step": "ALL", "level": 0, "name": "n", "data": "d"},
    "POST /v1/search/profile/{profile:str}/document": {},
    "PUT /v1/search/profile/{profile:str}/document": {},
    "PUT /v1/search/profile/{profile:str}/documents": {},
    "POST /v1/search/profile/{profile:str}/evaluations": {
        "name": "odd", "questions": [{"question": "Who?", "expected": ["a.txt"]}], "k": 5,
    },
    f"POST {MANY}": {
        "name": "odd", "description": "d", "administratorUserEmail": "odd@acme.example", "usageLimit": LIMIT,
    },
    f"PUT {MANY}/{{project_id:str}}": {"name": "odd", "description": "d", "active": True},
    "POST /v2/accessControl/projects/members": MEMBER,
    "POST /v2/accessControl/organizations/members": {"userEmail": "odd@acme.example", "roles": ["Organization Member"]},
    "POST /v2/accessControl/projects/roles": ROLE,
    "PUT /v2/accessControl/projects/roles/{role:str}": ROLE,
    "POST /v2/users": {"email": "odd@acme.example", **PERSON},
    "PUT /v2/users/{user:str}": {**PERSON, "status": "Active"},
    "PUT /v2/users/me/password": {"password": "wrong", "newPassword": PASSWORD},
    "POST /v2/users/{user:str}/setup-link": {},
    "POST /v2/admin/organizations": {"name": "odd", "administratorUserEmail": "odd@acme.example"},
    "POST /oauth/access_token": SIGN_IN,
    "POST /oauth/gam/access_token": SIGN_IN,
    "POST /oauth/gam/v2.0/access_token": SIGN_IN,
    "POST /oauth/revoke": {"token": "x"},
    "POST /oauth/gam/signin": {
        "username": "a", "password": "b", "client_id": "c", "redirect_uri": "http://127.0.0.1/back", "state": "s",
        "response_type": "code", "code_challenge": "x" * 43, "code_challenge_method": "S256",
    },
    "POST /setup": {"link": "x", "password": PASSWORD, "email": "a@b.example", "firstName": "A", "lastName": "B"},
    "POST /v2/projects/tokens": {"name": "odd", "description": "d", "expiresAt": "2099-01-01"},
    "PUT /v2/projects/tokens/{token_id:str}": {"description": "d", "status": "Active"},
    "POST /v2/usageLimits/organizations/{organization:str}/limits": {**LIMIT, "usageUnit": "Cost"},
    "POST /v2/usageLimits/organizations/{organization:str}/projects/{project:str}/limits": LIMIT,
    "PUT /v2/usageLimits/organizations/{organization:str}/limits/{limit:str}/{member:str}": {"hardLimit": 5},
    "PUT /v2/usageLimits/organizations/{organization:str}/projects/{project:str}/limits/{limit:str}/{member:str}": {
        "hardLimit": 5
    },
    "PUT /v2/usageLimits/organizations/{organization:str}/projects/{project:str}/rates": {
        "requestsPerMinute": 5, "tokensPerMinute": 5,
    },
}  # fmt: skip
"""What each route takes, whole. `odd` is there once, so that a change has something to change."""
EXECUTIONS = ("/v1/assistant/chat", "/v1/assistant/text", "/v1/assistant/request/")
"""They say in an answer of 200 that they failed, as documented."""
OAUTH = ("/oauth/gam/",)
"""They refuse in the words of OAuth 2.0."""


SIGN_IN_PAGE = "/oauth/gam/signin"
"""Shows itself again to whom it refuses."""


def deep(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**40, -(2**63) - 1, 1e308, "", " ", "\0", "a\0b", "\ud800", "\udfff\ud800", "é",
    "x" * 20_000, "9" * 5000, "²", "inf", "nan", [], [None], [[]], [1, "a"], {}, {"": None}, {"a": {"b": []}},
    [{"key": 1}], deep(300), "2099-99-99", "-1", "1e999", "../..", "'; --", "%s%n{0}", "\u202e", "true",
)  # fmt: skip
BYTES = (
    b"[]", b"null", b'"x"', b"5", b"{", b"\xff\xfe", b'{"a":' * 5000, b"[" * 100_000, b'{"name":NaN}', b"\0",
    b'{"name":1e999}', b'{"name":"a","name":[]}', b"{}" * 2, b'{"name":"\\ud800"}', b"name=a&name=b", b"%zz=%", b"=&&=",
    b'{"' + b"x" * 10_000 + b'":1}', b"9" * 5000,
)  # fmt: skip
IDS = (
    "", "%20", "%00", "a%00b", "%ED%A0%80", "%FF", "x" * 3000, "..", "%2e%2e", "%2F", "'", "%7Bx%7D", "9" * 40, "null",
    "me", "%F0%9F%98%80", NOBODY, NOBODY.upper(), NOBODY.replace("-", ""), f"%7B{NOBODY}%7D", f"urn:uuid:{NOBODY}",
    "*", "%25", "-1", "a@b.example", "%0A",
)  # fmt: skip
QUERIES = (
    "detail", "name", "id", "start", "count", "skip", "folder", "format", "organization", "organizationId", "project",
    "projectId", "startPage", "pageSize", "orderKey", "orderDirection", "roleTypes", "roles", "filterKey",
    "filterValue", "email", "userEmail", "accessToken", "action", "kind", "actor", "target", "since", "until",
    "cursor", "head", "from", "to", "username", "redirect_uri", "state", "scope",
)  # fmt: skip
WAITED_FOR = re.compile(r"(?!5b)[0-9A-Za-z_-]{1,64}")
"""What may be the id of a request is looked for until every line is written; here once is enough."""
WORDS = (
    "", "%20", "%00", "a%00b", "%ED%A0%80", "%FF", "x" * 3000, "-1", "0", "1.5", "9" * 40, "1e9", "%C2%B2", "null",
    "2026-13-45", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00%2B99:99", "%F0%9F%98%80", NOBODY,
    "'", "%25", "[]", "a,b,,", "full", "%0A",
)  # fmt: skip
EACH = 13
"""So many of the values for each member: the list goes on with the next one, so that all of them have their turn."""
HEADERS = (
    "project-id", "ProjectId", "organizationId", "organization-id", "fileName", "folder", "Range", "Accept",
    "documentId", "include-all",
)  # fmt: skip

HEADER_WORDS = ("", " ", "é", "\xff", "x" * 5000, NOBODY, "9" * 40, "bytes=9-1", "*")


class Wire:
    """One kept connection to the house; the credential follows from the path."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.project, _ = house.new_project()
        self.connection = http.client.HTTPConnection("127.0.0.1", house.server.port, timeout=60)
        self.things = {
            "organization": house.organization, "project": self.project, "project_id": self.project,
            "assistant": house.new_assistant()["assistantId"], "role": "odd", "member": "hardLimit", "which": "latest",
            "profile": "odd", "user": house.new_person().email,
            "secret_id": house.made("POST", "/v1/secrets", SECRET)["id"],
            "request_id": house.ask(str(house.new_assistant()["assistantName"]), "Hello").json()["requestId"],
            "token_id": house.made("POST", "/v2/projects/tokens", {"name": "odd one"})["apiTokenId"],
        }  # fmt: skip
        self.tokens = {
            "root": ROOT, "whole": house.server.token("organization"), "project": house.server.token(),
            "person": house.new_person().access_token,
        }  # fmt: skip

    def filled(self, route: Route, chosen: Mapping[str, str] | None = None) -> str:
        things = {**self.things, **(chosen or {})}
        return PARAMETER.sub(lambda found: things.get(found[1], NOBODY), route.path)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        who, more = self._who(path)
        sent = {"Authorization": f"Bearer {self.tokens[who]}", **more, **headers}
        self.connection.request(method, path, body, sent)
        answer = self.connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def _who(self, path: str) -> tuple[str, dict[str, str]]:
        if path.partition("?")[0] in ("/v2/users/me", "/v2/users/me/password"):  # not his sessions: he needs his own
            return "person", {}
        if path.startswith(("/v2/users", "/v2/admin")):
            return "root", {}
        if path.startswith("/v2/accessControl/projects"):
            return "whole", {"project-id": self.project}
        if path.startswith(("/v2/usageLimits", MANY, "/v2/accessControl", "/v1/audit")):
            return "whole", {}
        return "project", {}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("odd")
    with closing(TestIssuer()) as issuer:
        with open_house(folder, _upstream, issuer) as live:
            made = Wire(House(live, issuer))
            yield made
            made.connection.close()
        assert not [line for line in live.log if "unexpected error" in line or "Traceback" in line]


def check(answer: Answer, asked: str) -> int:
    """An answer as documented; its error id, or 0."""
    assert answer.status < 500 or answer.status == 501, (asked, answer.status, answer.body[:300])
    assert b"Traceback" not in answer.body and b'File "' not in answer.body, asked
    if answer.status < 400:
        if answer.headers.get("content-type", "").startswith("application/json"):
            body = answer.json()
            assert not {"error", "errors"} & set(body) or asked.split()[1].startswith(EXECUTIONS), (asked, body)
        return 0
    if answer.headers["content-type"].startswith("text/html"):
        assert (asked.split()[1], answer.status) == (SIGN_IN_PAGE, 401), asked
        return 0
    body = answer.json()
    if asked.split()[1].startswith(OAUTH) and "errors" not in body:
        assert body["error"] and body["error_description"], (asked, body)
        return 0
    (error,) = body["errors"]
    assert set(error) == {"id", "description"} and isinstance(error["id"], int), (asked, body)
    assert error["description"].strip(), (asked, body)
    if not asked.split()[1].startswith(EXECUTIONS):
        assert set(body) == {"errors"}, (asked, body)
    return int(error["id"])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member of a body, also within others."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    made = deepcopy(body)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def test_every_route_that_takes_a_body_has_one_here() -> None:
    taking = {name for name, route in zip(BY_PATH, ROUTES, strict=True) if route.method in ("POST", "PUT")}
    assert taking == BODIES.keys()


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("name", BODIES)
def test_any_value_for_any_member(wire: Wire, name: str) -> None:
    method, _, path = name.partition(" ")
    path = wire.filled(Route(method, path))
    values = itertools.islice(itertools.cycle(VALUES), list(BODIES).index(name), None)
    for place, value in zip((one for one in places(BODIES[name]) for _ in range(EACH)), values, strict=False):
        body = replaced(BODIES[name], place, value)
        asked = f"{method} {path} {place} = {str(value)[:60]!r}"
        answer = wire.send(method, path, json.dumps(body).encode())
        if check(answer, asked) in (8, 9, 11):
            words = [word for word in place if isinstance(word, str)]
            said = answer.json()["errors"][0]["description"].lower()
            assert any(word.lower() in said for word in words), (asked, said)


@pytest.mark.parametrize("name", BODIES)
def test_any_bytes_for_a_body(wire: Wire, name: str) -> None:
    method, _, path = name.partition(" ")
    path = wire.filled(Route(method, path))
    for body in BYTES:
        for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "?"):
            check(wire.send(method, path, body, **{"Content-Type": kind}), f"{method} {path} {body[:40]!r} {kind}")


@pytest.mark.parametrize("route", [one for one in ROUTES if "{" in one.path], ids=str)
def test_any_id_in_the_path(wire: Wire, route: Route) -> None:
    body = json.dumps(BODIES.get(f"{route.method} {route.path}", {})).encode() if route.method != "GET" else None
    for parameter, word in itertools.product(route.parameters, IDS):
        if parameter == "request_id" and WAITED_FOR.fullmatch(word):
            continue
        path = wire.filled(route, {parameter: word})
        answer = wire.send(route.method, path, body)
        check(answer, f"{route.method} {path}")


@pytest.mark.parametrize("route", [one for one in ROUTES if one.method == "GET"], ids=str)
def test_any_value_for_any_query_parameter(wire: Wire, route: Route) -> None:
    path = wire.filled(route)
    words = itertools.islice(itertools.cycle(WORDS), ROUTES.index(route), None)  # no two routes begin with the same
    for name, word in zip(QUERIES * 2, words, strict=False):
        check(wire.send("GET", f"{path}?{name}={word}"), f"GET {path} {name}={word[:60]}")
    for name in QUERIES[ROUTES.index(route) % 3 :: 3]:
        check(wire.send("GET", f"{path}?{name}=a&{name}=%00&{name}=&{name}[]=1"), f"GET {path} {name} repeated")
    check(wire.send("GET", f"{path}?{'&'.join(f'{name}=1' for name in QUERIES)}"), f"GET {path} all")
    check(wire.send("GET", f"{path}?&&=&=a&%00=1&%ED%A0%80=1"), f"GET {path} without names")


@pytest.mark.parametrize("route", [one for one in ROUTES if one.method != "DELETE"], ids=str)
def test_any_value_for_a_header(wire: Wire, route: Route) -> None:
    path = wire.filled(route)
    words = itertools.islice(itertools.cycle(HEADER_WORDS), ROUTES.index(route), None)
    for name, word in zip(HEADERS * 2, words, strict=False):
        check(wire.send(route.method, path, b"{}", **{name: word}), f"{route.method} {path} {name}: {word[:40]}")


@pytest.mark.parametrize("path", sorted({one.path for one in ROUTES}))
def test_another_method(wire: Wire, path: str) -> None:
    taken = {one.method for one in ROUTES if one.path == path}
    filled = wire.filled(Route("GET", path))
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken:
        answer = wire.send(method, filled, b"{}")
        check(answer, f"{method} {filled}")
        if answer.status == 405:
            assert taken <= {word.strip() for word in answer.headers["allow"].split(",")}, (method, filled)
        else:
            assert method in {one.method for one in ROUTES} - taken, (method, filled, answer.status)
