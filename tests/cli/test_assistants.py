"""`portico assistants`: which calls defining one makes, and what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Run
from .fake_server import Answer, FakeServer
from .terminal import terminal

ROOT = "/v1/assistant"
NAME = "Weather/1.0 ü"
ONE = f"{ROOT}/{quote(NAME, safe='')}"
ID = "5b1d2f8e-0000-4000-8000-000000000003"
PAGE = {"title": "T", "description": "", "features": [], "examplesPrompt": []}


def word(number: int, prompt: str, name: str = "", **settings: str) -> dict[str, Any]:
    metadata = [{"key": key, "value": value, "type": "String"} for key, value in settings.items()]
    said = {"providerName": "openai", "modelName": "gpt-4o", "timestamp": "2026-01-01T00:00:00", "metadata": metadata}
    return {
        "revisionId": number,
        "revisionName": name or str(number),
        "revisionDescription": "",
        "prompt": prompt,
        **said,
    }


def assistant(*words: dict[str, Any], active: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "assistantId": ID,
        "assistantName": NAME,
        "assistantDescription": "d",
        "assistantStatus": 1,
        "assistantType": "chat",
        "intents": [{"assistantIntentDefaultRevision": active, "revisions": list(words)}],
        **more,
    }


@pytest.fixture
def weather(server: FakeServer) -> FakeServer:
    """An assistant with a start page and two revisions, of which the first is active."""
    both = assistant(word(1, "One.", temperature="0.10"), word(2, "Two\nlines."), welcomeData=PAGE)
    server.answer("GET", ONE, both)
    server.answer("PUT", ONE, both)
    return server


def test_creating_sends_what_was_said_and_no_more(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", ROOT, assistant(word(1, "Be kind.")))
    (tmp_path / "prompt.txt").write_text("Be kind.")
    assert run("assistants", "create", NAME, f"@{tmp_path}/prompt.txt").code == 0
    assert server.last(ROOT).body == {"type": "chat", "name": NAME, "prompt": "Be kind."}
    done = run(
        "assistants", "create", NAME, "-", "--type", "text", "--model", "vertex_ai/google/gemini", "--temperature", "0",
        "--max-tokens", "9", "--upload-files", "--no-output-guardrail", "--injection-guardrail", "--welcome",
        '{"title": "T"}', "--description", "d", stdin="From a pipe.",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert server.last(ROOT).body == {
        "type": "text",
        "name": NAME,
        "prompt": "From a pipe.",
        "description": "d",
        "welcomeData": {"title": "T"},
        "llmSettings": {
            "providerName": "vertex_ai",
            "modelName": "google/gemini",
            "temperature": 0.0,
            "maxTokens": 9,
            "uploadFiles": True,
            "llmOutputGuardrail": False,
            "promptInjectionGuardrail": True,
        },
    }


OPENS = {"type": "apiKey", "authType": "Bearer", "apiKeySecret": "KEY"}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ((), None),
        (("--auth", "none"), {"type": "none"}),
        (("--api-key-secret", "KEY"), OPENS),
        (("--api-key-secret", "KEY", "--auth", "bearer"), OPENS),
        (("--api-key-secret", "KEY", "--auth", "basic"), {**OPENS, "authType": "Basic"}),
    ],
)
def test_an_api_assistant_is_made_of_its_document(
    run: Run, server: FakeServer, tmp_path: Path, options: tuple[str, ...], sent: Any
) -> None:
    server.answer("POST", ROOT, assistant(word(1, "Be kind.")))
    (tmp_path / "weather.json").write_text('{"openapi": "3.0.0"}')
    file = f"@{tmp_path}/weather.json"
    done = run("assistants", "create", NAME, "Be kind.", "--type", "api", "--openapi", file, *options)
    assert done.code == 0, done.err
    body = server.last(ROOT).body
    assert (body["type"], body["openApi"], body.get("authentication")) == ("api", {"openapi": "3.0.0"}, sent)


@pytest.mark.parametrize("options", [("--auth", "basic"), ("--auth", "none", "--api-key-secret", "KEY")])
def test_half_an_authentication_is_wrong_use(run: Run, server: FakeServer, options: tuple[str, ...]) -> None:
    done = run("assistants", "create", NAME, "Be kind.", "--type", "api", "--openapi", "{}", *options)
    assert done.code == 2 and "--api-key-secret" in done.err
    assert server.asked == []


def test_a_new_document_brings_the_prompt_along_and_an_export_has_both(run: Run, weather: FakeServer) -> None:
    said = {**word(1, "One."), "openApi": {"openapi": "3.0.0"}, "authentication": OPENS}
    weather.answer("GET", ONE, assistant(said))
    assert run("assistants", "update", NAME, "--openapi", '{"openapi": "3.1.0"}').code == 0
    body = weather.last(ONE).body
    assert (body["prompt"], body["openApi"], body["action"]) == ("One.", {"openapi": "3.1.0"}, "saveNewRevision")
    packed = exported(run)
    assert packed["revisions"][0]["open_api"] == {"openapi": "3.0.0"}
    assert packed["revisions"][0]["authentication"] == OPENS
    weather.answer("POST", ROOT, assistant(word(1, "One.")))
    weather.answer("PUT", f"{ROOT}/{ID}", assistant(word(1, "One.")))
    assert run("assistants", "import", "-", stdin=json.dumps(packed)).code == 0
    assert weather.last(ROOT).body["authentication"] == OPENS


def test_an_alias_is_a_model_without_provider(run: Run, server: FakeServer) -> None:
    server.answer("POST", ROOT, assistant(word(1, "Be kind.")))
    run("assistants", "create", NAME, "Be kind.", "--model", "fast")
    assert server.last(ROOT).body["llmSettings"] == {"modelName": "fast"}


def test_a_prompt_makes_a_revision_and_the_start_page_is_sent_along(run: Run, weather: FakeServer) -> None:
    assert run("assistants", "update", NAME, "--prompt", "Three.").code == 0
    assert weather.last(ONE).body == {"prompt": "Three.", "action": "saveNewRevision", "welcomeData": PAGE}
    run("assistants", "update", NAME, "--prompt", "Three.", "--publish", "--welcome", "{}")
    assert weather.last(ONE).body == {"prompt": "Three.", "action": "savePublishNewRevision", "welcomeData": {}}


def test_settings_alone_take_the_prompt_of_the_active_revision(run: Run, weather: FakeServer) -> None:
    run("assistants", "update", NAME, "--temperature", "0")
    body = weather.last(ONE).body
    assert (body["prompt"], body["action"], body["llmSettings"]) == ("One.", "saveNewRevision", {"temperature": 0.0})
    run("assistants", "update", NAME, "--temperature", "0", "--revision", "2")
    body = weather.last(ONE).body
    assert (body["prompt"], body["action"], body["revisionId"]) == ("Two\nlines.", "save", 2)


def test_what_is_said_of_the_assistant_alone_makes_no_revision(run: Run, weather: FakeServer) -> None:
    run("assistants", "update", NAME, "--rename", "Clouds", "--disable", "--description", "")
    assert weather.last(ONE).body == {"name": "Clouds", "status": 2, "description": "", "welcomeData": PAGE}


def test_wrong_use_asks_nobody(run: Run, server: FakeServer) -> None:
    for arguments in (
        ("update", NAME),
        ("update", NAME, "--prompt", "x", "--publish", "--revision", "1"),
        ("update", NAME, "--temperature", "3"),
        ("create", NAME, "x", "--max-tokens", "0"),
        ("create", NAME, "x", "--welcome", "{"),
        ("publish", NAME, "0"),
        ("diff", NAME, "one"),
    ):
        assert run("assistants", *arguments).code == 2, arguments
    assert run("assistants", "show", " ").code == 1
    assert server.asked == []


def test_publishing_names_the_revision(run: Run, weather: FakeServer) -> None:
    assert run("assistants", "publish", NAME, "2").code == 0
    assert weather.last(ONE).body == {"action": "publish", "revisionId": 2}


def test_showing_one_as_a_table_and_as_json(run: Run, server: FakeServer) -> None:
    shown = assistant(word(1, "One.", temperature="0.10"))
    server.answer("GET", ONE, shown)
    assert json.loads(run("assistants", "show", NAME, "-o", "json").out) == shown
    table = dict(line.split(None, 1) for line in run("assistants", "show", NAME, "-o", "table").out.splitlines())
    assert (table["assistantName"], table["prompt"], table["temperature"]) == (NAME, "One.", "0.10")
    assert "intents" not in table and "metadata" not in table


def test_listing_assistants_and_revisions(run: Run, weather: FakeServer) -> None:
    weather.answer("GET", "/v1/organization/assistants", {"assistants": [{"assistantId": ID, "assistantName": "W"}]})
    lines = run("assistants", "list", "--project", "p", "-o", "table").out.splitlines()
    assert [line.split() for line in lines] == [["Id", "Name"], [ID, "W"]]
    assert weather.last("/v1/organization/assistants").headers["project-id"] == "p"
    lines = run("assistants", "revisions", NAME, "-o", "table").out.splitlines()
    assert lines[0].split() == ["Revision", "Name", "Active", "Model", "Made", "Prompt"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["1", "1", "yes", "openai/gpt-4o"],
        ["2", "2", "no", "openai/gpt-4o"],
    ]
    assert lines[2].endswith("Two lines.")


def test_the_history_of_a_revision(run: Run, server: FakeServer) -> None:
    path = f"/v2/assistant/{quote(NAME, safe='')}/revisions/2/history"
    server.answer("GET", path, {"words": [word(2, "Two."), word(2, "Two, better.")]})
    lines = run("assistants", "revisions", NAME, "--history", "2", "-o", "table").out.splitlines()
    assert [line.rpartition("  ")[2] for line in lines[1:]] == ["Two.", "Two, better."]


def test_the_difference_of_two_revisions(run: Run, server: FakeServer) -> None:
    path = f"/v2/assistant/{quote(NAME, safe='')}/diff"
    found = {"changes": [{"key": "topP", "before": None, "after": "0.50"}], "prompt": "-One.\n+Two."}
    server.answer("GET", path, found, found, {"changes": [], "prompt": ""})
    assert run("assistants", "diff", NAME, "1", "2", "-o", "table").out.splitlines() == [
        "topP: (nothing) -> 0.50",
        "-One.",
        "+Two.",
    ]
    assert server.last(path).query == {"from": "1", "to": "2"}
    assert json.loads(run("assistants", "diff", NAME).out) == found
    assert server.last(path).query == {}
    same = run("assistants", "diff", NAME, "-o", "table")
    assert (same.out, "the same" in same.err) == ("", True)


def test_the_difference_on_a_terminal_obeys_no_color_and_no_control_sequence(server: FakeServer) -> None:
    path = f"/v2/assistant/{quote(NAME, safe='')}/diff"
    found = {"changes": [{"key": "model", "before": "a\x1b[2J", "after": "b"}], "prompt": "-One.\n+\x1b]0;Two.\x07"}
    server.answer("GET", path, found, found)

    with terminal("assistants", "diff", NAME) as plain, terminal("assistants", "diff", NAME, "--no-color") as bare:
        assert (plain.end(), bare.end()) == (0, 0)

    assert "\x1b[32m+\ufffd]0;Two.\ufffd" in plain.raw
    assert "\x1b" not in bare.raw


def test_deleting_asks_first(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", ONE, {})
    assert run("assistants", "delete", NAME, stdin="n\n").code == 130
    assert server.asked == []
    assert "deleted" in run("assistants", "delete", NAME, "--yes").err


# --- carried elsewhere


def exported(run: Run) -> Any:
    done = run("assistants", "export", NAME)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_what_was_exported_is_made_again(run: Run, weather: FakeServer) -> None:
    same = word(2, "Two.", name="1", uploadFiles="true")
    alias = {**word(3, "Three."), "providerName": "", "modelName": "fast"}
    weather.answer("GET", ONE, assistant(word(1, "One."), same, alias, active=2, welcomeData=PAGE))
    packed = exported(run)
    assert ID not in json.dumps(packed)
    new = f"{ROOT}/{ID}"
    weather.answer("POST", ROOT, assistant(word(1, "One.")))
    weather.answer("PUT", new, assistant(word(2, "Two."), active=2))
    assert run("assistants", "import", "-", "--name", "Copy", stdin=json.dumps(packed)).code == 0
    made, second, third, published = [asked.body for asked in weather.asked[1:]]
    assert (made["name"], made["type"], made["prompt"], made["welcomeData"]) == ("Copy", "chat", "One.", PAGE)
    assert (second["action"], second["prompt"], second["revisionName"]) == ("saveNewRevision", "Two.", "1")
    assert second["llmSettings"]["uploadFiles"] == "true"
    assert third["llmSettings"] == {"modelName": "fast"}
    assert published == {"action": "publish", "revisionId": 2}, "counted, not by its name, which is there twice"


def test_an_import_that_is_refused_half_way_leaves_nothing(run: Run, weather: FakeServer) -> None:
    packed = exported(run)
    weather.answer("POST", ROOT, assistant(word(1, "One.")))
    weather.answer("PUT", f"{ROOT}/{ID}", Answer({"errors": [{"id": 2016, "description": "AIModel"}]}, 400))
    weather.answer("DELETE", f"{ROOT}/{ID}", {})
    done = run("assistants", "import", "-", stdin=json.dumps(packed))
    assert done.code == 1 and "AIModel" in done.err
    assert (weather.asked[-1].method, weather.asked[-1].path) == ("DELETE", f"{ROOT}/{ID}")


@pytest.mark.parametrize(
    "members",
    [
        {"format": "other"},
        {"name": None},
        {"type": 1},
        {"active": 3},
        {"active": "2"},
        {"revisions": []},
        {"revisions": [1]},
        {"revisions": None},
        {"revisions": [{"prompt": "x", "status": 2}], "active": 1},
    ],
)
def test_a_file_that_is_not_whole_is_wrong_use(run: Run, weather: FakeServer, members: dict[str, Any]) -> None:
    packed = {**exported(run), **members}
    done = run("assistants", "import", "-", stdin=json.dumps(packed))
    assert done.code == 2 and "exported assistant" in done.err
    assert len(weather.asked) == 1


@pytest.mark.parametrize("text", ["[]", '"x"', "7"])
def test_a_file_that_is_none_is_wrong_use(run: Run, server: FakeServer, text: str) -> None:
    assert run("assistants", "import", "-", stdin=text).code == 2
    assert server.asked == []
