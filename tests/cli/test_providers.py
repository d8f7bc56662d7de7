"""`portico providers` and `portico aliases`: which call each command makes, what it shows, where keys come from."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run
from .fake_server import Answer, FakeServer

ROOT = "/v3/llm/admin"
KEYS = f"{ROOT}/providers/openai/keys"
SECRET = "sk-never-in-a-command-line"
KEY = {"id": "k-1", "name": "main", "weight": 2, "lastCharacters": "aaaa", "scope": "organization", "blocked": False}
STATES = {
    "providers": [
        {"name": "openai", "friendlyName": "OpenAI", "configuredBy": "project", "missingSetting": ""},
        {"name": "ollama", "friendlyName": "Ollama", "configuredBy": "", "missingSetting": ""},
        {"name": "xai", "friendlyName": "xAI", "configuredBy": "", "missingSetting": "PORTICO_PROVIDER_XAI_API_KEY"},
    ]
}


def test_the_list_as_a_table(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ROOT}/providers", STATES)

    assert run("providers", "list", "-o", "table").out == (
        "Provider  Name    Configured by  Needs\n"
        "openai    OpenAI  project        -\n"
        "ollama    Ollama  no key needed  -\n"
        "xai       xAI     -              PORTICO_PROVIDER_XAI_API_KEY\n"
    )


def test_a_key_is_read_from_standard_input(run: Run, server: FakeServer) -> None:
    server.answer("POST", KEYS, KEY)

    line = ["--weight", "3", "--url", "https://h/v1", "--option", "region=eu", "--project", "p"]
    result = run("providers", "keys", "add", "openai", *line, stdin=f"{SECRET}\n")

    assert json.loads(result.out) == KEY
    assert SECRET not in result.out + result.err
    assert server.last(KEYS).body == {
        "key": SECRET,
        "weight": 3,
        "baseUrl": "https://h/v1",
        "options": {"region": "eu"},
        "projectId": "p",
    }


def test_no_option_takes_a_key_and_an_empty_one_is_refused(run: Run, server: FakeServer) -> None:
    assert run("providers", "keys", "add", "openai", "--key", SECRET).code == 2
    result = run("providers", "keys", "add", "openai", stdin="\n")
    assert (result.code, "no key on standard input" in result.err) == (2, True)
    assert server.asked == []


def test_keys_are_listed_changed_rotated_and_removed(run: Run, server: FakeServer) -> None:
    server.answer("GET", KEYS, {"keys": [KEY]})
    server.answer("PUT", f"{KEYS}/k-1", KEY)
    server.answer("DELETE", f"{KEYS}/k-1", {})

    assert run("providers", "keys", "list", "openai", "-o", "table").out.splitlines()[1].split() == [
        "k-1", "main", "2", "aaaa", "organization", "-", "no", "-",
    ]  # fmt: skip
    assert run("providers", "keys", "change", "openai", "k-1", "--block", "--weight", "5").code == 0
    assert server.last(f"{KEYS}/k-1").body == {"weight": 5, "blocked": True}
    assert run("providers", "keys", "change", "openai", "k-1").code == 2
    assert run("providers", "keys", "rotate", "openai", "k-1", stdin=SECRET).code == 0
    assert server.last(f"{KEYS}/k-1").body == {"key": SECRET}
    assert run("providers", "keys", "remove", "openai", "k-1", stdin="n\n").code == 130
    assert run("providers", "keys", "remove", "openai", "k-1", "--yes").code == 0
    assert server.last(f"{KEYS}/k-1").method == "DELETE"


def test_a_provider_is_added_from_options_and_a_file(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", f"{ROOT}/providers", {"name": "acme"})
    entry = tmp_path / "acme.json"
    entry.write_text('{"models": [{"name": "m", "type": "Chat"}], "name": "other"}')

    line = ["providers", "add", "acme", "https://h/v1", "--no-key", "--open-names", "--entry", str(entry)]
    assert run(*line).code == 0
    assert server.last(f"{ROOT}/providers").body == {
        "models": [{"name": "m", "type": "Chat"}],
        "name": "acme",
        "baseUrl": "https://h/v1",
        "needsKey": False,
        "openNames": True,
    }
    entry.write_text("[]")
    assert run(*line).code == 2


def test_models_are_added_with_prices_in_usd_and_removed(run: Run, server: FakeServer) -> None:
    server.answer("POST", f"{ROOT}/providers/acme/models", {"name": "m"})
    server.answer("DELETE", f"{ROOT}/providers/acme/models/org/m", {})

    options = ["--type", "chat", "--price-in", "0.15", "--price-out", "0.6", "--context-window", "9", "--tools"]
    assert run("providers", "models", "add", "acme", "m", *options).code == 0
    assert server.last(f"{ROOT}/providers/acme/models").body == {
        "name": "m",
        "type": "Chat",
        "contextWindow": 9,
        "toolCalling": True,
        "price": {"input": 150_000, "output": 600_000},
    }
    assert run("providers", "models", "remove", "acme", "org/m", "--yes").code == 0


def test_a_provider_is_removed_after_a_question(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", f"{ROOT}/providers/acme", {})

    assert run("providers", "remove", "acme", stdin="n\n").code == 130
    assert server.asked == []
    assert run("providers", "remove", "acme", stdin="y\n").code == 0


def test_test_sends_a_tiny_chat_to_the_first_model(run: Run, server: FakeServer) -> None:
    server.answer("GET", "/v3/llm/providers/openai/models", {"models": [{"fullName": "openai/gpt-4o-mini"}]})
    server.answer("POST", "/v1/chat/completions", {"choices": []})

    found = json.loads(run("providers", "test", "openai").out)

    assert (found["status"], found["model"]) == ("ok", "openai/gpt-4o-mini")
    assert found["milliseconds"] >= 0
    body = server.last("/v1/chat/completions").body
    assert (body["model"], body["max_tokens"]) == ("openai/gpt-4o-mini", 16)


def test_test_asks_a_local_model_that_is_here(run: Run, server: FakeServer) -> None:
    models = [{"fullName": "local/large"}, {"fullName": "local/small"}]
    states = [{"name": "large", "state": "absent"}, {"name": "small", "state": "ready"}]
    server.answer("GET", "/v3/llm/providers/local/models", {"models": models})
    server.answer("GET", "/v1/system/status", {"localModels": states})
    server.answer("POST", "/v1/chat/completions", {"choices": []})

    assert json.loads(run("providers", "test", "local").out)["model"] == "local/small"


def test_test_tells_why_a_provider_does_not_answer(run: Run, server: FakeServer) -> None:
    refused = {"errors": [{"id": 150, "description": "Incorrect API key provided"}]}
    server.answer("GET", "/v3/llm/providers/openai/models", {"models": []})
    server.answer("POST", "/v1/chat/completions", Answer(refused, 502))

    assert run("providers", "test", "openai").code == 2, "no model in the catalog and none named"
    result = run("providers", "test", "openai", "--model", "gpt-x")
    found = json.loads(result.out)
    assert (result.code, found["status"], found["model"]) == (1, "failed", "openai/gpt-x")
    assert found["reason"] == "Incorrect API key provided"


def test_aliases_with_weights_and_fallbacks(run: Run, server: FakeServer) -> None:
    server.answer("PUT", f"{ROOT}/aliases/team/fast", {"name": "team/fast"})

    line = ["openai/gpt-4o=3", "azure/gpt-4o", "--else", "xai/grok-4", "--else", "local/m", "--strategy", "least_busy"]
    assert run("aliases", "set", "team/fast", *line).code == 0
    assert server.last(f"{ROOT}/aliases/team/fast").body == {
        "targets": [
            {"model": "openai/gpt-4o", "weight": 3, "tier": 0},
            {"model": "azure/gpt-4o", "tier": 0},
            {"model": "xai/grok-4", "tier": 1},
            {"model": "local/m", "tier": 2},
        ],
        "strategy": "least_busy",
    }
    assert run("aliases", "set", "team/fast", "openai/gpt-4o=much").code == 2


def test_aliases_as_a_table_and_their_end(run: Run, server: FakeServer) -> None:
    targets = [
        {"model": "openai/gpt-4o", "weight": 3, "tier": 0},
        {"model": "azure/gpt-4o", "weight": 1, "tier": 0},
        {"model": "xai/grok-4", "weight": 1, "tier": 1},
    ]
    listed = {"name": "team/fast", "targets": targets, "strategy": "weighted", "scope": "organization"}
    server.answer("GET", f"{ROOT}/aliases", {"aliases": [listed]})
    server.answer("DELETE", f"{ROOT}/aliases/team/fast", {})

    assert run("aliases", "list", "-o", "table").out.splitlines()[1] == (
        "team/fast  openai/gpt-4o x3, azure/gpt-4o; else xai/grok-4  weighted  organization  -"
    )
    assert run("aliases", "remove", "team/fast", stdin="n\n").code == 130
    assert run("aliases", "remove", "team/fast", "--yes", "--project", "p").code == 0
    assert server.last(f"{ROOT}/aliases/team/fast").query == {"projectId": "p"}


def test_data_belongs_to_installation(run: Run, server: FakeServer, tmp_path: Path) -> None:
    result = run("providers", "list", "--data", str(tmp_path))
    assert (result.code, "--installation" in result.err) == (2, True)


# the database of this host ----------------------------------------------------------------------------------------


def test_the_installations_keys_providers_and_models(run: Run, home: Path) -> None:
    """Without a server and without a token. The default folder need not have had one; a folder that is named must."""
    here = ["--installation", "--data", str(home / "data")]
    made = json.loads(run("providers", "keys", "add", "openai", "--installation", stdin=SECRET).out)
    assert (made["scope"], made["lastCharacters"]) == ("installation", "line")
    listed = json.loads(run("providers", "keys", "list", "openai", *here).out)["keys"]
    assert listed == [made]
    rotated = run("providers", "keys", "rotate", "openai", made["id"], *here, stdin="sk-another-0000-bbbb")
    assert json.loads(rotated.out)["lastCharacters"] == "bbbb"
    assert run("providers", "add", "lab", "http://127.0.0.1:9/v1", "--no-key", *here).code == 0
    assert run("providers", "models", "add", "lab", "m", "--type", "Chat", *here).code == 0
    found = {one["name"]: one for one in json.loads(run("providers", "list", *here).out)["providers"]}
    assert (found["openai"]["configuredBy"], found["lab"]["scope"]) == ("installation", "installation")
    refused = run("providers", "add", "openai", "http://127.0.0.1:9/v1", *here)
    assert (refused.code, "there is a provider 'openai'" in refused.err) == (1, True)
    assert run("providers", "models", "remove", "lab", "m", "--yes", *here).code == 0
    assert run("providers", "remove", "lab", "--yes", *here).code == 0
    assert run("providers", "keys", "remove", "openai", made["id"], "--yes", *here).code == 0
    assert json.loads(run("providers", "keys", "list", "openai", *here).out) == {"keys": []}
    kept = b"".join(path.read_bytes() for path in (home / "data").glob("*") if path.is_file())
    assert SECRET.encode() not in kept
