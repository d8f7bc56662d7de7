"""`/v1/organization/assistants` and `/v1/plugins`: the assistants of a project in lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.live import LiveServer

ASSISTANTS = "/v1/organization/assistants"


@pytest.fixture
def project(server: LiveServer) -> Iterator[dict[str, Any]]:
    """With one assistant in it."""
    whole = server.token("organization")
    made = server.post("/v1/organization/project", {"name": f"plugins {uuid4()}"}, token=whole).json()
    token = made["tokens"][0]["id"]
    body = {
        "type": "chat",
        "name": "Translator",
        "prompt": "Translate {text}.",
        "llmSettings": {"providerName": "openai", "modelName": "gpt-4o-mini", "temperature": 0.1, "maxTokens": 300},
    }
    answer = server.post("/v1/assistant", body, token=token)
    assert answer.status in (200, 201), answer.body
    yield {"id": made["projectId"], "name": made["projectName"], "token": token, "whole": whole}
    assert server.request("DELETE", f"/v1/organization/project/{made['projectId']}", token=whole).status == 200


def test_a_summary_has_ids_and_names(server: LiveServer, project: dict[str, Any]) -> None:
    found = server.get(ASSISTANTS, token=project["token"]).json()
    assert (found["projectId"], found["projectName"]) == (project["id"], project["name"])
    (item,) = found["assistants"]
    assert set(item) == {"assistantId", "assistantName"}
    for path, headers in ((f"{ASSISTANTS}?projectId={project['id']}", {}), (ASSISTANTS, {"ProjectId": project["id"]})):
        assert server.get(path, headers, token=project["whole"]).json() == found


def test_the_full_list_has_the_revisions(server: LiveServer, project: dict[str, Any]) -> None:
    found = server.get(f"{ASSISTANTS}?detail=full", token=project["token"]).json()
    (intent,) = found["assistants"][0]["intents"]
    (revision,) = intent["revisions"]
    assert (revision["modelName"], revision["providerName"], revision["prompt"]) == (
        "gpt-4o-mini",
        "openai",
        "Translate {text}.",
    )
    assert revision["modelId"]
    assert {"key": "temperature", "type": "Decimal", "value": "0.10"} in revision["metadata"]


def test_refusals(server: LiveServer, project: dict[str, Any]) -> None:
    for path, token, status, number in (
        (ASSISTANTS, project["whole"], 403, 7),
        (f"{ASSISTANTS}?detail=all", project["token"], 400, 8),
        (f"{ASSISTANTS}?projectId={uuid4()}", project["whole"], 404, 2006),
        (f"{ASSISTANTS}?projectId={project['id']}", server.token(), 404, 2006),
        ("/v1/plugins", project["whole"], 400, 9),
        (f"/v1/plugins?organization={uuid4()}&project={project['id']}", project["whole"], 404, 2004),
        (f"/v1/plugins?project={uuid4()}", project["whole"], 404, 2006),
    ):
        answer = server.get(path, token=token)
        assert (answer.status, answer.json()["errors"][0]["id"]) == (status, number), path


def test_assistants_are_plugins(server: LiveServer, project: dict[str, Any]) -> None:
    own = server.get("/v1/accessControl/apitoken/validate", token=project["token"]).json()
    path = f"/v1/plugins?organization={own['organizationId']}&project={project['id']}"
    (plugin,) = server.get(path, token=project["whole"]).json()["plugins"]
    assert (plugin["pluginName"], plugin["pluginType"], plugin["maxOutputTokens"]) == ("Translator", "chat", 300)
    wanted = {
        "pluginId", "shareScope", "streams", "canRegenerateAnswer", "canShowPreview", "fullConversation",
        "mustTriggerInitialMessage", "supportsRawHtml", "uploadFiles", "uploadMaxFileCount", "uploadMaxFileSize",
    }  # fmt: skip
    assert wanted <= set(plugin)
    assert server.get("/v1/plugins", token=project["token"]).json()["plugins"] == [plugin]


def test_a_role_opens_an_assistant_by_name(server: LiveServer, project: dict[str, Any]) -> None:
    headers = {"project-id": project["id"]}
    body = {"name": "readers", "assistants": ["Translator"]}
    made = server.request("POST", "/v2/accessControl/projects/roles", body, headers, token=project["whole"])
    (item,) = server.get(ASSISTANTS, token=project["token"]).json()["assistants"]
    assert (made.status, made.json()["assistants"]) == (201, [item["assistantId"]])
