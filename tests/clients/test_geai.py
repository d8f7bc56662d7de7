"""The vendor's commands `geai` and `globai` as processes against a live server: what they print and how they exit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients.pygeai_host import Done, run_geai, said
from tests.live import CHAT, TEXT, LiveServer
from tests.upstream import Upstream, chunk, sse, stream

MODEL = "openai/gpt-4o-mini"
ASK = json.dumps([{"role": "user", "content": "Say hello."}])
Command = Callable[..., Done]
OK, WRONG, MISSING, REFUSED, UNREACHABLE = 0, 1, 2, 3, 255
"""The documented exit codes."""


@pytest.fixture
def credentials(server: LiveServer, tmp_path: Path) -> Path:
    """A copy of the file that our server wrote: the command adds empty values to its file."""
    return Path(shutil.copy(server.data_dir / "credentials", tmp_path / "credentials"))


@pytest.fixture
def geai(credentials: Path, tmp_path: Path) -> Command:
    """Runs a command with the server's credentials file and a home folder of its own."""

    def run(*arguments: str, program: str = "globai", file: Path | None = credentials, **environ: str) -> Done:
        profile = ("--credentials", str(file)) if file else ()
        return run_geai(tmp_path / "home", *profile, *arguments, program=program, **environ)

    return run


# chat --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["geai", "globai"])
def test_a_completion_is_printed(geai: Command, program: str) -> None:
    done = geai("chat", "completion", "-m", CHAT, "--msg", ASK, "--max-tokens", "4", program=program)
    answer = said(done, "Chat completion detail:")
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["currency"] == "USD"


def test_a_stream_is_printed_as_it_comes(geai: Command, upstream: Upstream) -> None:
    pieces = [chunk({"role": "assistant", "content": None}), *(chunk({"content": c}) for c in ("niño ", "日本 ", "🙂"))]
    upstream.replies(stream(sse(*pieces, chunk({}, "stop"), "[DONE]")))
    done = geai("chat", "completion", "-m", MODEL, "--msg", ASK, "--stream", "1")
    assert done.returncode == OK, done.stderr
    assert done.stdout.partition("Streaming chat completion:")[2].strip() == "niño 日本 🙂"


def test_a_local_model_streams(geai: Command) -> None:
    done = geai("chat", "completion", "-m", CHAT, "--msg", ASK, "--stream", "1", "--max-tokens", "4")
    assert done.returncode == OK, done.stderr
    assert done.stdout.partition("Streaming chat completion:")[2].strip()


def test_every_option_of_a_completion_reaches_the_provider(geai: Command, upstream: Upstream) -> None:
    tools = json.dumps([{"name": "f", "parameters": {"type": "object"}}])
    done = geai(
        "chat", "completion", "-m", MODEL, "--msg", ASK,
        "--temperature", "0.5", "--max-tokens", "9", "--thread-id", "visitor42",
        "--frequency-penalty", "0.1", "--presence-penalty", "0.2", "--top-p", "0.9", "--stop", "END",
        "--response-format", '{"type": "json_object"}', "--tools", tools, "--tool-choice", "auto",
        "--seed", "7", "--store", "1", "--metadata", '{"run": "1"}', "--user", "ana",
    )  # fmt: skip
    assert done.returncode == OK, done.stderr
    sent = upstream.asked[0].body
    assert (sent["temperature"], sent["max_completion_tokens"], sent["seed"], sent["user"]) == (0.5, 9, 7, "ana")
    assert sent["tools"] == [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("local/no-such-model", "(HTTP 404) Model 'local/no-such-model' does not exist."),
        ("saia:assistant:nobody", "(HTTP 404) Assistant Not Found"),
        ("nonsense", "(HTTP 400) Invalid 'model' name. Must follow pattern {provider}/{modelName}"),
    ],
)
def test_a_refusal_is_told_and_exits_with_3(geai: Command, model: str, told: str) -> None:
    done = geai("chat", "completion", "-m", model, "--msg", ASK)
    assert done.returncode == REFUSED
    assert done.stderr.startswith(f"ERROR [API Error]: {told}\n  → ")


def test_a_model_whose_provider_is_not_set_up_names_the_setting(geai: Command) -> None:
    done = geai("chat", "completion", "-m", "xai/grok-3", "--msg", ASK)
    assert done.returncode == REFUSED
    assert "(HTTP 400) Provider Configuration Error" in done.stderr
    assert "PORTICO_PROVIDER_XAI_API_KEY" in done.stderr


def test_an_agent_is_refused_by_an_answer_and_not_by_a_crash(geai: Command) -> None:
    """The command asks for the agent under `/v2/agents` first, which this version does not serve."""
    done = geai("chat", "agent", "-n", "nobody")
    assert done.returncode == REFUSED
    assert "(HTTP 404) Bad Endpoint" in done.stderr


# embeddings --------------------------------------------------------------------------------------------------


def test_embeddings_are_printed_as_json(geai: Command) -> None:
    done = geai("embeddings", "generate", "-m", TEXT, "-i", "a red chair", "-i", "a blue chair", "--cache", "1")
    assert done.returncode == OK, done.stderr
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    assert (answer["model"], answer["embeddings_count"]) == ("all-minilm-l6-v2", 2)
    assert [item["dimensions"] for item in answer["data"]] == [384, 384]


