"""The shipped catalogue, read once, and a folder of one's own entries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from portico.server.catalog.find import Catalog
from portico.server.catalog.load import build_provider, load_catalog
from portico.server.catalog.rows import read_provider

Loader = Callable[..., Catalog]


def acme_of(models: int) -> Catalog:
    """One provider that takes open names, with so many models: m-0, m-1 and so on."""
    rows = "".join(f'[[models]]\nname = "m-{number}"\ntype = "Chat"\n' for number in range(models))
    text = f'name = "acme"\nbase_url = "http://127.0.0.1:9000/v1"\nopen_names = true\n{rows}'
    return Catalog([build_provider(read_provider(text, "acme.toml"), "acme.toml")])


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
