"""Each test has its own home, its own environment and its own server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from portico import Portico
from tests.sdk.odd_server import OddServer


@pytest.fixture(autouse=True)
def clean_house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home, no credentials in the environment, no local server."""
    for name in list(os.environ):
        if name.startswith(("GEAI_", "PORTICO_", "SAIA_")) or name.lower().endswith("_proxy") or name == "DATA":
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("portico.sdk.credentials._default_data_dir", lambda env: tmp_path / "data")
    return home


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries that do not keep a test waiting; their order and number stay what they are."""
    monkeypatch.setattr("portico.sdk.exchange.FIRST_PAUSE_S", 0.01)


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer().running() as running:
        yield running


@pytest.fixture
def client(server: OddServer) -> Iterator[Portico]:
    with Portico("key-1", server.url, timeout_s=60) as portico:
        yield portico
