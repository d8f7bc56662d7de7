"""Assistants through the door: made, read, changed, published, compared, deleted; every refusal by its id."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from portico import Portico
from portico.sdk.errors import NotFound, RequestConflict
from tests.api.assistant_house import OPENAI, make_assistant, new_name
from tests.live import Answer, LiveServer
from tests.upstream import Upstream

ROOT = "/v1/assistant"
PAGE = {
    "title": "Translator",
    "description": "Any language",
    "features": [{"title": "Fast", "description": "Very"}],
    "examplesPrompt": [{"title": "Hi", "description": "", "promptText": "Good day"}],
}


def put(server: LiveServer, assistant: str, **members: Any) -> Answer:
    return server.request("PUT", f"{ROOT}/{quote(assistant, safe='')}", members)


def changed(server: LiveServer, assistant: str, **members: Any) -> dict[str, Any]:
    answer = put(server, assistant, **members)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json()
    return found


def get(server: LiveServer, assistant: str, query: str = "") -> Answer:
    return server.get(f"{ROOT}/{quote(assistant, safe='')}{query}")


def revisions(body: dict[str, Any]) -> list[dict[str, Any]]:
    (intent,) = body["intents"]
    found: list[dict[str, Any]] = intent["revisions"]
    return found


def settings(body: dict[str, Any]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in revisions(body)[-1]["metadata"]}


def refused(answer: Answer, status: int, number: int, words: str = "") -> None:
    assert answer.status == status, answer.body
    (error,) = answer.json()["errors"]
    assert error["id"] == number, answer.body
    assert words in error["description"], answer.body


@pytest.fixture
def made(server: LiveServer) -> dict[str, Any]:
    return make_assistant(server, new_name())


# made and read -----------------------------------------------------------------------------------------------


def test_the_documented_sample(server: LiveServer) -> None:
    name = new_name()
    llm = {**OPENAI, "maxTokens": 800, "promptInjectionGuardrail": True}
    body = {"type": "chat", "name": name, "prompt": "You translate user text to {language}.", "llmSettings": llm}
    answer = server.post(ROOT, {**body, "welcomeData": PAGE})
    assert answer.status == 200
    found = answer.json()
    assert set(found) == {
        "assistantId", "assistantName", "assistantDescription", "assistantStatus", "assistantType", "intents",
        "projectId", "projectName", "welcomeData",
    }  # fmt: skip
    assert (found["assistantName"], found["assistantStatus"], found["assistantType"]) == (name, 1, "chat")
    assert found["welcomeData"] == PAGE
    (intent,) = found["intents"]
    assert (intent["assistantIntentName"], intent["assistantIntentDefaultRevision"]) == ("Default", 1)
    (revision,) = intent["revisions"]
    assert (revision["revisionId"], revision["revisionName"], revision["providerName"]) == (1, "1", "openai")
    assert (revision["modelName"], revision["variables"]) == ("gpt-4o-mini", [{"key": "language"}])
    assert {"key": "temperature", "value": "0.10", "type": "Decimal"} in revision["metadata"]
    assert {"key": "maxTokens", "value": "800", "type": "Integer"} in revision["metadata"]
    assert {"key": "promptInjectionGuardrail", "value": "true", "type": "Boolean"} in revision["metadata"]
    assert get(server, found["assistantId"]).json() == found == get(server, name).json()


def test_the_least_that_makes_an_assistant(server: LiveServer) -> None:
    found = server.post(ROOT, {"name": new_name(), "prompt": "Be kind."}).json()
    (revision,) = revisions(found)
    assert found["assistantType"] == "chat"
    assert (revision["providerName"], revision["modelName"]) == ("openai", "gpt-4o-mini")
    assert {"key": "temperature", "value": "0.10", "type": "Decimal"} in revision["metadata"]
    assert "variables" not in revision and "welcomeData" not in found


@pytest.mark.parametrize("kind", ["text", "CHAT", "Text"])
def test_types_are_read_in_any_case(server: LiveServer, kind: str) -> None:
    assert make_assistant(server, new_name(), type=kind)["assistantType"] == kind.lower()


@pytest.mark.parametrize("settings", [None, {}, {"temperature": None, "providerName": None}])
def test_nothing_stands_for_absent(server: LiveServer, settings: Any) -> None:
    body = {"name": new_name(), "prompt": "Hi", "description": None, "llmSettings": settings, "welcomeData": None}
    found = server.post(ROOT, body)
    assert found.status == 200
    assert "welcomeData" not in found.json()
    assert revisions(found.json())[0]["modelName"] == "gpt-4o-mini"


@pytest.mark.parametrize(
    "name",
    ["vertex_ai/gemini-2.0-flash-exp -Test File Upload", "a.b/c d", "100% ✓ über", "what?#+&", "x:y:z", "s/status"],
)
def test_a_name_may_hold_anything(server: LiveServer, name: str) -> None:
    name = f"{new_name('n')} {name}"
    made = make_assistant(server, name)
    assert get(server, name).json() == made
    plain = quote(name, safe="/:")
    assert server.get(f"{ROOT}/{plain}").json() == made, "pygeai sends slashes as they are"
    assert changed(server, name, description="found")["assistantDescription"] == "found"
    assert server.request("DELETE", f"{ROOT}/{plain}").json() == {}
    refused(get(server, name), 404, 1)


def test_numbers_may_come_as_text_and_flags_too(server: LiveServer) -> None:
    made = make_assistant(server, new_name(), temperature="0.5", maxTokens="300", uploadFiles="True", topP="1")
    assert settings(made)["temperature"] == "0.50"
    assert (settings(made)["maxTokens"], settings(made)["uploadFiles"]) == ("300", "true")


def test_summary_shows_the_active_revision_and_full_shows_all(server: LiveServer, made: dict[str, Any]) -> None:
    name = made["assistantName"]
    changed(server, name, prompt="Two.")
    changed(server, name, prompt="Three.", action="savePublishNewRevision")
    for query in ("", "?detail=summary", "?detail=SUMMARY", "?detail="):
        assert [one["revisionId"] for one in revisions(get(server, name, query).json())] == [3]
    full = get(server, name, "?detail=full").json()
    assert [one["prompt"] for one in revisions(full)] == ["Translate to {language}.", "Two.", "Three."]
    assert full["intents"][0]["assistantIntentDefaultRevision"] == 3
    refused(get(server, name, "?detail=all"), 400, 8, "detail")


# changed ------------------------------------------------------------------------------------------------------


def test_a_prompt_makes_a_revision_that_is_not_active(server: LiveServer, made: dict[str, Any]) -> None:
    found = changed(server, made["assistantId"], prompt="Two.")
    assert [one["revisionId"] for one in revisions(found)] == [2], "the revision concerned"
    assert found["intents"][0]["assistantIntentDefaultRevision"] == 1


def test_the_documented_change(server: LiveServer, made: dict[str, Any]) -> None:
    llm = {"modelName": "gpt-4o-mini", "temperature": 0.0}
    found = changed(
        server, made["assistantId"], action="savePublishNewRevision", prompt="Translate to Latin", llmSettings=llm
    )
    assert found["intents"][0]["assistantIntentDefaultRevision"] == 2
    assert settings(found)["temperature"] == "0.00"


def test_save_changes_the_revision_that_is_named_or_the_active_one(server: LiveServer, made: dict[str, Any]) -> None:
    name = made["assistantName"]
    changed(server, name, prompt="Two.")
    found = changed(server, name, action="save", revisionId="2", prompt="Two, better.")
    assert (revisions(found)[0]["revisionId"], revisions(found)[0]["prompt"]) == (2, "Two, better.")
    found = changed(server, name, action="SAVE", prompt="One, better.")
    assert (revisions(found)[0]["revisionId"], revisions(found)[0]["prompt"]) == (1, "One, better.")
    history = server.get(f"/v2/assistant/{made['assistantId']}/revisions/2/history").json()
    assert (history["revisionId"], [word["prompt"] for word in history["words"]]) == (2, ["Two.", "Two, better."])


def test_a_body_without_words_on_a_revision_changes_the_assistant_alone(
    server: LiveServer, made: dict[str, Any]
) -> None:
    name = new_name()
    found = changed(server, made["assistantId"], name=name, description="New", status=2)
    assert (found["assistantName"], found["assistantDescription"], found["assistantStatus"]) == (name, "New", 2)
    full = get(server, name, "?detail=full").json()
    assert [one["revisionId"] for one in revisions(full)] == [1]
    assert changed(server, name, status="1", action="save")["assistantStatus"] == 1


def test_a_start_page_that_is_not_sent_is_erased(server: LiveServer, made: dict[str, Any]) -> None:
    name = made["assistantName"]
    assert changed(server, name, welcomeData=PAGE)["welcomeData"] == PAGE
    assert [one["revisionId"] for one in revisions(get(server, name, "?detail=full").json())] == [1]
    smaller = {"title": "Only", "description": "", "features": [], "examplesPrompt": []}
    assert changed(server, name, welcomeData={"title": "Only"})["welcomeData"] == smaller, "replaced as a whole"
    assert "welcomeData" not in changed(server, name, description="x")
    assert "welcomeData" not in get(server, name).json()


def test_publishing_keeps_the_start_page(server: LiveServer, made: dict[str, Any]) -> None:
    name = made["assistantName"]
    changed(server, name, prompt="Two.", welcomeData=PAGE)
    found = changed(server, name, action="publish", revisionId=2)
    assert found["intents"][0]["assistantIntentDefaultRevision"] == 2
    assert found["welcomeData"] == PAGE
    assert changed(server, name, action="publish", revisionId=1)["intents"][0]["assistantIntentDefaultRevision"] == 1


def test_texts_that_no_database_stores_are_cleaned(server: LiveServer) -> None:
    page = '{"title": "\\u0000t", "description": "back\\\\u0000slash"}'
    body = f'{{"name": "{new_name()}", "prompt": "a\\u0000b", "description": "\\u0000d", "welcomeData": {page}}}'
    found = server.post(ROOT, body, {"Content-Type": "application/json"}).json()
    assert revisions(found)[0]["prompt"] == "ab"
    assert found["assistantDescription"] == "d"
    assert found["welcomeData"]["title"] == "t"
    assert found["welcomeData"]["description"] == "back\\u0000slash"
    assert get(server, found["assistantId"]).json() == found
    half = body.replace("u0000b", "ud800")
    refused(server.post(ROOT, half, {"Content-Type": "application/json"}), 400, 20)


# the model ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "provider", "model"),
    [
        ({"providerName": "OpenAI", "modelName": "gpt-4o"}, "openai", "gpt-4o"),
        ({"modelName": "anthropic/claude-sonnet-4-5"}, "Anthropic", "claude-sonnet-4-5"),
        ({"modelName": "my-own-finetune"}, "openai", "my-own-finetune"),
        ({"providerName": "openai", "modelName": "openai/gpt-4o"}, "openai", "gpt-4o"),
        ({"providerName": "local", "modelName": "smollm2-135m-instruct"}, "local", "smollm2-135m-instruct"),
    ],
)
def test_a_model_is_found_as_people_write_it(
    server: LiveServer, given: dict[str, str], provider: str, model: str
) -> None:
    body = {"name": new_name(), "prompt": "Hi", "llmSettings": given}
    (revision,) = revisions(server.post(ROOT, body).json())
    assert (revision["providerName"], revision["modelName"]) == (provider, model)


def test_a_model_without_provider_is_looked_for_at_the_revision_s_own_provider(server: LiveServer) -> None:
    local = {"providerName": "local", "modelName": "smollm2-135m-instruct"}
    made = server.post(ROOT, {"name": new_name(), "prompt": "Hi", "llmSettings": local}).json()
    found = changed(server, made["assistantId"], prompt="Hi", llmSettings={"modelName": "smollm2-135m-instruct"})
    assert (revisions(found)[0]["providerName"], revisions(found)[0]["modelName"]) == tuple(local.values())
    found = changed(server, made["assistantId"], prompt="Hi", llmSettings={"temperature": "1"})
    assert (revisions(found)[0]["providerName"], revisions(found)[0]["modelName"]) == tuple(local.values())
    refused(put(server, made["assistantId"], prompt="Hi", llmSettings={"providerName": "anthropic"}), 400, 2016)


@pytest.mark.parametrize("split", [False, True])
def test_an_alias_of_the_project_is_a_model(server: LiveServer, upstream: Upstream, split: bool) -> None:
    stem = f"team{uuid4().hex[:6]}"
    path = f"/v3/llm/admin/aliases/{stem}/Fast"
    assert server.request("PUT", path, {"targets": ["openai/gpt-4o-mini"]}).status < 300
    llm = {"providerName": stem, "modelName": "fast"} if split else {"modelName": f"{stem}/fast"}
    body = {"name": new_name(), "prompt": "Hi", "llmSettings": llm}
    try:
        (revision,) = revisions(server.post(ROOT, body).json())
        assert (revision["providerName"], revision["modelName"]) == ("", f"{stem}/Fast")
        answer = server.chat(f"saia:assistant:{body['name']}")
        assert answer.json()["choices"][0]["message"]["content"] == "Hello there"
    finally:
        server.request("DELETE", path)


# compared -----------------------------------------------------------------------------------------------------


def test_two_revisions_are_compared_in_one_call(server: LiveServer) -> None:
    made = make_assistant(server, new_name(), "You are kind.\nTranslate to {language}.\nBe brief.")
    name = made["assistantName"]
    changed(server, name, prompt="You are kind.\nTranslate to Latin.\nBe brief.", llmSettings={"temperature": 0.7})
    path = f"/v2/assistant/{quote(name, safe='')}/diff"
    found = server.get(f"{path}?from=1&to=2").json()
    assert (found["assistantId"], found["fromRevision"], found["toRevision"]) == (made["assistantId"], 1, 2)
    assert found["changes"] == [{"key": "temperature", "before": "0.10", "after": "0.70"}]
    assert found["prompt"].splitlines() == [
        "--- revision 1",
        "+++ revision 2",
        "@@ -1,3 +1,3 @@",
        " You are kind.",
        "-Translate to {language}.",
        "+Translate to Latin.",
        " Be brief.",
    ]
    assert server.get(path).json() == found, "the active one and the newest"
    same = server.get(f"{path}?from=2&to=2").json()
    assert (same["changes"], same["prompt"]) == ([], "")
    refused(server.get(f"{path}?from=1&to=9"), 404, 2014)
    refused(server.get(f"{path}?from=one"), 400, 8, "from")
    refused(server.get(f"/v2/assistant/{uuid4()}/diff"), 404, 1)
    refused(server.get(f"/v2/assistant/{made['assistantId']}/revisions/9/history"), 404, 2014)


# listed -------------------------------------------------------------------------------------------------------


def test_the_organization_lists_them(server: LiveServer, made: dict[str, Any]) -> None:
    listed = server.get("/v1/organization/assistants").json()["assistants"]
    assert {"assistantId": made["assistantId"], "assistantName": made["assistantName"]} in listed
    full = server.get("/v1/organization/assistants?detail=full").json()["assistants"]
    (mine,) = [one for one in full if one["assistantId"] == made["assistantId"]]
    assert mine["intents"][0]["revisions"][0]["modelId"]


# refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "status", "number", "words"),
    [
        pytest.param({"llmSettings": {"providerName": "nobody"}}, 400, 2, "Provider Type", id="2 provider"),
        pytest.param({"name": None}, 400, 2007, "Name is Empty", id="2007 absent"),
        pytest.param({"name": " \u0000 "}, 400, 2007, "", id="2007 blank"),
        pytest.param({"prompt": None}, 400, 2008, "Prompt is Empty", id="2008 absent"),
        pytest.param({"prompt": "  "}, 400, 2008, "", id="2008 blank"),
        pytest.param({"type": "poem"}, 400, 2009, "Invalid Type", id="2009 type"),
        pytest.param({"type": "ChatWithData"}, 501, 2012, "Assistant Not Implemented", id="2012 data"),
        pytest.param(
            {"llmSettings": {"providerName": "anthropic", "modelName": "gpt-99"}},
            400, 2016, "AIModel Id For Anthropic gpt-99", id="2016 model",
        ),
        pytest.param({"llmSettings": {"modelName": "claude-sonnet-4-5"}}, 400, 2016, "", id="2016 of several"),
        pytest.param({"llmSettings": {"modelName": "all-minilm-l6-v2"}}, 400, 2016, "", id="2016 no chat model"),
        pytest.param({"status": 3}, 400, 2032, "", id="2032 status"),
        pytest.param({"name": "n" * 201}, 400, 8, "name", id="8 name"),
        pytest.param({"llmSettings": {"maxTokens": 0}}, 400, 8, "llmSettings.maxTokens", id="8 maxTokens"),
        pytest.param({"llmSettings": {"temperature": 3}}, 400, 8, "llmSettings.temperature", id="8 temperature"),
        pytest.param({"llmSettings": {"temperature": "nan"}}, 400, 8, "llmSettings.temperature", id="8 nan"),
        pytest.param({"name": 7}, 400, 11, "name", id="11 name"),
        pytest.param({"llmSettings": "gpt"}, 400, 11, "llmSettings", id="11 settings"),
        pytest.param({"llmSettings": {"maxTokens": "many"}}, 400, 11, "llmSettings.maxTokens", id="11 maxTokens"),
        pytest.param({"llmSettings": {"uploadFiles": "perhaps"}}, 400, 11, "llmSettings.uploadFiles", id="11 flag"),
        pytest.param({"welcomeData": {"features": "x"}}, 400, 11, "welcomeData.features", id="11 start page"),
    ],
)  # fmt: skip
def test_what_cannot_be_made(server: LiveServer, members: dict[str, Any], status: int, number: int, words: str) -> None:
    name = new_name()
    refused(server.post(ROOT, {"type": "chat", "name": name, "prompt": "Hi", **members}), status, number, words)
    refused(get(server, name), 404, 1)


@pytest.mark.parametrize(
    ("members", "status", "number"),
    [
        pytest.param({"action": "frobnicate"}, 400, 2011, id="2011 action"),
        pytest.param({"action": "save", "llmSettings": {"temperature": 0}}, 400, 2013, id="2013 settings alone"),
        pytest.param({"action": "publish"}, 400, 2013, id="2013 publish what"),
        pytest.param({"action": "publish", "revisionId": 9}, 404, 2014, id="2014 publish"),
        pytest.param({"action": "save", "revisionId": 9, "prompt": "x"}, 404, 2014, id="2014 save"),
        pytest.param({"prompt": "x", "revisionId": 9}, 404, 2014, id="2014 new"),
        pytest.param({"action": "save", "revisionId": "two", "prompt": "x"}, 400, 2015, id="2015 no number"),
        pytest.param({"action": "save", "revisionId": "9" * 5000, "prompt": "x"}, 400, 2015, id="2015 huge"),
        pytest.param({"action": "publish", "revisionId": 1, "prompt": "x"}, 400, 2015, id="2015 publish and write"),
        pytest.param({"action": "save", "revisionId": 1}, 400, 2008, id="2008 save"),
        pytest.param({"action": "saveNewRevision"}, 400, 2008, id="2008 new"),
        pytest.param({"llmSettings": {"temperature": 0}}, 400, 2008, id="2008 settings alone"),
        pytest.param({"status": 0}, 400, 2032, id="2032 zero"),
        pytest.param({"status": "on"}, 400, 2032, id="2032 word"),
        pytest.param({"status": True}, 400, 2032, id="2032 true"),
        pytest.param({"name": ""}, 400, 2007, id="2007"),
    ],
)
def test_what_cannot_be_changed(
    server: LiveServer, made: dict[str, Any], members: dict[str, Any], status: int, number: int
) -> None:
    refused(put(server, made["assistantId"], **members), status, number)
    assert get(server, made["assistantId"], "?detail=full").json() == made


def test_a_name_is_taken_once_2030(server: LiveServer, made: dict[str, Any]) -> None:
    again = {"name": made["assistantName"], "prompt": "x"}
    refused(server.post(ROOT, again), 409, 2030, "Assistant name already exists")
    other = make_assistant(server, new_name())
    refused(put(server, other["assistantId"], name=made["assistantName"]), 409, 2030)
    assert changed(server, other["assistantId"], name=other["assistantName"]), "its own name is no other's"


def test_an_assistant_of_another_project_2031(server: LiveServer, made: dict[str, Any]) -> None:
    project = server.post(
        "/v1/organization/project", {"name": f"other {uuid4()}"}, token=server.token("organization")
    ).json()
    token = project["tokens"][0]["id"]
    path = f"{ROOT}/{made['assistantId']}"
    refused(server.get(path, token=token), 404, 2031, "Assistant not in Project")
    refused(server.request("PUT", path, {"description": "mine"}, token=token), 404, 2031)
    refused(server.request("DELETE", path, token=token), 404, 2031)
    refused(server.get(f"{ROOT}/{quote(made['assistantName'])}", token=token), 404, 1)
    same = make_assistant(server, made["assistantName"], token=token)
    assert same["assistantId"] != made["assistantId"], "names are unique in a project only"


def test_data_is_asked_of_data_analysts_only_2041(server: LiveServer, made: dict[str, Any]) -> None:
    path = f"{ROOT}/{made['assistantId']}"
    refused(server.get(f"{path}/status"), 400, 2041, "different type")
    refused(server.post(f"{path}/datasets/extend", {}), 400, 2041)
    refused(server.get(f"{ROOT}/{uuid4()}/status"), 404, 1)
    refused(server.post(f"{ROOT}/{uuid4()}/datasets/extend", {}), 404, 1)


def test_who_may_not_1_7_401(server: LiveServer, made: dict[str, Any]) -> None:
    path = f"{ROOT}/{made['assistantId']}"
    refused(server.get(path, token=None), 401, 401)
    refused(server.get(path, token=server.token("organization")), 403, 7)
    refused(server.post(ROOT, {"name": "x", "prompt": "x"}, token=server.token("organization")), 403, 7)
    refused(get(server, str(uuid4())), 404, 1)
    refused(get(server, "no-uuid \u2713"), 404, 1)
    refused(server.get(f"{ROOT}/%00"), 404, 1)


def test_literals_win_over_names(server: LiveServer) -> None:
    for name in ("chat", "text", "text2img"):
        assert server.get(f"{ROOT}/{name}").status == 405
    refused(server.post(f"{ROOT}/{uuid4()}", {}), 405, 405)
    refused(server.get(f"{ROOT}/request/{uuid4()}/status"), 404, 3)


def test_bodies_that_are_no_objects_are_refused_20(server: LiveServer, made: dict[str, Any]) -> None:
    deep = json.dumps({"welcomeData": None}).replace("null", "[" * 5000 + "]" * 5000)
    for body in (b"[1]", b"{", b"\xff", deep.encode()):
        refused(server.request("POST", ROOT, body), 400, 20)
        refused(server.request("PUT", f"{ROOT}/{made['assistantId']}", body), 400, 20)


# by the SDK ----------------------------------------------------------------------------------------------------


def test_the_sdk_goes_from_a_draft_to_the_end(server: LiveServer) -> None:
    assistants = Portico(server.token(), server.url).assistants
    name = new_name("SDK: a/b")
    made = assistants.create(name, "Translate to {language}.", welcome_data={"title": "Hi"})
    assert (made.active_revision, made.welcome_data.title) == (1, "Hi")  # type: ignore[union-attr]
    with pytest.raises(RequestConflict, match="already exists"):
        assistants.create(name, "Hi")
    draft = assistants.update(name, prompt="Translate to Latin.", revision_name="latin")
    assert draft.active_revision == 1
    assert assistants.diff(name).prompt.endswith("+Translate to Latin.")
    assert assistants.publish(made.assistant_id, 2).active_revision == 2
    assert [one.revision_name for one in assistants.revisions(name)] == ["1", "latin"]
    assert made.assistant_id in [one.assistant_id for one in assistants.list()]
    assistants.delete(name)
    with pytest.raises(NotFound, match="Assistant Not Found"):
        assistants.get(name)
