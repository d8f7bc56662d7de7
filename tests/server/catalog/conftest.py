"""The shipped catalogue, read once, and a folder of one's own entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import load_catalog

Loader = Callable[..., Catalog]


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return load_catalog(None)


@pytest.fixture
def load_own(tmp_path: Path) -> Loader:
    """Loads the shipped entries and own files given as `name=text` (without the ending)."""

    def load(**files: str) -> Catalog:
        for name, text in files.items():
            (tmp_path / f"{name}.toml").write_text(dedent(text), encoding="utf-8")
        return load_catalog(tmp_path)

    return load
