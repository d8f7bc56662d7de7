"""The package as a whole: light to import, the same sync and async, typed, safe to leave open."""

from __future__ import annotations

import inspect
import json
import os
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import portico
from portico.sdk import (
    byte_stream,
    chat_stream,
    clients,
    managers,
    rag_questions,
    rag_stream,
    response_stream,
    streams,
    transport,
)
from portico.sdk import client as client_module
from portico.sdk.parts import parts_of
from tests.sdk.odd_server import DONE, FOREVER, OddServer, finish_chunk, frame, reply_json, reply_stream, text_chunk


def sections(package: Any) -> list[Any]:
    """The modules of the low or of the high level."""
    return [import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]


MODULES = [
    *sections(clients),
    *sections(managers),
    clients,
    client_module,
    chat_stream,
    rag_questions,
    rag_stream,
    response_stream,
    streams,
    transport,
    byte_stream,
]


def async_classes(module: Any) -> list[type]:
    """Those that are at home in the module."""
    own = [member for name, member in vars(module).items() if name.startswith("Async") and inspect.isclass(member)]
    return [member for member in own if member.__module__ == module.__name__]


PAIRS = [
    (getattr(module, awaited.__name__.removeprefix("Async")), awaited)
    for module in MODULES
    for awaited in async_classes(module)
]


def python(code: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **more},
        timeout=60,
    )


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in inspect.getmembers(kind) if not name.startswith("_")}


@pytest.mark.parametrize(("sync", "awaited"), PAIRS, ids=lambda kind: kind.__name__)
def test_sync_and_async_have_the_same_names_and_parameters(sync: type, awaited: type) -> None:
    ours, theirs = public(sync), public(awaited)
    assert set(ours) - {"waiter"} == set(theirs)
    for name, member in ours.items():
        if inspect.isfunction(member):
            assert _parameters(member) == _parameters(theirs[name]), name
            assert (member.__doc__ or "").strip() or sync.__name__.endswith("Stream") or name == "read"


def _parameters(member: Any) -> list[tuple[str, Any, Any, Any]]:
    return [(p.name, p.kind, p.default, p.annotation) for p in inspect.signature(member).parameters.values()]


def test_every_section_has_both_kinds() -> None:
    assert len(PAIRS) > 40
    assert list(parts_of(clients.LowLevel)) == list(parts_of(clients.AsyncLowLevel))
    assert list(parts_of(client_module.Portico)) == list(parts_of(client_module.AsyncPortico))


def test_public_names_are_there_and_no_others() -> None:
    assert sorted(portico.__all__) == dir(portico)
    for name in portico.__all__:
        assert getattr(portico, name) is not None
    with pytest.raises(AttributeError):
        _ = portico.Nonsense
    assert set(portico._HOME_OF) | {"__version__"} == set(portico.__all__)


def test_the_lowest_level_is_not_loaded_by_import() -> None:
    code = "import sys, json, portico; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(python(code).stdout))
    assert not [name for name in loaded if name.startswith(("portico.", "pyreqwest", "msgspec", "asyncio", "click"))]


def test_making_a_client_opens_nothing() -> None:
    code = (
        "import sys, threading, portico; portico.Portico('k', 'http://h'); "
        "print([m for m in sys.modules if m.startswith(('pyreqwest', 'asyncio', 'portico.server', 'portico.cli'))], "
        "threading.active_count())"
    )
    assert python(code).stdout.strip() == "[] 1"


