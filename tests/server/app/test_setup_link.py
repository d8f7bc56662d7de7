"""The set-up link of the first start: shown to a person, beside the tokens, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.app.serving import _announce
from portico.server.settings import Settings

LINK = "http://127.0.0.1:8080/setup#setup-secret"


def told(data_dir: Path, link: str | None) -> str:
    lines: list[str] = []
    _announce(lines.append, Settings(data_dir=data_dir), "http://127.0.0.1:8080", link)
    return "\n".join(lines)


@pytest.mark.parametrize(("terminal", "link", "shown"), [(True, LINK, True), (False, LINK, False), (True, None, False)])
def test_who_is_shown_the_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool, link: str | None, shown: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    text = told(tmp_path, link)
    assert ("setup#" in text) is shown
    assert "Portico answers at" in text
