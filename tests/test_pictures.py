"""The manual's pictures are what the scripts draw from the code as it stands; `make docs` draws them anew."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def script(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    module = importlib.import_module(request.param)
    sys.modules.pop(request.param)
    return module


@pytest.mark.parametrize("script", ["draw_request_path", "draw_architecture", "draw_ingestion"], indirect=True)
def test_picture_is_up_to_date(script: ModuleType) -> None:
    drawn = script.draw()
    ElementTree.fromstring(drawn)
    assert script.TARGET.read_text(encoding="utf-8") == drawn, "run: make docs"


@pytest.mark.parametrize("script", ["draw_request_path"], indirect=True)
def test_every_station_of_the_path_is_a_file(script: ModuleType) -> None:
    files = {file for _, _, file, _ in script.STEPS}
    assert [f for f in sorted(files) if not (ROOT / "src/portico/server" / f).is_file()] == []


@pytest.mark.parametrize("script", ["draw_architecture"], indirect=True)
def test_an_arrow_that_follows_from_others_is_left_out(script: ModuleType) -> None:
    assert script.reduce({("a", "b"), ("b", "c"), ("a", "c")}) == {("a", "b"), ("b", "c")}