TYPED = """
from __future__ import annotations

from typing import assert_type

from portico import (
    AsyncPortico, ChatCompletion, ChatEvent, EmbeddingList, Finish, Model, Portico, PorticoError, Provider, RateLimited,
    TextDelta, Token, ToolCallReady, Usage,
)


def ask(client: Portico) -> str:
    answer = client.chat.complete("local/x", "Hello", temperature=0.2, variables={"language": "French"})
    assert_type(answer, ChatCompletion)
    assert_type(answer.usage, Usage | None)
    with client.chat.stream("local/x", [{"role": "user", "content": "Hello"}], max_tokens=5) as stream:
        for event in stream:
            assert_type(event, ChatEvent)
            match event:
                case TextDelta(text=text):
                    print(text)
                case ToolCallReady(tool_call=call):
                    print(call.function.name)
                case Finish(reason=reason):
                    print(reason)
                case _:
                    pass
        assert_type(stream.get_final_completion(), ChatCompletion)
    return answer.text


def look(client: Portico) -> list[str]:
    assert_type(client.llm.provider("openai"), Provider)
    models: list[Model] = list(client.llm.models("openai", type="Chat", streaming=True, language="Spanish"))
    assert_type(client.embeddings.create("local/e", ["a"]), EmbeddingList)
    assert_type(client.tokens.create("ci"), Token)
    return [model.full_name for model in models]


async def ask_async() -> str:
    async with AsyncPortico("key", "http://h", timeout_s=5) as client:
        try:
            answer = await client.chat.complete("local/x", "Hello")
        except RateLimited as error:
            assert_type(error.retry_after_s, float | None)
            raise
        except PorticoError as error:
            print(error.hint)
            raise
        async with await client.chat.stream("local/x", "Hello") as stream:
            async for piece in stream.text_stream():
                assert_type(piece, str)
        return answer.text + "".join([model.id async for model in client.llm.available()])
"""
WRONG = """
from portico import Portico

def wrong(client: Portico) -> int:
    client.chat.complete("m", "hi", temperatur=1)
    client.chat.complete("m", "hi", temperature="hot")
    return client.chat.complete("m", "hi").text
"""


def test_a_strict_type_checker_passes_on_use_and_finds_misuse(tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(TYPED)
    wrong.write_text(WRONG)
    source = str(Path(portico.__file__).parent.parent)
    base = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*base, str(right), str(wrong)], capture_output=True, text=True, env={**os.environ, "MYPYPATH": source}
    )
    assert "right.py" not in done.stdout, done.stdout
    assert done.stdout.count("wrong.py") == 3 + done.stdout.count("note:"), done.stdout


OPEN_ENDS = {
    "sync": "c = Portico('k', URL); c.status()",
    "sync closed": "c = Portico('k', URL); c.status(); c.close()",
    "sync, open stream": "c = Portico('k', URL); s = c.chat.stream('m/x', 'hi'); next(s)",
    "sync in a thread": "c = Portico('k', URL); t = threading.Thread(target=c.status); t.start(); t.join()",
    "sync, first used in threads that end": """
def use():
    with Portico('k', URL) as c:
        c.status()
        c.chat.stream('m/x', 'hi').get_final_text()
for n in range(4):
    t = threading.Thread(target=use)
    t.start()
    t.join()
use()""",
    "async, in threads that end": """
async def use():
    async with AsyncPortico('k', URL) as c:
        await c.status()
for n in range(4):
    t = threading.Thread(target=lambda: asyncio.run(use()))
    t.start()
    t.join()
asyncio.run(use())""",
    "sync, a thread still waits": (
        "c = Portico('k', URL); "
        "threading.Thread(target=lambda: c.chat.complete('slow', 'hi'), daemon=True).start(); time.sleep(0.2)"
    ),
    "sync, Ctrl-C while it waits": """
c = Portico('k', URL)
try:
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    c.chat.complete('slow', 'hi')
except KeyboardInterrupt:
    pass""",
    "sync, Ctrl-C in a stream": """
c = Portico('k', URL)
s = c.chat.stream('slow', 'hi')
try:
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    next(s)
except KeyboardInterrupt:
    c.status()""",
    "async": "c = AsyncPortico('k', URL); asyncio.run(c.status())",
    "async, open stream": """
async def main():
    global c, s
    c = AsyncPortico('k', URL)
    s = await c.chat.stream('m/x', 'hi')
    await anext(s)
asyncio.run(main())""",
    "async closed": """
async def main():
    async with AsyncPortico('k', URL) as c:
        await c.status()
asyncio.run(main())""",
}


@pytest.mark.parametrize("name", OPEN_ENDS)
def test_a_program_ends_well_whatever_it_left_open(server: OddServer, name: str) -> None:
    def answer(seen: Any) -> Any:
        if seen.method == "GET":
            return reply_json({"running": True})
        if seen.json["model"] == "slow":
            return reply_stream(FOREVER, DONE)
        return reply_stream(frame(text_chunk("a")), 0.3, frame(finish_chunk()), DONE)

    server.answer = answer
    code = (
        "import asyncio, os, signal, threading, time\nfrom portico import AsyncPortico, Portico\nURL = "
        + repr(server.url)
        + "\n"
    )
    for _ in range(3):
        done = python(code + OPEN_ENDS[name] + "\nprint('end')")
        assert (done.returncode, done.stdout.strip()) == (0, "end"), done.stderr
