"""Real models from a folder that all test runs share, and a package index of our own for the tests of pulling."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from local_models import ROOT, list_children, until
from wheel_index import WheelIndex

from portico.server.providers.base import Endpoint
from portico.server.providers.local.manifest import LocalModel, load_manifest
from portico.server.providers.local.pull import pull
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.settings import Settings


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder with the instant chat model and the text embedding; pulled when they are missing."""
    folder = Path(os.environ.get("PORTICO_MODELS_DIR") or ROOT / ".portico" / "models")
    for model in load_manifest():
        if model.setup:
            pull(model, folder)
    return folder


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", models_dir=models_dir, starter_pull="off", local_context=2048)


@pytest.fixture
async def start(settings: Settings, anyio_backend: object) -> AsyncIterator[Callable[..., Any]]:
    """Starts runtimes with settings of the test; afterwards all are closed and nothing runs any more."""
    runtimes: list[LocalRuntime] = []

    async def begin(**changes: Any) -> LocalRuntime:
        runtime = LocalRuntime(replace(settings, **changes))
        runtimes.append(runtime)
        await runtime.start()
        return runtime

    yield begin
    for runtime in runtimes:
        await runtime.close()
    # A child that could not start ends by itself, a moment after it has said why.
    await until(lambda: not list_children(settings))


@pytest.fixture(scope="module")
def shared_runtime(tmp_path_factory: pytest.TempPathFactory, models_dir: Path) -> Iterator[Callable[[str], Endpoint]]:
    """A runtime that lives as long as the tests of a module; gives the endpoint of a model."""
    home = tmp_path_factory.mktemp("shared")
    loop = asyncio.new_event_loop()
    runtime = LocalRuntime(Settings(data_dir=home, models_dir=models_dir, starter_pull="off", local_context=2048))
    yield lambda name: loop.run_until_complete(runtime.reach(name))
    loop.run_until_complete(runtime.close())
    loop.close()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[WheelIndex]:
    """A package index on loopback, and pip told to use it."""
    with WheelIndex() as served:
        for name in ("PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{served.url}/simple/")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield served


@pytest.fixture
def small_model(index: WheelIndex) -> LocalModel:
    """A model of one file in three parts, as the big ones are."""
    return index.add_model("tiny-chat", parts=3, part_bytes=400_000)