def test_base64_embeddings_are_printed_whole(geai: Command) -> None:
    done = geai("embeddings", "generate", "-m", TEXT, "-i", "x", "--enc-for", "base64", "-t", "60", "--preview", "0")
    answer = json.loads(done.stdout[done.stdout.index("{") :])
    assert len(answer["data"][0]["embedding"]) == 2048


# catalogue ---------------------------------------------------------------------------------------------------


def test_providers_are_listed(geai: Command) -> None:
    listed = said(geai("llm", "list-providers"), "Provider list:")
    assert {"openai", "local"} <= {provider["name"] for provider in listed["providers"]}


def test_a_provider_is_shown(geai: Command) -> None:
    assert said(geai("llm", "get-provider", "--pn", "openai"), "Provider detail:")["name"] == "openai"


def test_models_are_listed(geai: Command) -> None:
    listed = said(geai("llm", "list-models", "--pn", "local"), "Provider models:")
    assert "smollm2-135m-instruct" in {model["name"] for model in listed["models"]}


def test_a_model_is_shown_by_name_and_by_id(geai: Command) -> None:
    by_name = said(geai("llm", "get-model", "--pn", "openai", "--mn", "gpt-4o-mini"), "Model details:")
    by_id = said(geai("llm", "get-model", "--pn", "openai", "--mid", by_name["id"]), "Model details:")
    assert by_id == by_name
    assert by_name["fullName"] == "openai/gpt-4o-mini"


def test_an_unknown_model_of_the_catalogue_is_told(geai: Command) -> None:
    done = geai("llm", "get-model", "--pn", "openai", "--mn", "nothing")
    assert done.returncode == REFUSED
    assert "(HTTP 404) Not Found." in done.stderr


# tokens, status, profiles ------------------------------------------------------------------------------------


def test_a_token_is_checked(geai: Command) -> None:
    project = said(geai("admin", "validate-token"), "API Token access detail:")
    organization = said(geai("-a", "organization", "admin", "vt"), "API Token access detail:")
    assert project["scope"] == "Pia.Data.Project"
    assert organization["scope"] == "Pia.Data.Organization"


def test_a_token_is_made_shown_changed_and_deleted(geai: Command) -> None:
    project = said(geai("admin", "validate-token"), "API Token access detail:")["projectId"]
    made = said(
        geai("auth", "create-project-api-token", "--pid", project, "-n", "made by globai", "-d", "first"),
        "Project API token created:",
    )
    token = made["id"]
    shown = said(geai("auth", "get-project-api-token", "--tid", token), "Project API token details:")
    assert (shown["name"], shown["description"], shown["status"]) == ("made by globai", "first", "Active")
    changed = said(
        geai("auth", "update-project-api-token", "--tid", token, "--status", "blocked"), "Project API token updated:"
    )
    assert changed["status"] == "Blocked"
    assert geai("auth", "delete-project-api-token", "--tid", token).returncode == OK
    again = geai("auth", "delete-project-api-token", "--tid", token)
    assert again.returncode == REFUSED
    assert "(HTTP 404) Not Found." in again.stderr


def test_the_status_is_told(geai: Command) -> None:
    assert said(geai("status"), "API Status:")["running"] is True


def test_the_status_can_be_watched(geai: Command) -> None:
    done = geai("status", "--monitor", "--count", "1", "--interval", "1")
    assert done.returncode == OK, done.stderr
    assert "UP - Version: " in done.stdout


def test_the_file_that_the_command_rewrites_is_still_the_servers(geai: Command, tmp_path: Path) -> None:
    """It writes the file anew, with names in small letters; the next start must find its address lines all the same."""
    data = tmp_path / "data"
    file = data / "credentials"
    addresses = []
    for _ in range(2):
        with LiveServer(data, {"PORTICO_LOCAL_MODELS": "off"}) as live:
            addresses.append(live.url)
            assert said(geai("status", file=file), "API Status:")["running"] is True
            assert said(geai("-a", "organization", "llm", "lp", file=file), "Provider list:")["providers"]
    assert "geai_api_eval_url" in file.read_text(), "the command did rewrite it"
    assert file.stat().st_mode & 0o777 == 0o600
    assert addresses[0] != addresses[1] and addresses[0] not in file.read_text()


def test_a_wrong_token_exits_with_3(geai: Command, server: LiveServer) -> None:
    done = geai("llm", "lp", file=None, GEAI_API_KEY="geai_wrong", GEAI_API_BASE_URL=server.url)
    assert done.returncode == REFUSED
    assert done.stderr.startswith("ERROR [API Error]: (HTTP 401) Unauthorized\n  → ")


def test_the_environment_is_enough(geai: Command, server: LiveServer) -> None:
    done = geai("llm", "lp", file=None, GEAI_API_KEY=server.token(), GEAI_API_BASE_URL=server.url)
    assert said(done, "Provider list:")["providers"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("chat", "completion", "-m", CHAT), MISSING),
        (("chat", "nonsense"), WRONG),
        (("llm", "get-model", "--pn", "openai"), MISSING),
    ],
)
def test_a_wrong_use_exits_before_anything_is_asked(geai: Command, arguments: tuple[str, ...], code: int) -> None:
    assert geai(*arguments).returncode == code


def test_an_unreachable_server_exits_with_255(geai: Command) -> None:
    done = geai("llm", "lp", file=None, GEAI_API_KEY="x", GEAI_API_BASE_URL="http://127.0.0.1:1")
    assert done.returncode == UNREACHABLE
