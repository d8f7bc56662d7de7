"""`/v2/guardrails` through the door: set, shown, removed, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from portico import GuardrailSettings, Portico
from tests.live import LiveServer

PATH = "/v2/guardrails"
DEFAULTS = {
    "guardrails": [],
    "injectionThreshold": 0.7,
    "denyWords": {"input": [], "output": []},
    "pii": [],
    "moderation": None,
    "failClosed": False,
    "stream": {"mode": "buffer", "windowCharacters": 256},
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of these tests' own: guardrails on the shared one would block all other tests."""
    environ = {"PORTICO_LOCAL_MODELS": "false", "PORTICO_GUARDRAIL_HOSTS": "127.0.0.1"}
    with LiveServer(tmp_path_factory.mktemp("guarded"), environ) as live:
        yield live


def put(server: LiveServer, body: Any, **more: Any) -> Any:
    return server.request("PUT", PATH, body, **more)


def test_everything_is_off_until_it_is_set(guarded: LiveServer) -> None:
    answer = guarded.get(PATH)
    assert (answer.status, answer.json()) == (200, DEFAULTS)


def test_settings_are_replaced_as_a_whole_and_removed(guarded: LiveServer) -> None:
    settings = {
        "guardrails": ["prompt-injection-guardrail", "llm-output-guardrail"],
        "denyWords": {"output": ["falcon"]},
        "pii": [{"kind": "email", "action": "mask"}, {"kind": "iban", "action": "block", "on": ["input"]}],
        "stream": {"mode": "window", "windowCharacters": 128},
    }
    told = put(guarded, settings)
    assert told.status == 200
    assert told.json() == guarded.get(PATH).json()
    assert told.json()["pii"] == [
        {"kind": "email", "action": "mask", "on": ["input", "output"]},
        {"kind": "iban", "action": "block", "on": ["input"]},
    ]
    assert put(guarded, {}).json() == DEFAULTS
    assert guarded.request("DELETE", PATH).status == 200
    gone = guarded.request("DELETE", PATH)
    assert (gone.status, gone.json()["errors"][0]["id"]) == (404, 4000)


def test_the_key_of_the_endpoint_is_never_shown(guarded: LiveServer) -> None:
    moderation = {"baseUrl": "http://127.0.0.1:1/v1", "apiKey": "sk-secret", "categories": {"hate": 0.5}}
    told = put(guarded, {"moderation": moderation})
    assert told.json()["moderation"]["apiKey"] == "***"
    assert b"sk-secret" not in told.body + guarded.get(PATH).body
    assert put(guarded, told.json()).json() == told.json(), "what is shown can be sent back"
    assert "sk-secret" not in guarded.said()
    guarded.request("DELETE", PATH)


@pytest.mark.parametrize(
    ("body", "error_id", "member"),
    [
        ({"guardrail": []}, 11, "guardrail"),
        ({"guardrails": ["all"]}, 11, "guardrails"),
        ({"guardrails": "all"}, 11, "guardrails"),
        ({"denyWords": {"in": []}}, 11, "denyWords.in"),
        ({"denyWords": {"input": [7]}}, 11, "denyWords.input"),
        ({"pii": [{"kind": "shoe size"}]}, 11, "pii"),
        ({"pii": [{"kind": "email", "do": "mask"}]}, 11, "pii.do"),
        ({"pii": [{}]}, 11, "pii"),
        ({"stream": {"mode": "often"}}, 11, "stream.mode"),
        ({"injectionThreshold": 2}, 8, "injectionThreshold"),
        ({"moderation": {"apiKey": "a"}}, 11, "moderation"),
        ({"moderation": {"baseUrl": "http://10.0.0.1/v1"}}, 8, "moderation.baseUrl"),
        ({"moderation": {"baseUrl": "https://169.254.169.254/v1"}}, 8, "moderation.baseUrl"),
        ([], 20, "JSON object"),
    ],
)
def test_mistakes_are_told_by_member_and_change_nothing(
    guarded: LiveServer, body: Any, error_id: int, member: str
) -> None:
    before = guarded.get(PATH).json()
    refused = put(guarded, body)
    (error,) = refused.json()["errors"]
    assert (refused.status, error["id"]) == (400, error_id)
    assert member in error["description"]
    assert guarded.get(PATH).json() == before


def test_an_organization_token_names_the_project(guarded: LiveServer) -> None:
    organization = guarded.token("organization")
    refused = guarded.get(PATH, token=organization)
    assert (refused.status, refused.json()["errors"][0]["id"]) == (400, 9)
    project = guarded.get("/v1/accessControl/apitoken/validate").json()["projectId"]
    settings = {"guardrails": ["llm-output-guardrail"]}
    told = put(guarded, settings, headers={"project-id": project}, token=organization)
    assert told.status == 200
    assert guarded.get(PATH).json()["guardrails"] == settings["guardrails"]
    guarded.request("DELETE", PATH)


def test_nobody_sets_guardrails_without_a_token(guarded: LiveServer) -> None:
    assert put(guarded, {}, token=None).status == 401
    assert guarded.get(PATH, token=None).status == 401


def test_the_sdk_speaks_in_objects(guarded: LiveServer) -> None:
    with Portico(guarded.token(), guarded.url) as client:
        settings = GuardrailSettings(guardrails=["input-moderation-guardrail"], fail_closed=True)
        assert client.guardrails.set(settings).fail_closed
        assert client.guardrails.get().guardrails == ["input-moderation-guardrail"]
        assert client.guardrails.set({"guardrails": []}).guardrails == []
        client.guardrails.delete()
        assert client.guardrails.get() == GuardrailSettings()
