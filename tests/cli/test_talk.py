"""A talk on a terminal: answers as they come, commands, Ctrl-C, and the history file."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path

import pytest

from .conftest import chunk
from .fake_server import Answer, FakeServer
from .terminal import terminal
from .test_chat import CHAT, MODELS, frames, refusal, streamed

# Completes and edits lines in its own way on a terminal without abilities; the tests want plain lines.
PLAIN = {"TERM": "dumb", "NO_COLOR": "1"}


@pytest.fixture(autouse=True)
def local_model(server: FakeServer) -> None:
    server.answer("GET", MODELS, {"models": [{"fullName": "local/m"}]})
    server.answer("GET", "/v1/system/status", {"running": True})


def test_a_talk_keeps_what_was_said(server: FakeServer) -> None:
    server.answer("POST", CHAT, streamed("Hello"), streamed("Bye"))

    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("/help helps").expect("> ").type("hi\n")
        screen.expect("Hello\n").expect("> ").type("bye\n")
        screen.expect("Bye\n").expect("> ").type("\x04")
        assert screen.end() == 0

    roles = [(m["role"], m["content"]) for m in server.last(CHAT).body["messages"]]
    assert roles == [("user", "hi"), ("assistant", "Hello"), ("user", "bye")]


def test_ctrl_c_stops_the_answer_and_not_the_talk(server: FakeServer) -> None:
    never = threading.Event()
    first = frames(chunk(content="One, two"))[0]
    server.answer("POST", CHAT, Answer(stream=[first, never]), streamed("Still here"))

    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("> ").type("count\n")
        screen.expect("One, two").type("\x03")
        screen.expect("(stopped)").expect("> ").type("again\n")
        assert server.hung_up.wait(60)
        screen.expect("Still here\n").expect("> ").type("/quit\n")
        assert screen.end() == 0

    contents = [m["content"] for m in server.last(CHAT).body["messages"]]
    assert contents == ["count", "One, two", "again"]


def test_ctrl_c_at_the_prompt_begins_a_new_line(server: FakeServer) -> None:
    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("> ").type("half a line")
        screen.expect("half a line").interrupt("> ").type("/quit\n")
        assert screen.end() == 0

    assert not [asked for asked in server.asked if asked.path == CHAT]


def test_a_rag_assistant_that_found_nothing_says_so_and_the_talk_goes_on(server: FakeServer) -> None:
    nothing = {"documents": [], "result": {"success": False, "messages": []}}
    event = {"event": "saia.rag.documents", "data": nothing, "choices": []}
    server.answer("POST", CHAT, Answer(stream=frames(chunk(finish_reason="stop"), event)), streamed("Bye"))

    with terminal("chat", "-m", "saia:search:handbook", environ=PLAIN) as screen:
        screen.expect("> ").type("hi\n")
        screen.expect("handbook has no answer: no passage fits").expect("> ").type("bye\n")
        screen.expect("Bye\n").expect("> ").type("\x04")
        assert screen.end() == 0

    assert [m["content"] for m in server.last(CHAT).body["messages"]] == ["bye"]


def test_a_refusal_ends_the_turn_and_not_the_talk(server: FakeServer) -> None:
    server.answer("POST", CHAT, refusal(400, 8, "Field temperature is out of range"), streamed("Hello"))

    with terminal("chat", "-m", "openai/m", environ=PLAIN) as screen:
        screen.expect("> ").type("hi\n")
        screen.expect("error: The server answered HTTP 400").expect("> ").type("again\n")
        screen.expect("Hello\n").type("/quit\n")
        assert screen.end() == 0

    assert [m["content"] for m in server.last(CHAT).body["messages"]] == ["again"]


def test_the_commands(server: FakeServer, home: Path) -> None:
    server.answer("POST", CHAT, streamed("Hello"))

    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("> ").type("/help\n")
        screen.expect("/quit").expect("> ").type("/system Be brief.\n")
        screen.expect("> ").type("/model\n")
        screen.expect("local/m").expect("> ").type("/model openai/other\n")
        screen.expect("> ").type("hi\\\nyou\n")
        screen.expect("Hello\n").expect("> ").type("/save talk.json\n")
        screen.expect("saved to").expect("> ").type("/save talk.md\n")
        screen.expect("saved to").expect("> ").type("/clear\n")
        screen.expect("> ").type("/nonsense\n")
        screen.expect("no command /nonsense").type("/quit\n")
        assert screen.end() == 0

    body = server.last(CHAT).body
    assert (body["model"], body["messages"][0]["content"], body["messages"][1]["content"]) == (
        "openai/other", "Be brief.", "hi\nyou",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def in_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    monkeypatch.setenv("PYTHONPATH", _source())


def _source() -> str:
    import portico

    return str(Path(portico.__file__).parents[1])


def test_a_saved_talk_is_for_its_owner_only(server: FakeServer, home: Path) -> None:
    server.answer("POST", CHAT, streamed("Hello"))

    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("> ").type("hi\n")
        screen.expect("Hello\n").expect("> ").type("/save talk.json\n")
        screen.expect("saved to").type("/quit\n")
        screen.end()

    assert stat.S_IMODE((home / "talk.json").stat().st_mode) == 0o600
    assert json.loads((home / "talk.json").read_text()) == {
        "model": "local/m",
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello"}],
    }


def test_the_history_is_kept_for_the_next_talk_and_for_its_owner_only(server: FakeServer, home: Path) -> None:
    server.answer("POST", CHAT, streamed("Hello"))

    with terminal("chat", environ=PLAIN) as screen:
        screen.expect("> ").type("remember me\n")
        screen.expect("Hello\n").type("/quit\n")
        screen.end()

    file = home / ".local/state/portico/chat_history"
    assert "remember me" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_ctrl_c_in_a_single_answer_is_130(server: FakeServer) -> None:
    first = frames(chunk(content="One, two"))[0]
    server.answer("POST", CHAT, Answer(stream=[first, threading.Event()]))

    with terminal("chat", "count") as screen:
        screen.expect("One, two").type("\x03")
        screen.expect("interrupted")
        assert screen.end() == 130
    assert server.hung_up.wait(60)


def test_a_terminal_does_not_get_control_characters_of_an_answer(server: FakeServer) -> None:
    server.answer("POST", CHAT, streamed("a\x1b]0;title\x07b"))

    with terminal("chat", "hi") as screen:
        assert screen.end() == 0

    assert "\x1b" not in screen.raw
    assert "a\N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER}b" in screen.raw
