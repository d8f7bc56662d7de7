"""`/v1/secrets` through the door: kept, never shown, refused where wrong, and of one project."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.live import Answer, LiveServer
from tests.usage import _read

PATH = "/v1/secrets"
VALUE = "s3cr3t-ñ-\u2028 value "
UNKNOWN = "5b1d2f8e-0000-4000-8000-000000000009"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(tmp_path_factory.mktemp("vault"), {"PORTICO_LOCAL_MODELS": "false"}) as live:
        yield live


def make(server: LiveServer, name: str = "", **members: Any) -> Answer:
    told = {"name": name or f"s-{uuid4()}", "secretString": VALUE, **members}
    return server.post(PATH, {"secretDefinition": told})


def put(server: LiveServer, secret_id: str, **members: Any) -> Answer:
    return server.request("PUT", f"{PATH}/{secret_id}", {"secretDefinition": members})


def refusal(answer: Answer) -> tuple[int, int, str]:
    (error,) = answer.json()["errors"]
    return answer.status, error["id"], error["description"]


def test_the_documented_sample(vault: LiveServer) -> None:
    body = {"secretDefinition": {"name": "jira", "secretString": "s3cr3t", "description": "Jira token"}}
    made = vault.post(PATH, body)
    assert made.status == 201
    secret = made.json()
    assert (secret["name"], secret["description"], secret["status"]) == ("jira", "Jira token", "active")
    assert set(secret) == {"id", "name", "description", "status", "createdAt", "updatedAt"}
    assert vault.get(f"{PATH}/{secret['id']}").json() == secret


def test_a_value_comes_out_nowhere_and_lies_sealed(vault: LiveServer) -> None:
    secret = make(vault).json()
    answers = [
        vault.get(PATH + "?count=1000"),
        vault.get(f"{PATH}/{secret['id']}"),
        put(vault, secret["id"], description="x"),
        make(vault, secret["name"]),
        vault.get("/v1/audit"),
    ]
    assert all(b"s3cr3t" not in answer.body for answer in answers)
    assert "s3cr3t" not in vault.said()
    (row,) = asyncio.run(_read(vault, "SELECT * FROM secrets WHERE secret_id = %s", (secret["id"],)))
    assert b"s3cr3t" not in row["sealed"] and len(row["sealed"]) > len(VALUE)


def test_what_is_absent_stays_and_the_rest_is_changed(vault: LiveServer) -> None:
    secret = make(vault, description="one").json()
    name = f"n-{uuid4()}"
    changed = put(vault, secret["id"], name=name, secretString="other").json()
    assert (changed["name"], changed["description"], changed["status"]) == (name, "one", "active")
    assert put(vault, secret["id"], status="Inactive").json()["status"] == "inactive"
    assert put(vault, secret["id"], description="").json()["description"] == ""


def test_a_revoked_secret_loses_its_value_and_stays_revoked(vault: LiveServer) -> None:
    secret = make(vault).json()
    assert put(vault, secret["id"], status="revoked").json()["status"] == "revoked"
    (row,) = asyncio.run(_read(vault, "SELECT sealed FROM secrets WHERE secret_id = %s", (secret["id"],)))
    assert row["sealed"] == b""
    assert refusal(put(vault, secret["id"], status="active"))[:2] == (409, 409)


def test_a_name_is_there_once_409(vault: LiveServer) -> None:
    first, second = make(vault).json(), make(vault).json()
    assert refusal(make(vault, first["name"]))[:2] == (409, 409)
    assert refusal(put(vault, second["id"], name=first["name"]))[:2] == (409, 409)
    assert vault.get(f"{PATH}/{second['id']}").json() == second


def test_pages_by_name_and_empty_values_are_absent(vault: LiveServer) -> None:
    mark = str(uuid4())
    made = [make(vault, f"{mark}-{number}").json() for number in range(3)]
    everything = vault.get(PATH + "?name=&id=&start=0&count=1000").json()
    names = [secret["name"] for secret in everything["secrets"]]
    assert names == sorted(names) and everything["count"] == len(names)
    assert len(vault.get(PATH).json()["secrets"]) <= 10
    first = names.index(made[0]["name"])
    page = vault.get(f"{PATH}?start={first}&count=2").json()
    assert [secret["id"] for secret in page["secrets"]] == [made[0]["id"], made[1]["id"]]
    assert page["count"] == everything["count"]
    assert vault.get(f"{PATH}?name={made[1]['name']}").json() == {"secrets": [made[1]], "count": 1}
    assert vault.get(f"{PATH}?name={mark[:30].upper()}&count=1").json() == {"secrets": [made[0]], "count": 3}
    assert vault.get(f"{PATH}?name={mark}%25").json()["count"] == 0
    assert vault.get(f"{PATH}?id={made[2]['id']}").json() == {"secrets": [made[2]], "count": 1}
    assert vault.get(f"{PATH}?id=none").json() == {"secrets": [], "count": 0}


def test_accesses_are_kept_as_they_are_sent(vault: LiveServer) -> None:
    path = f"{PATH}/{make(vault).json()['id']}/accesses"
    assert vault.get(path).json() == {"accessList": []}
    accesses = [{"accessLevel": "write", "principalType": "service"}]
    told = vault.post(path, {"secretDefinition": {"accessList": accesses}})
    assert (told.status, told.json()) == (200, {"accessList": accesses})
    assert vault.get(path).json() == {"accessList": accesses}
    assert vault.post(path, {"secretDefinition": {"accessList": []}}).json() == {"accessList": []}


def test_deleting_answers_204_and_then_404(vault: LiveServer) -> None:
    secret = make(vault).json()
    deleted = vault.request("DELETE", f"{PATH}/{secret['id']}")
    assert (deleted.status, deleted.body) == (204, b"")
    assert refusal(vault.request("DELETE", f"{PATH}/{secret['id']}"))[:2] == (404, 4000)


@pytest.mark.parametrize("secret_id", [UNKNOWN, "none", "%00", "x" * 300])
def test_an_unknown_id_is_404_id_4000(vault: LiveServer, secret_id: str) -> None:
    body = {"secretDefinition": {"name": "x", "secretString": "y", "accessList": []}}
    for method, tail in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("GET", "/accesses"), ("POST", "/accesses")):
        answer = vault.request(method, f"{PATH}/{secret_id}{tail}", body if method in ("PUT", "POST") else None)
        assert refusal(answer)[:2] == (404, 4000), (method, tail)


@pytest.mark.parametrize(
    ("body", "number", "field"),
    [
        ({}, 9, "secretDefinition"),
        ({"secretDefinition": []}, 11, "secretDefinition"),
        ({"secretDefinition": {"secretString": "x"}}, 9, "secretDefinition.name"),
        ({"secretDefinition": {"name": " ", "secretString": "x"}}, 9, "secretDefinition.name"),
        ({"secretDefinition": {"name": "n" * 201, "secretString": "x"}}, 8, "secretDefinition.name"),
        ({"secretDefinition": {"name": 1, "secretString": "x"}}, 11, "secretDefinition.name"),
        ({"secretDefinition": {"name": "a"}}, 9, "secretDefinition.secretString"),
        ({"secretDefinition": {"name": "a", "secretString": ""}}, 9, "secretDefinition.secretString"),
        ({"secretDefinition": {"name": "a", "secretString": 5}}, 11, "secretDefinition.secretString"),
        ({"secretDefinition": {"name": "a", "secretString": "v" * 65_537}}, 8, "secretDefinition.secretString"),
        (
            {"secretDefinition": {"name": "a", "secretString": "v", "description": "d" * 1_001}},
            8,
            "secretDefinition.description",
        ),
        ({"secretDefinition": {"name": "a", "secretString": "v", "status": "on"}}, 8, "secretDefinition.status"),
    ],
)
def test_bad_definitions_are_400_with_the_member(vault: LiveServer, body: Any, number: int, field: str) -> None:
    status, found, text = refusal(vault.post(PATH, body))
    assert (status, found) == (400, number)
    assert f"Field {field} " in text


@pytest.mark.parametrize(
    ("accesses", "number", "field"),
    [
        (None, 9, "secretDefinition.accessList"),
        ("write", 11, "secretDefinition.accessList"),
        ([1], 11, "secretDefinition.accessList"),
        ([{"accessLevel": "a", "principalType": "b"}] * 101, 8, "secretDefinition.accessList"),
        ([{"accessLevel": "write"}], 9, "secretDefinition.accessList[0].principalType"),
        ([{"accessLevel": 1, "principalType": "b"}], 11, "secretDefinition.accessList[0].accessLevel"),
    ],
)
def test_bad_access_lists_are_400(vault: LiveServer, accesses: Any, number: int, field: str) -> None:
    path = f"{PATH}/{make(vault).json()['id']}/accesses"
    status, found, text = refusal(vault.post(path, {"secretDefinition": {"accessList": accesses}}))
    assert (status, found) == (400, number)
    assert f"Field {field} " in text


@pytest.mark.parametrize("query", ["start=-1", "count=x", "count=1001", "start=99999999999999"])
def test_bad_pages_are_400_id_8(vault: LiveServer, query: str) -> None:
    assert refusal(vault.get(f"{PATH}?{query}"))[:2] == (400, 8)


def test_half_a_character_is_refused_and_nothing_is_kept(vault: LiveServer) -> None:
    body = b'{"secretDefinition":{"name":"half","secretString":"x\\ud800"}}'
    answer = vault.request("POST", PATH, body, {"Content-Type": "application/json"})
    assert answer.status == 400
    assert vault.get(f"{PATH}?name=half").json()["count"] == 0


def test_an_organization_token_names_the_project(vault: LiveServer) -> None:
    token = vault.token("organization")
    assert refusal(vault.get(PATH, token=token))[:2] == (400, 9)
    project = vault.get("/v1/accessControl/apitoken/validate").json()["projectId"]
    assert vault.get(PATH, {"project-id": project}, token=token).status == 200


def test_no_token_is_401(vault: LiveServer) -> None:
    assert vault.get(PATH, token=None).status == 401


def test_secrets_of_another_project_are_not_there(vault: LiveServer) -> None:
    secret = make(vault).json()
    token = vault.token("organization")
    made = vault.post("/v1/organization/project", {"name": f"p-{uuid4()}"}, token=token)
    if made.status == 404:
        pytest.fail("no route makes projects")
    other = made.json()["tokens"][0]["id"]
    assert vault.get(PATH, token=other).json() == {"secrets": [], "count": 0}
    assert vault.get(f"{PATH}/{secret['id']}", token=other).status == 404
    again = vault.post(PATH, {"secretDefinition": {"name": secret["name"], "secretString": "x"}}, token=other)
    assert again.status == 201, "a name is of one project"


def test_every_change_is_in_the_audit_log(vault: LiveServer) -> None:
    secret = make(vault).json()
    put(vault, secret["id"], secretString="other")
    put(vault, secret["id"], status="revoked")
    vault.request("DELETE", f"{PATH}/{secret['id']}")
    entries = vault.get(f"/v1/audit?target={secret['id']}").json()["entries"]
    assert [entry["action"] for entry in entries] == ["delete", "revoke", "update", "create"]
    assert entries[2]["details"] == {"changed": ["value"]}
