"""What a server does not hold in memory before somebody needs it: looked at in interpreters of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

LARGE = "numpy", "pydantic", "attr", "alembic", "joserfc"
_BEGIN = f"""
import asyncio, sys
from contextlib import AsyncExitStack

def loaded():
    return [name for name in {LARGE} if name in sys.modules]
"""
_IDLE = """
from portico.server.app.serving import build_application, open_services
from portico.server.settings import Settings

async def main():
    async with open_services(Settings.load(), "http://127.0.0.1:1") as (services, guard, _):
        build_application(services, guard)
        print(loaded())

asyncio.run(main())
"""
_SEARCH = """
from portico.server.app.assisting import open_models
from portico.server.app.ground import open_ground
from portico.server.app.machinery import open_machinery
from portico.server.app.searching import open_searching
from portico.server.settings import Settings

async def main():
    async with AsyncExitStack() as stack:
        ground = await open_ground(Settings.load(), stack)
        board = (await open_machinery(ground)).board
        searching = open_searching(ground, board, open_models(ground, board, tuple))
        before = loaded()
        found = await asyncio.gather(*(one.get() for one in [searching.searcher, searching.listener] * 2))
        print(before, [type(one).__name__ for one in found], found[:2] == found[2:], loaded())

asyncio.run(main())
"""


def run(script: str, home: Path, url: str) -> str:
    """What it prints, on a database with the newest schema: alembic is loaded where there is something to migrate."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")} | {
        "PORTICO_DATABASE_URL": url,
        "PORTICO_DATA_DIR": str(home / "data"),
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_WORKER": "off",
    }
    command = [sys.executable, "-c", _BEGIN + script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_idle_server_has_loaded_nothing_large_that_it_does_not_need(tmp_path: Path, database_url: str) -> None:
    assert run(_IDLE, tmp_path, database_url) == "[]"


@pytest.mark.parametrize("name", LARGE)
def test_what_is_looked_for_is_there_to_be_loaded(name: str) -> None:
    """Else the test above would hold nothing."""
    assert find_spec(name) is not None


def test_first_questions_at_once_load_the_search_once(tmp_path: Path, database_url: str) -> None:
    kinds = ["Searcher", "Listener", "Searcher", "Listener"]
    assert run(_SEARCH, tmp_path, database_url) == f"[] {kinds} True ['numpy']"
