"""`/v1/assistant` through the door: made, read, changed, published, compared, deleted, and every refusal."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.api.assistant_house import HELLO, OPENAI, make_assistant, new_name, sent_to
from tests.live import Answer, LiveServer
from tests.upstream import Upstream

ROOT = "/v1/assistant"
UNKNOWN = "5b1d2f8e-0000-4000-8000-000000000009"
PAGE = {
    "title": "Translator",
    "description": "Any language",
    "features": [{"title": "Fast", "description": "Very"}],
    "examplesPrompt": [{"title": "Bread", "description": "How to order it", "promptText": "Bread, please"}],
}


def create(server: LiveServer, **members: Any) -> Answer:
    return server.post(ROOT, {"name": new_name(), "prompt": "Be kind.", "llmSettings": OPENAI, **members})


def put(server: LiveServer, assistant: str, **members: Any) -> Answer:
    return server.request("PUT", f"{ROOT}/{quote(assistant, safe='')}", members)


def show(server: LiveServer, assistant: str, detail: str = "") -> Any:
    answer = server.get(f"{ROOT}/{quote(assistant, safe='')}" + (f"?detail={detail}" if detail else ""))
    assert answer.status == 200, answer.body
    return answer.json()


def revisions(shown: Any) -> list[Any]:
    (intent,) = shown["intents"]
    found: list[Any] = intent["revisions"]
    return found


def active(shown: Any) -> int:
    number: int = shown["intents"][0]["assistantIntentDefaultRevision"]
    return number


def settings(revision: Any) -> dict[str, tuple[str, str]]:
    """Without the switches that are off."""
    found = {one["key"]: (one["value"], one["type"]) for one in revision["metadata"]}
    return {key: said for key, said in found.items() if said != ("false", "Boolean")}


def refusal(answer: Answer) -> tuple[int, int, str]:
    (error,) = answer.json()["errors"]
    return answer.status, error["id"], error["description"]


@pytest.fixture
def made(server: LiveServer) -> Any:
    return make_assistant(server, new_name(), "One.")


# --- made and read


def test_the_documented_sample(server: LiveServer) -> None:
    body = {
        "type": "chat",
        "name": new_name(),
        "prompt": "You translate user text to {language}.",
        "llmSettings": {
            "providerName": "openai",
            "modelName": "gpt-4o-mini",
            "temperature": 0.1,
            "maxTokens": 800,
            "promptInjectionGuardrail": True,
        },
        "welcomeData": {"title": "Translator", "description": "Any language", "features": [], "examplesPrompt": []},
    }
    answer = server.post(ROOT, body)
    assert answer.status == 200
    shown = answer.json()
    assert (shown["assistantName"], shown["assistantStatus"], shown["assistantType"]) == (body["name"], 1, "chat")
    assert shown["welcomeData"] == body["welcomeData"]
    assert (active(shown), len(revisions(shown))) == (1, 1)
    (revision,) = revisions(shown)
    assert (revision["revisionId"], revision["revisionName"]) == (1, "1")
    assert (revision["providerName"], revision["modelName"]) == ("openai", "gpt-4o-mini")
    assert revision["variables"] == [{"key": "language"}]
    assert settings(revision) == {
        "temperature": ("0.10", "Decimal"),
        "maxTokens": ("800", "Integer"),
        "promptInjectionGuardrail": ("true", "Boolean"),
    }
    assert show(server, shown["assistantId"]) == shown
    assert shown["projectId"] == server.get("/v1/accessControl/apitoken/validate").json()["projectId"]


def test_defaults_stand_where_nothing_is_said(server: LiveServer) -> None:
    for given in ({}, {"llmSettings": None, "welcomeData": None, "description": None}, {"llmSettings": {}}):
        answer = server.post(ROOT, {"name": new_name(), "prompt": "Be kind.", **given})
        assert answer.status == 200, answer.body
        shown = answer.json()
        assert (shown["assistantType"], shown["assistantDescription"]) == ("chat", "")
        assert "welcomeData" not in shown and "variables" not in revisions(shown)[0]
        assert revisions(shown)[0]["modelName"]
        assert settings(revisions(shown)[0]) == {"temperature": ("0.10", "Decimal")}


def test_a_text_assistant_and_the_model_of_a_provider_that_names_none(server: LiveServer) -> None:
    shown = create(server, type="TEXT", llmSettings={"providerName": "openai"}).json()
    assert shown["assistantType"] == "text"
    assert (revisions(shown)[0]["providerName"], bool(revisions(shown)[0]["modelName"])) == ("openai", True)


def test_numbers_and_flags_may_stand_in_quotes(server: LiveServer) -> None:
    given = {**OPENAI, "temperature": "0.25", "maxTokens": "64", "topP": "0.5", "uploadFiles": "true", "n": None}
    assert settings(revisions(create(server, llmSettings=given).json())[0]) == {
        "temperature": ("0.25", "Decimal"),
        "maxTokens": ("64", "Integer"),
        "topP": ("0.50", "Decimal"),
        "uploadFiles": ("true", "Boolean"),
    }


@pytest.mark.parametrize(
    "stem",
    [
        "vertex_ai/gemini-2.0-flash-exp -Test File Upload",
        "Übersetzer für 日本語 🦙",
        "a:b::c",
        "a.b..c",
        "../up",
        "100% + &more=?#",
        "weather/status",
        "x/datasets/extend",
        'quote"back\\slash',
    ],
)
def test_any_name_is_found_changed_asked_and_deleted(server: LiveServer, upstream: Upstream, stem: str) -> None:
    name = f"{uuid4()} {stem}"
    first = make_assistant(server, name, "One.")
    assert first["assistantName"] == name
    assert show(server, name) == first
    assert revisions(put(server, name, prompt="Two.", action="savePublishNewRevision").json())[0]["prompt"] == "Two."
    answer = server.post("/v1/chat/completions", {"model": f"saia:assistant:{name}", "messages": HELLO})
    assert answer.status == 200, answer.body
    assert sent_to(upstream)["messages"][0] == {"role": "system", "content": "Two."}
    deleted = server.request("DELETE", f"{ROOT}/{quote(name, safe='')}")
    assert (deleted.status, deleted.json()) == (200, {})
    assert refusal(server.get(f"{ROOT}/{first['assistantId']}"))[:2] == (404, 1)


@pytest.mark.parametrize("stem", ["a//b", "ends/with/"])
def test_slashes_that_a_path_loses_are_no_hindrance_by_id_and_in_the_chat(
    server: LiveServer, upstream: Upstream, stem: str
) -> None:
    name = f"{uuid4()} {stem}"
    made = make_assistant(server, name, "One.")
    assert show(server, made["assistantId"])["assistantName"] == name
    assert server.post("/v1/chat/completions", {"model": f"saia:assistant:{name}", "messages": HELLO}).status == 200


def test_blanks_around_a_name_fall_away(server: LiveServer) -> None:
    name = new_name()
    assert create(server, name=f"  {name}\n").json()["assistantName"] == name


def test_full_shows_all_revisions_and_summary_the_active_one(server: LiveServer, made: Any) -> None:
    put(server, made["assistantId"], prompt="Two.")
    put(server, made["assistantId"], prompt="Three.", action="savePublishNewRevision")
    full = show(server, made["assistantId"], "full")
    assert [(one["revisionId"], one["prompt"]) for one in revisions(full)] == [(1, "One."), (2, "Two."), (3, "Three.")]
    summary = show(server, made["assistantId"], "summary")
    assert [one["revisionId"] for one in revisions(summary)] == [active(summary)] == [3]
    assert refusal(server.get(f"{ROOT}/{made['assistantId']}?detail=more"))[:2] == (400, 8)


# --- changed


def test_save_new_revision_is_the_default_and_not_active(server: LiveServer, made: Any) -> None:
    changed = put(server, made["assistantId"], prompt="Two {a}.", llmSettings={"maxTokens": 5}).json()
    assert (active(changed), revisions(changed)[0]["revisionId"]) == (1, 2)
    assert settings(revisions(changed)[0])["temperature"] == ("0.10", "Decimal"), "inherited"
    assert settings(revisions(changed)[0])["maxTokens"] == ("5", "Integer")
    assert revisions(changed)[0]["modelName"] == "gpt-4o-mini"
    assert revisions(show(server, made["assistantId"]))[0]["prompt"] == "One."


def test_the_sample_that_publishes_at_once(server: LiveServer, made: Any) -> None:
    body = {
        "action": "savePublishNewRevision",
        "prompt": "Translate to Latin",
        "llmSettings": {"modelName": "gpt-4o", "temperature": 0.0},
    }
    changed = put(server, made["assistantId"], **body).json()
    (revision,) = revisions(changed)
    assert (active(changed), revision["revisionId"]) == (2, 2)
    assert (revision["providerName"], revision["modelName"]) == ("openai", "gpt-4o")
    assert settings(revision)["temperature"] == ("0.00", "Decimal")


def test_save_is_in_place_and_what_was_said_before_is_kept(server: LiveServer, made: Any) -> None:
    id = made["assistantId"]
    put(server, id, prompt="Two.", revisionName="second", revisionDescription="the second")
    saved = put(server, id, action="save", revisionId="2", prompt="Two, better.", llmSettings={"maxTokens": 9}).json()
    (revision,) = revisions(saved)
    assert (revision["revisionId"], revision["prompt"], active(saved)) == (2, "Two, better.", 1)
    assert (revision["revisionName"], revision["revisionDescription"]) == ("second", "the second")
    assert len(revisions(show(server, id, "full"))) == 2
    history = server.get(f"/v2/assistant/{id}/revisions/2/history").json()
    assert (history["assistantId"], history["revisionId"]) == (id, 2)
    assert [word["prompt"] for word in history["words"]] == ["Two.", "Two, better."]


def test_save_with_a_prompt_and_no_number_changes_the_active_revision(server: LiveServer, made: Any) -> None:
    saved = put(server, made["assistantId"], action="save", prompt="One, better.").json()
    assert (active(saved), revisions(saved)[0]["revisionId"]) == (1, 1)
    assert revisions(show(server, made["assistantId"]))[0]["prompt"] == "One, better."


def test_a_revision_gets_another_name_without_another_prompt(server: LiveServer, made: Any) -> None:
    saved = put(server, made["assistantId"], action="save", revisionId=1, revisionName="first").json()
    assert (revisions(saved)[0]["revisionName"], revisions(saved)[0]["prompt"]) == ("first", "One.")


def test_an_older_revision_is_published_again(server: LiveServer, made: Any) -> None:
    id = made["assistantId"]
    put(server, id, prompt="Two.", action="savePublishNewRevision", welcomeData=PAGE)
    changed = put(server, id, action="publish", revisionId=1).json()
    assert (active(changed), revisions(changed)[0]["prompt"]) == (1, "One.")
    assert changed["welcomeData"] == PAGE, "publishing leaves the start page"
    assert refusal(put(server, id, action="publish"))[:2] == (400, 2013)
    assert refusal(put(server, id, action="publish", revisionId=9))[:2] == (404, 2014)
    assert refusal(put(server, id, action="publish", revisionId=1, prompt="x"))[:2] == (400, 2015)


def test_name_description_and_status_alone_make_no_revision(server: LiveServer, made: Any) -> None:
    name = new_name()
    changed = put(server, made["assistantId"], action="save", name=name, description="d", status="2").json()
    assert (changed["assistantName"], changed["assistantDescription"], changed["assistantStatus"]) == (name, "d", 2)
    put(server, made["assistantId"], description="e")
    shown = show(server, name, "full")
    assert (shown["assistantDescription"], shown["assistantStatus"], len(revisions(shown))) == ("e", 2, 1)
    gone = server.get(f"{ROOT}/{quote(made['assistantName'])}")
    assert refusal(gone)[:2] == (404, 1)


def test_a_disabled_assistant_is_not_asked(server: LiveServer, upstream: Upstream, made: Any) -> None:
    body = {"model": f"saia:assistant:{made['assistantName']}", "messages": HELLO}
    put(server, made["assistantId"], status=2)
    assert server.post("/v1/chat/completions", body).status == 404
    put(server, made["assistantId"], status=1)
    assert server.post("/v1/chat/completions", body).status == 200


def test_a_start_page_that_is_not_sent_is_erased(server: LiveServer, made: Any) -> None:
    id = made["assistantId"]
    assert put(server, id, welcomeData=PAGE).json()["welcomeData"] == PAGE
    assert len(revisions(show(server, id, "full"))) == 1, "a start page alone is a save"
    other = put(server, id, welcomeData={"title": "T", "description": None}).json()["welcomeData"]
    assert other == {"title": "T", "description": "", "features": [], "examplesPrompt": []}
    assert "welcomeData" not in put(server, id, description="d").json()
    assert "welcomeData" not in show(server, id)


def test_the_type_cannot_change(server: LiveServer, made: Any) -> None:
    assert put(server, made["assistantId"], type="text", description="d").json()["assistantType"] == "chat"


def test_the_difference_of_two_revisions(server: LiveServer, made: Any) -> None:
    id = made["assistantId"]
    put(server, id, prompt="One.\nTwo.", llmSettings={"temperature": 0.5, "maxTokens": 7})
    found = server.get(f"/v2/assistant/{id}/diff").json()
    assert (found["fromRevision"], found["toRevision"]) == (1, 2)
    assert found["changes"] == [
        {"key": "temperature", "before": "0.10", "after": "0.50"},
        {"key": "maxTokens", "before": None, "after": "7"},
    ]
    assert found["prompt"].splitlines()[-2:] == [" One.", "+Two."]
    back = server.get(f"/v2/assistant/{quote(made['assistantName'])}/diff?from=2&to=1").json()
    assert back["prompt"].splitlines()[-1] == "-Two."
    same = server.get(f"/v2/assistant/{id}/diff?from=1&to=1").json()
    assert (same["changes"], same["prompt"]) == ([], "")
    assert refusal(server.get(f"/v2/assistant/{id}/diff?from=7"))[:2] == (404, 2014)
    assert refusal(server.get(f"/v2/assistant/{id}/diff?from=x"))[:2] == (400, 8)
    assert refusal(server.get(f"/v2/assistant/{UNKNOWN}/diff"))[:2] == (404, 1)
    assert refusal(server.get(f"/v2/assistant/{id}/revisions/7/history"))[:2] == (404, 2014)
    assert refusal(server.get(f"/v2/assistant/{id}/revisions/one/history"))[:2] == (400, 8)


def test_every_change_is_in_the_audit_log_without_its_words(server: LiveServer, made: Any) -> None:
    id = made["assistantId"]
    put(server, id, prompt="A prompt that nobody else sees.")
    put(server, id, action="publish", revisionId=2)
    server.request("DELETE", f"{ROOT}/{id}")
    answer = server.get(f"/v1/audit?target={id}")
    entries = answer.json()["entries"]
    assert [entry["action"] for entry in entries] == ["delete", "publish", "update", "create"]
    assert entries[1]["details"] == {"revision": 2}
    assert b"nobody else sees" not in answer.body


# --- refusals


@pytest.mark.parametrize("assistant", [UNKNOWN, "nobody", "%00", "x" * 900, "%ED%A0%80", "a/b/c", "%2e%2e", "-1"])
def test_an_unknown_assistant_is_404_id_1(server: LiveServer, assistant: str) -> None:
    for method, body in (("GET", None), ("PUT", {"description": "x"}), ("DELETE", None)):
        answer = server.request(method, f"{ROOT}/{assistant}", body)
        assert refusal(answer)[:2] == (404, 1), (method, answer.body)


@pytest.mark.parametrize(
    ("members", "status", "number", "says"),
    [
        ({"name": None}, 400, 2007, "Name is Empty"),
        ({"name": " \n"}, 400, 2007, "Name is Empty"),
        ({"name": "\0"}, 400, 2007, "Name is Empty"),
        ({"name": 7}, 400, 11, "Field name "),
        ({"name": "n" * 201}, 400, 8, "Field name "),
        ({"prompt": None}, 400, 2008, "Prompt is Empty"),
        ({"prompt": "  "}, 400, 2008, "Prompt is Empty"),
        ({"prompt": ["a"]}, 400, 11, "Field prompt "),
        ({"prompt": "p" * 1_000_001}, 400, 8, "Field prompt "),
        ({"type": "robot"}, 400, 2009, "Invalid Type"),
        ({"type": 1}, 400, 11, "Field type "),
        ({"type": "chatWithData"}, 501, 2012, "Assistant Not Implemented"),
        ({"type": "dataAnalyst"}, 501, 2012, "Assistant Not Implemented"),
        ({"description": 1}, 400, 11, "Field description "),
        ({"description": "d" * 10_001}, 400, 8, "Field description "),
        ({"llmSettings": {"providerName": "nobody", "modelName": "m"}}, 400, 2, "Provider Type Not Found"),
        ({"llmSettings": {"providerName": "local", "modelName": "m-0"}}, 400, 2016, "AIModel Id For local m-0"),
        ({"llmSettings": {"modelName": "local/m-0"}}, 400, 2016, "AIModel Id For local m-0"),
        ({"llmSettings": {"modelName": "text-embedding-3-small"}}, 400, 2016, "AIModel Id For openai"),
        ({"llmSettings": "gpt"}, 400, 11, "Field llmSettings "),
        ({"llmSettings": []}, 400, 11, "Field llmSettings "),
        ({"llmSettings": {"modelName": 5}}, 400, 11, "Field llmSettings.modelName "),
        ({"llmSettings": {"temperature": "warm"}}, 400, 11, "Field llmSettings.temperature "),
        ({"llmSettings": {"temperature": True}}, 400, 11, "Field llmSettings.temperature "),
        ({"llmSettings": {"temperature": 2.5}}, 400, 8, "Field llmSettings.temperature "),
        ({"llmSettings": {"temperature": "nan"}}, 400, 8, "Field llmSettings.temperature "),
        ({"llmSettings": {"maxTokens": 0}}, 400, 8, "Field llmSettings.maxTokens "),
        ({"llmSettings": {"maxTokens": 1.5}}, 400, 8, "Field llmSettings.maxTokens "),
        ({"llmSettings": {"maxTokens": 10**30}}, 400, 8, "Field llmSettings.maxTokens "),
        ({"llmSettings": {"topP": 2}}, 400, 8, "Field llmSettings.topP "),
        ({"llmSettings": {"uploadFiles": "perhaps"}}, 400, 11, "Field llmSettings.uploadFiles "),
        ({"welcomeData": "hello"}, 400, 11, "Field welcomeData "),
        ({"welcomeData": {"title": 5}}, 400, 11, "Field welcomeData.title "),
        ({"welcomeData": {"features": [{"title": []}]}}, 400, 11, "Field welcomeData.features[0].title "),
        ({"welcomeData": {"title": "t" * 200_001}}, 400, 8, "Field welcomeData "),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_kept(
    server: LiveServer, members: dict[str, Any], status: int, number: int, says: str
) -> None:
    name = new_name()
    answer = create(server, **{"name": name, **members})
    assert refusal(answer)[:2] == (status, number), answer.body
    assert says in refusal(answer)[2]
    assert server.get(f"{ROOT}/{quote(name)}").status == 404


@pytest.mark.parametrize(
    ("members", "status", "number", "says"),
    [
        ({"name": "  "}, 400, 2007, "Name is Empty"),
        ({"action": "saveNewRevision"}, 400, 2008, "Prompt is Empty"),
        ({"action": "savePublishNewRevision", "llmSettings": {"temperature": 0}}, 400, 2008, "Prompt is Empty"),
        ({"prompt": ""}, 400, 2008, "Prompt is Empty"),
        ({"llmSettings": {"temperature": 0}}, 400, 2008, "Prompt is Empty"),
        ({"action": "save", "revisionId": 1}, 400, 2008, "Prompt is Empty"),
        ({"action": "save", "revisionId": 1, "revisionName": "n", "llmSettings": {"topP": 1}}, 400, 2008, "Prompt"),
        ({"action": "publishNow"}, 400, 2011, "Assistant General Error"),
        ({"action": 3}, 400, 11, "Field action "),
        ({"action": "save", "llmSettings": {"temperature": 0}}, 400, 2013, "Revision Is Empty"),
        ({"action": "save", "revisionId": 9, "prompt": "p"}, 404, 2014, "Assistant Revision Not Found"),
        ({"revisionId": 9, "prompt": "p"}, 404, 2014, "Assistant Revision Not Found"),
        ({"action": "save", "revisionId": "two", "prompt": "p"}, 400, 2015, "Assistant Revision Update Error"),
        ({"action": "save", "revisionId": 0, "prompt": "p"}, 400, 2015, "Assistant Revision Update Error"),
        ({"action": "save", "revisionId": 10**40, "prompt": "p"}, 400, 2015, "Assistant Revision Update Error"),
        ({"prompt": "p", "llmSettings": {"modelName": "local/m-0"}}, 400, 2016, "AIModel Id For local m-0"),
        ({"prompt": "p", "llmSettings": {"providerName": "nobody"}}, 400, 2, "Provider Type Not Found"),
        ({"status": 3}, 400, 2032, "The status value is unexpected"),
        ({"status": "on"}, 400, 2032, "The status value is unexpected"),
        ({"status": True}, 400, 2032, "The status value is unexpected"),
        ({"prompt": "p", "revisionName": "n" * 201}, 400, 8, "Field revisionName "),
        ({"prompt": "p", "revisionDescription": 5}, 400, 11, "Field revisionDescription "),
    ],
)
def test_what_cannot_be_changed_is_refused_and_nothing_is_changed(
    server: LiveServer, made: Any, members: dict[str, Any], status: int, number: int, says: str
) -> None:
    answer = put(server, made["assistantId"], description="changed", **members)
    assert refusal(answer)[:2] == (status, number), answer.body
    assert says in refusal(answer)[2]
    assert show(server, made["assistantId"], "full") == made


def test_a_name_is_there_once_409_id_2030(server: LiveServer, made: Any) -> None:
    other = make_assistant(server, new_name(), "Other.")
    assert refusal(create(server, name=made["assistantName"]))[:2] == (409, 2030)
    answer = put(server, other["assistantId"], name=made["assistantName"], prompt="Two.")
    assert refusal(answer)[:2] == (409, 2030)
    assert show(server, other["assistantId"], "full") == other, "no revision was kept either"
    assert put(server, made["assistantId"], name=made["assistantName"]).status == 200, "its own name is no other's"


def test_another_project_sees_nothing_and_its_id_is_404_id_2031(server: LiveServer, made: Any) -> None:
    token = server.token("organization")
    project = server.post("/v1/organization/project", {"name": f"p-{uuid4()}"}, token=token).json()
    other = project["tokens"][0]["id"]
    for method, body in (("GET", None), ("PUT", {"description": "x"}), ("DELETE", None)):
        answer = server.request(method, f"{ROOT}/{made['assistantId']}", body, token=other)
        assert refusal(answer)[:2] == (404, 2031), method
    for tail in ("diff", "revisions/1/history"):
        assert refusal(server.get(f"/v2/assistant/{made['assistantId']}/{tail}", token=other))[:2] == (404, 2031)
    named = server.get(f"{ROOT}/{quote(made['assistantName'])}", token=other)
    assert refusal(named)[:2] == (404, 1), "a name of another project is unknown"
    assert make_assistant(server, made["assistantName"], "Theirs.", token=other)["projectId"] != made["projectId"]
    assert show(server, made["assistantId"]) == made


def test_data_of_another_kind_of_assistant_is_400_id_2041(server: LiveServer, made: Any) -> None:
    for assistant in (made["assistantId"], quote(made["assistantName"])):
        assert refusal(server.get(f"{ROOT}/{assistant}/status"))[:2] == (400, 2041)
        assert refusal(server.post(f"{ROOT}/{assistant}/datasets/extend", {}))[:2] == (400, 2041)
    for assistant in (UNKNOWN, "nobody"):
        assert refusal(server.get(f"{ROOT}/{assistant}/status"))[:2] == (404, 1)
        assert refusal(server.post(f"{ROOT}/{assistant}/datasets/extend", {}))[:2] == (404, 1)
    answer = server.post(f"{ROOT}/{made['assistantId']}", {})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, PUT, DELETE")


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff\xfe", b'{"name": "a", "prompt": "x\\ud800"}', b"[" * 100_000, b'{"name":' * 5_000],
)
def test_what_is_no_json_object_is_400_id_20(server: LiveServer, made: Any, body: bytes) -> None:
    kind = {"Content-Type": "application/json"}
    for method, path in (("POST", ROOT), ("PUT", f"{ROOT}/{made['assistantId']}")):
        assert refusal(server.request(method, path, body, kind))[:2] == (400, 20)


def test_nul_and_odd_characters_are_kept_out_or_kept_whole(server: LiveServer) -> None:
    name = new_name()
    shown = create(server, name=f"{name}\0", prompt="a\0b\u2028\ufffe 🦙{x}", description="\0d").json()
    assert (shown["assistantName"], shown["assistantDescription"]) == (name, "d")
    assert revisions(shown)[0]["prompt"] == "ab\u2028\ufffe 🦙{x}"


def test_a_prompt_of_a_megabyte_is_kept_whole(server: LiveServer) -> None:
    prompt = "{a} 日" * 200_000
    shown = create(server, prompt=prompt).json()
    assert revisions(show(server, shown["assistantId"]))[0]["prompt"] == prompt


def test_no_token_is_401_and_an_organization_token_403(server: LiveServer, made: Any) -> None:
    assert server.get(f"{ROOT}/{made['assistantId']}", token=None).status == 401
    assert server.post(ROOT, {"name": "x", "prompt": "y"}, token=None).status == 401
    token = server.token("organization")
    for headers in ({}, {"project-id": made["projectId"]}):
        answer = server.get(f"{ROOT}/{made['assistantId']}", headers, token=token)
        assert refusal(answer)[:2] == (403, 7)


def test_a_name_that_looks_like_an_id_is_found_behind_the_id(server: LiveServer, made: Any) -> None:
    twin = make_assistant(server, made["assistantId"], "I am named like an id.")
    assert show(server, made["assistantId"]) == made
    assert show(server, twin["assistantId"]) == twin
    assert json.dumps(show(server, made["assistantId"])) != json.dumps(twin)


def test_revisions_of_a_name_with_slashes_are_compared(server: LiveServer) -> None:
    name = f"{uuid4()}/revisions/1.0 ü"
    make_assistant(server, name, "One.")
    put(server, name, prompt="Two.")
    path = f"/v2/assistant/{quote(name, safe='')}"
    assert server.get(f"{path}/diff").json()["prompt"].splitlines()[-2:] == ["-One.", "+Two."]
    assert server.get(f"{path}/revisions/2/history").json()["words"][0]["prompt"] == "Two."
    assert refusal(server.get(path))[:2] == (404, 404)
