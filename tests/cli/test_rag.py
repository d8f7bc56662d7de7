"""`portico rag`: which calls its commands make, what is shown, and how they end."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cli.test_completion import Complete

from .conftest import Run, chunk
from .fake_server import Answer, Asked, FakeServer
from .terminal import terminal

NAME = "Hand/book ü"
ONE = f"/v1/search/profile/{quote(NAME, safe='')}"
PAGE = {"title": "T", "description": "", "features": [], "examplesPrompt": []}
PROFILE = {
    "name": NAME, "description": "Leave", "status": 1, "welcomeData": PAGE,
    "searchOptions": {"historyCount": 0, "llm": {"provider": "openai", "modelName": "gpt-4o-mini"},
                      "search": {"k": 5, "prompt": "Say\n{context} {question}"}},
    "indexOptions": {"chunks": {"chunkSize": 1000, "chunkOverlap": 100}},
}  # fmt: skip
SOURCE = {
    "pageContent": "Each employee has\n20 days.", "score": 0.914,
    "metadata": {"id": "d-1", "name": "leave", "extension": "pdf", "loc": {"pageNumber": 3}},
}  # fmt: skip
TOLD = {"requestId": "r", "documents": [SOURCE, SOURCE], "result": {"success": True, "messages": []}}
COMPLETED = {
    "id": "c", "model": "m", "threadId": "t", "text": "Twenty days.", **TOLD,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Twenty days."}}],
}  # fmt: skip


def document(number: int, status: str = "Success", detail: str = "") -> dict[str, Any]:
    return {
        "id": f"d-{number}", "name": f"leave{number}", "extension": "pdf", "url": "", "indexStatus": status,
        "timestamp": "2026-05-13T11:11:44", "indexDetail": detail,
    }  # fmt: skip


def listing(*found: dict[str, Any]) -> dict[str, Any]:
    states = Counter(one["indexStatus"] for one in found)
    return {"documents": list(found), "count": len(found), "states": states}


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portico.sdk.rag_progress.FIRST_PAUSE_S", 0.001)


@pytest.fixture
def handbook(server: FakeServer) -> FakeServer:
    server.answer("GET", ONE, PROFILE)
    server.answer("PUT", ONE, PROFILE)
    server.answer("POST", "/v1/search/profile", PROFILE)
    return server


# --- profiles


def test_creating_sends_what_was_said_and_no_more(run: Run, handbook: FakeServer, tmp_path: Path) -> None:
    assert run("rag", "create", NAME).code == 0
    assert handbook.last("/v1/search/profile").body == {"name": NAME}
    (tmp_path / "prompt.txt").write_text("{context} {question}")
    done = run(
        "rag", "create", NAME, "--description", "d", "--template", "Default", "--model", "vertex_ai/google/gemini",
        "--temperature", "0", "--max-tokens", "9", "--prompt", f"@{tmp_path}/prompt.txt", "--history", "4", "-k", "6",
        "--search-type", "mmr", "--set", "searchOptions.search.lambda=0.3", "--score-threshold", "0.2", "--retriever",
        "multiQuery", "--step", "all", "--no-sources", "--cache", "--guardrail", "injection", "--guardrail", "input",
        "--embedding-model", "local/all-minilm-l6-v2", "--dimensions", "384", "--chunk-size", "900",
        "--chunk-overlap", "90", "--welcome", '{"title": "T"}', "--set", "indexOptions.useParentDocument=true",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert handbook.last("/v1/search/profile").body == {
        "name": NAME,
        "description": "d",
        "template": "Default",
        "welcomeData": {"title": "T"},
        "searchOptions": {
            "historyCount": 4,
            "llm": {
                "provider": "vertex_ai",
                "modelName": "google/gemini",
                "temperature": 0.0,
                "maxTokens": 9,
                "cache": True,
                "guardrails": ["prompt-injection-guardrail", "input-moderation-guardrail"],
            },
            "embeddings": {"provider": "local", "modelName": "all-minilm-l6-v2", "dimensions": 384},
            "search": {
                "k": 6,
                "type": "mmr",
                "scoreThreshold": 0.2,
                "returnSourceDocuments": False,
                "prompt": "{context} {question}",
                "lambda": 0.3,
            },
            "retriever": {"type": "multiQuery", "step": "all"},
        },
        "indexOptions": {"chunks": {"chunkSize": 900, "chunkOverlap": 90}, "useParentDocument": True},
    }


def test_options_go_before_the_file(run: Run, handbook: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "h.json").write_text(
        json.dumps({"description": "d", "searchOptions": {"search": {"k": 2, "type": "mmr"}}})
    )
    (tmp_path / "h.yaml").write_text("status: 2\nsearchOptions:\n  search:\n    k: 2\n    type: mmr\ndescription: d\n")
    for file in ("h.json", "h.yaml"):
        done = run("rag", "create", "x", "--file", str(tmp_path / file), "-k", "3")
        assert done.code == 0, done.err
        sent = {"name": "x", "description": "d", "searchOptions": {"search": {"k": 3, "type": "mmr"}}}
        assert handbook.last("/v1/search/profile").body == sent


def test_a_change_keeps_the_start_page(run: Run, handbook: FakeServer) -> None:
    assert run("rag", "update", NAME, "-k", "3", "--disable").code == 0
    assert handbook.last(ONE).body == {"status": 2, "searchOptions": {"search": {"k": 3}}, "welcomeData": PAGE}
    run("rag", "update", NAME, "--welcome", "{}", "--guardrail", "none")
    assert handbook.last(ONE).body == {"welcomeData": {}, "searchOptions": {"llm": {"guardrails": []}}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("update", "x"), "say what to change"),
        (("create", "x", "--set", "k=3"), "--set k=3"),
        (("create", "x", "--set", "searchOptions..k=3"), "--set"),
        (("create", "x", "--set", "description.k=3", "--description", "d"), "no object"),
        (("create", "x", "--temperature", "3"), "--temperature"),
        (("create", "x", "--welcome", "{"), "not valid JSON"),
        (("create", "x", "--file", "-"), "a definition is an object"),
        (("create", "x", "--file", "nothing.json"), "cannot read"),
        (("import", "-"), "a definition is an object"),
        (("documents", "reindex", "x"), "say --all"),
        (("documents", "delete", "x", "d-1", "--all"), "say --all"),
        (("documents", "reindex", "x", "--all", "--metadata", "a=1"), "--metadata"),
        (("documents", "upload", "x", "nothing"), "there is no file"),
        (("documents", "upload", "x", "*.nothing"), "there is no file"),
        (("documents", "upload", "x", "-"), "--as"),
        (("documents", "upload", "x", "a", "a", "--as", "b"), "one file"),
        (("documents", "upload", "x", "a", "--metadata", "year"), "key=value"),
        (("documents", "upload", "x", "a", "--metadata", "{"), "not valid JSON"),
        (("documents", "upload", "x", "a", "--param", "year"), "key=value"),
        (("ask", "x"), "empty"),
        (("ask", "x", "--filter", "year", "is", "1", "q"), "no such operator"),
        (("search", "x", "--filter", "year", "in", "[1", "q"), "no JSON array"),
    ],
)
def test_wrong_use_asks_nobody(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(home)
    (home / "a").write_text("a")
    done = run("rag", *arguments, stdin="" if "ask" in arguments else "[]")
    assert done.code == 2 and said in done.err, done.err
    assert server.asked == []


def test_an_upload_to_nobody_is_three(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "a.txt").write_text("a")
    (home / "b.txt").write_text("b")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GEAI_API_BASE_URL", f"http://127.0.0.1:{holder.getsockname()[1]}")
        done = run("rag", "documents", "upload", NAME, str(home / "a.txt"), str(home / "b.txt"))

    assert (done.code, done.out) == (3, "")
    assert "cannot be reached" in done.err and done.err.count("\n") == 1


def test_a_definition_with_a_member_that_is_none_says_so(run: Run, server: FakeServer) -> None:
    done = run("rag", "import", "-", stdin='{"name": "x", "searchOption": {}}')
    assert done.code == 2 and "'searchOption'" in done.err
    assert run("rag", "import", "-", stdin='{"format": "portico-assistant/1"}').code == 2
    assert run("rag", "import", "-", stdin="a: [").code == 2
    assert server.asked == []


def test_showing_one_names_its_settings_by_their_places(run: Run, handbook: FakeServer) -> None:
    assert json.loads(run("rag", "show", NAME).out) == PROFILE
    table = dict(line.split(None, 1) for line in run("rag", "show", NAME, "-o", "table").out.splitlines())
    assert table["searchOptions.search.k"] == "5"
    assert table["searchOptions.search.prompt"] == "Say {context} {question}"


def test_listing_and_deleting(run: Run, handbook: FakeServer) -> None:
    handbook.answer("GET", "/v1/search/profiles", {"searchProfiles": [{"name": "Default", "description": "d"}]})
    handbook.answer("DELETE", ONE, {})
    assert run("rag", "list", "--disabled", "-o", "table").out.split() == ["Name", "Description", "Default", "d"]
    assert handbook.last("/v1/search/profiles").headers["include-all"] == "true"
    assert run("rag", "delete", NAME, stdin="n\n").code == 130
    assert "deleted" in run("rag", "delete", NAME, "--yes").err


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_what_was_exported_is_made_again(run: Run, handbook: FakeServer, form: str) -> None:
    packed = run("rag", "export", NAME, "-o", form)
    assert packed.code == 0, packed.err
    done = run("rag", "import", "-", "--name", "copy", stdin=packed.out)
    assert done.code == 0, done.err
    expected = {name: value for name, value in PROFILE.items() if name != "status"}
    assert handbook.last("/v1/search/profile").body == {**expected, "name": "copy"}


# --- documents


def parts(asked: Asked) -> dict[str, str]:
    """The parts of a form by name; of a file its name and content."""
    found: dict[str, str] = {}
    for piece in re.split(rb"--[0-9a-f]{48}(?:--)?\r\n", asked.body):
        head, gap, content = piece.partition(b"\r\n\r\n")
        if gap and (name := re.search(rb'name="([^"]*)"(?:; filename="([^"]*)")?', head)):
            file = (name[2] + b":") if name[2] else b""
            found[name[1].decode()] = (file + content.removesuffix(b"\r\n")).decode()
    return found


UP = f"{ONE}/document"


def uploads(server: FakeServer) -> list[dict[str, str]]:
    return sorted((parts(one) for one in server.asked if one.path == UP), key=lambda found: found["file"])


def test_files_folders_and_patterns_go_up(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    server.answer("POST", UP, document(1, "Unknown"))
    (home / "in" / "below").mkdir(parents=True)
    for name in ("one.md", "in/a.txt", "in/below/b.txt", "in/.hidden"):
        (home / name).write_text(name)
    (home / "common.json").write_text('{"team": "hr", "year": 2025}')
    said = ("@common.json", "year=2026", "code=0x1", "quarters=[1, 2]")
    options = [word for one in said for word in ("--metadata", one)]
    (home / "password.txt").write_text("s3cret\n")
    options += ["--param", "strategy=hi_res", "--param", "password=@password.txt"]
    done = run("rag", "documents", "upload", NAME, "in", "*.md", *options)
    assert done.code == 0, done.err
    sent = uploads(server)
    assert [json.loads(found.pop("metadata")) for found in sent] == [
        {"team": "hr", "year": 2026, "code": "0x1", "quarters": [1, 2]}
    ] * 3
    assert sent == [
        {"file": "a.txt:in/a.txt", "strategy": "hi_res", "password": "s3cret"},
        {"file": "b.txt:in/below/b.txt", "strategy": "hi_res", "password": "s3cret"},
        {"file": "one.md:one.md", "strategy": "hi_res", "password": "s3cret"},
    ]
    assert [row["file"] for row in json.loads(done.out)] == ["in/a.txt", "in/below/b.txt", "one.md"]


def test_standard_input_goes_up_under_a_name(run: Run, server: FakeServer) -> None:
    server.answer("POST", UP, document(1, "Unknown"))
    assert run("rag", "documents", "upload", NAME, "-", "--as", "faq.html", stdin="words").code == 0
    assert uploads(server) == [{"file": "faq.html:words"}]


def test_an_upload_that_waits_shows_the_states_and_ends_with_1_when_one_failed(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    for name in ("a.pdf", "b.pdf"):
        (home / name).write_text(name)
    server.answer("POST", UP, document(1, "Unknown"), document(2, "Unknown"))
    server.answer("GET", f"{UP}/d-1", document(1, "Starting"), document(1))
    server.answer("GET", f"{UP}/d-2", document(2, "Pending"), document(2, "Failed", "Invalid content"))
    done = run("rag", "documents", "upload", NAME, "a.pdf", "b.pdf", "--wait", "--concurrency", "1")
    assert done.code == 1
    assert [row["indexStatus"] for row in json.loads(done.out)] == ["Success", "Failed"]
    assert done.err.splitlines()[:2] == [
        "2 documents: 1 being read, 1 being indexed",
        "2 documents: 1 searchable, 1 failed",
    ]
    assert "error: 1 of 2 files are not searchable: b.pdf: Invalid content." in done.err


def test_a_refused_file_is_told_and_the_others_go_up(
    run: Run, server: FakeServer, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home)
    for name in ("a.exe", "b.pdf"):
        (home / name).write_text(name)
    refused = Answer({"errors": [{"id": 2027, "description": "Document Extension Invalid"}]}, 400)
    server.answer("POST", UP, refused, document(2, "Unknown"))
    done = run("rag", "documents", "upload", NAME, "a.exe", "b.pdf", "--concurrency", "1", "-o", "table")
    assert done.code == 1
    assert [line.split()[1:3] for line in done.out.splitlines()[1:]] == [["a.exe", "Refused"], ["b.pdf", "Unknown"]]
    assert "Document Extension Invalid" in done.err


def test_a_wait_that_takes_too_long_says_that_the_server_goes_on(run: Run, server: FakeServer) -> None:
    server.answer("POST", UP, document(1, "Unknown"))
    server.answer("GET", f"{UP}/d-1", document(1, "Pending"))
    done = run("rag", "documents", "upload", NAME, "-", "--as", "x.txt", "--wait", "--patience", "1", stdin="x")
    assert done.code == 1 and "1 of 1 documents are not indexed" in done.err and "goes on" in done.err


def test_listing_documents_by_state(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ONE}/documents", listing(document(1), document(2, "Failed", "Invalid content")))
    rows = run("rag", "documents", "list", NAME, "--state", "failed", "-o", "table").out.splitlines()
    assert [row.split() for row in rows[1:]] == [
        ["d-2", "leave2.pdf", "Failed", "2026-05-13T11:11:44", "Invalid", "content"]
    ]
    assert len(json.loads(run("rag", "documents", "list", NAME).out)) == 2
    assert len(json.loads(run("rag", "documents", "list", NAME, "--limit", "1").out)) == 1


def test_showing_a_document_with_its_metadata(run: Run, server: FakeServer) -> None:
    shown = {**document(1), "metadata": [{"key": "year", "value": "2024"}]}
    server.answer("GET", f"{UP}/d-1", shown)
    assert json.loads(run("rag", "documents", "show", NAME, "d-1").out) == shown
    assert "metadata.year  2024" in run("rag", "documents", "show", NAME, "d-1", "-o", "table").out


def test_the_board_counts_and_says_why(run: Run, server: FakeServer) -> None:
    server.answer("GET", f"{ONE}/documents", listing(document(1), document(2, "Failed", "Invalid content")))
    states = {"Unknown": 0, "Starting": 0, "Pending": 0, "Success": 1, "Failed": 1}
    failed = [{"id": "d-2", "name": "leave2.pdf", "indexDetail": "Invalid content"}]
    told = json.loads(run("rag", "documents", "status", NAME).out)
    assert told == {"documents": 2, "states": states, "failed": failed}
    table = run("rag", "documents", "status", NAME, "-o", "table").out
    assert re.search(r"^failed: leave2\.pdf +Invalid content$", table, re.M)


def test_the_board_is_watched_until_nothing_is_open(run: Run, server: FakeServer) -> None:
    server.answer(
        "GET", f"{ONE}/documents", *(listing(document(1, state)) for state in ("Unknown", "Pending", "Success"))
    )
    done = run("rag", "documents", "status", NAME, "--watch")
    assert (done.code, json.loads(done.out)["states"]["Success"]) == (0, 1)
    assert done.err.splitlines() == [f"1 document: 1 {word}" for word in ("queued", "being indexed", "searchable")]


def test_indexing_again(run: Run, server: FakeServer, tmp_path: Path) -> None:
    server.answer("PUT", UP, document(1, "Unknown"))
    server.answer("PUT", f"{ONE}/documents", {})
    server.answer("GET", f"{ONE}/documents", listing(document(1)))
    (tmp_path / "new.pdf").write_text("new")
    file = ("--file", str(tmp_path / "new.pdf"), "--metadata", "{}")
    done = run("rag", "documents", "reindex", NAME, "d-1", *file)
    assert done.code == 0 and "queued again" in done.err, done.err
    asked = server.last(UP)
    assert (asked.headers["documentid"], parts(asked)) == ("d-1", {"file": "new.pdf:new", "metadata": "{}"})
    done = run("rag", "documents", "reindex", NAME, "--all", "--wait")
    assert (done.code, json.loads(done.out)["states"]["Success"]) == (0, 1)
    assert [one.method for one in server.asked[1:]] == ["PUT", "GET"]
    server.answer("GET", f"{ONE}/documents", listing(document(1, "Failed", "Invalid content")))
    done = run("rag", "documents", "reindex", NAME, "--all", "--wait")
    assert done.code == 1 and "1 failed: leave1.pdf: Invalid content" in done.err


def test_deleting_asks_first(run: Run, server: FakeServer) -> None:
    server.answer("DELETE", f"{ONE}/documents", {})
    server.answer("DELETE", f"{UP}/d-1", {})
    assert run("rag", "documents", "delete", NAME, "d-1", stdin="n\n").code == 130
    assert server.asked == []
    assert run("rag", "documents", "delete", NAME, "d-1", "--yes").code == 0
    assert run("rag", "documents", "delete", NAME, "--all", "--yes").code == 0
    assert [one.path for one in server.asked] == [f"{UP}/d-1", f"{ONE}/documents"]


def test_a_terminal_shows_the_board_and_the_failures(server: FakeServer) -> None:
    states = [listing(document(1, "Pending")), listing(document(1), document(2, "Failed", "Invalid content"))]
    server.answer("GET", f"{ONE}/documents", *states)
    with terminal("rag", "documents", "status", NAME, "--watch") as shown:
        shown.expect("being indexed").expect("leave2.pdf").expect("Invalid content")
        assert shown.end() == 0


def test_a_terminal_shows_an_upload_and_then_the_board(server: FakeServer, tmp_path: Path) -> None:
    server.answer("POST", UP, document(1, "Unknown"))
    server.answer("GET", f"{UP}/d-1", document(1, "Pending"), document(1))
    (tmp_path / "leave1.pdf").write_bytes(bytes(2_000_000))
    with terminal("rag", "documents", "upload", NAME, str(tmp_path / "leave1.pdf"), "--wait") as shown:
        shown.expect("1 file(s)").expect("being indexed").expect("1 of 1").expect("Success")
        assert shown.end() == 0


# --- questions

CHAT = "/v1/chat/completions"


def test_an_answer_and_its_sources(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, COMPLETED)
    done = run("rag", "ask", NAME, "How", "many?", "--thread", "t", "--variable", "tone=brief", "--filter",
               "year", ">=", "2024", "--filter", "quarter", "in", "q1, q2", "--filter", "n", "$nin", "[1]")  # fmt: skip
    assert (done.code, done.out) == (0, "Twenty days.\n")
    assert done.err.splitlines() == ["Sources:", "[1] leave.pdf, page 3 (0.91, 0.91)"]
    body = server.last(CHAT).body
    assert (body["model"], body["threadId"], body["messages"][0]["content"]) == (
        f"saia:search:{NAME}",
        "t",
        "How many?",
    )
    assert body["variables"] == [{"key": "tone", "value": "brief"}]
    assert body["filters"] == [
        {"key": "year", "operator": "$gte", "value": "2024"},
        {"key": "quarter", "operator": "$in", "value": ["q1", "q2"]},
        {"key": "n", "operator": "$nin", "value": [1]},
    ]
    assert json.loads(run("rag", "ask", NAME, "How?", "-o", "json").out) == COMPLETED
    assert run("rag", "ask", NAME, "How?", "--no-sources").err == ""


LOST = "The passages were found by their words alone: the embedding model is away."


def test_an_answer_says_what_its_search_did_without(run: Run, server: FakeServer) -> None:
    result = {"success": True, "messages": [LOST]}
    told = {**EVENT["data"], "result": result}
    frames = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in (*PIECES[:-1], {**EVENT, "data": told})]
    for words in (("rag", "ask", NAME), ("chat", "-m", f"saia:search:{NAME}")):
        server.answer("POST", CHAT, {**COMPLETED, "result": result}, Answer(stream=[*frames, b"data: [DONE]\n\n"]))
        for stream in ("--no-stream", "--stream"):
            done = run(*words, stream, "How many?")
            assert (done.out, done.err.splitlines()[0]) == ("Twenty days.\n", f"note: {LOST}")
    found = {"id": "c", "text": "", **TOLD, "result": result, "documents": [SOURCE]}
    server.answer("POST", "/v1/search/execute", found, found)
    assert run("rag", "search", NAME, "leave", "-o", "table").err == f"note: {LOST}\n"
    assert run("rag", "search", NAME, "leave", "-o", "json").err == ""


USAGE = {"prompt_tokens": 885, "completion_tokens": 73}
EVENT = {"choices": [], "event": "saia.rag.documents", "data": {**TOLD, "text": "", "usage": USAGE}}
PIECES = [chunk(content="Twenty "), chunk(content="days."), chunk(finish_reason="stop"), EVENT]
FRAMES = [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in PIECES]


@pytest.mark.parametrize("words", [("rag", "ask", NAME), ("chat", "-m", f"saia:search:{NAME}")], ids=["ask", "chat"])
def test_a_streamed_answer_has_its_sources(run: Run, server: FakeServer, words: tuple[str, ...]) -> None:
    server.answer("POST", CHAT, Answer(stream=[*FRAMES, b"data: [DONE]\n\n"]))
    done = run(*words, "--stream", "How many?")
    assert (done.code, done.out) == (0, "Twenty days.\n"), done.err
    assert done.err.splitlines() == ["Sources:", "[1] leave.pdf, page 3 (0.91, 0.91)"]


def test_a_plain_chat_tells_the_sources_too(run: Run, server: FakeServer) -> None:
    server.answer("POST", CHAT, COMPLETED)
    done = run("chat", "-m", f"saia:search:{NAME}", "How many?")
    assert (done.out, done.err.splitlines()[0]) == ("Twenty days.\n", "Sources:")
    server.answer("POST", CHAT, Answer(stream=[*FRAMES, b"data: [DONE]\n\n"]))
    done = run("chat", "-m", f"saia:search:{NAME}", "--stream", "--usage", "How many?")
    assert "885 + 73 tokens" in done.err


def test_an_update_says_what_it_cannot_change(run: Run, server: FakeServer) -> None:
    server.answer("GET", ONE, {"name": NAME})
    server.answer("PUT", ONE, {"name": NAME})
    chunks = ("--set", "indexOptions.chunks.chunkSize=300")
    assert run("rag", "update", NAME, "-k", "2", *chunks).err.startswith("note: how its documents are cut (indexOp")
    assert server.last(ONE).body == {"searchOptions": {"search": {"k": 2}}}
    alone = run("rag", "update", NAME, *chunks)
    assert alone.code == 2 and "cannot be changed" in alone.err


@pytest.mark.parametrize("command", ["ask", "search"])
def test_nothing_found_and_nobody_end_with_1(run: Run, server: FakeServer, command: str) -> None:
    path = CHAT if command == "ask" else "/v1/search/execute"
    nothing = {"id": "c", "text": "", "result": {"success": False, "messages": ["Score threshold not met"]}}
    nobody = {"error": {"code": 1101, "message": "Search Index Profile Name not found"}, "success": False}
    server.answer("POST", path, nothing, nobody)
    done = run("rag", command, NAME, "How many?")
    assert (done.code, done.out) == (1, "") and "Score threshold not met" in done.err and "filter" not in done.err
    done = run("rag", command, NAME, "How many?")
    assert (done.code, done.out) == (1, "") and "Search Index Profile Name not found" in done.err
    assert "portico rag list" in done.err
    server.answer("POST", path, nothing)
    assert "fit --filter" in run("rag", command, NAME, "How many?", "--filter", "year", "gte", "2027").err


def test_passages_alone(run: Run, server: FakeServer) -> None:
    server.answer("POST", "/v1/search/execute", {"id": "c", "text": "", **TOLD, "documents": [SOURCE]})
    assert json.loads(run("rag", "search", NAME, "leave", "--filter", "extension", "eq", "pdf").out) == [SOURCE]
    asked = server.last("/v1/search/execute").body
    assert (asked["profile"], asked["question"], asked["filters"][0]["operator"]) == (NAME, "leave", "$eq")
    lines = run("rag", "search", NAME, "leave", "-o", "table").out.splitlines()
    assert re.split(r"  +", lines[1]) == ["0.91", "leave.pdf, page 3", "Each employee has 20 days."]


# --- completion


@pytest.fixture
def complete(run: Run, monkeypatch: pytest.MonkeyPatch) -> Complete:
    return Complete(run, monkeypatch)


def test_names_come_from_the_server(complete: Complete, server: FakeServer) -> None:
    server.answer("GET", "/v1/search/profiles", {"searchProfiles": [{"name": "Default"}, {"name": "handbook"}]})
    assert complete("portico", "rag", "ask", "h") == ["handbook"]
    assert complete("portico", "rag", "documents", "upload", "D") == ["Default"]
    assert complete("portico", "chat", "--model", "saia:search:h") == ["saia:search:handbook"]
