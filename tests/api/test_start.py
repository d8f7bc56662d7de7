"""What a server says when it cannot start, and what it finds by itself when it does."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.live import MODELS, LiveServer


def test_a_mistake_in_an_own_catalog_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "mine.toml").write_text('name = "mine"\nadaptor = "openai"\n')
    server = LiveServer(tmp_path)
    with pytest.raises(RuntimeError) as failed:
        server.start()
    said = str(failed.value)
    assert "mine.toml" in said and "adaptor" in said
    assert "Traceback" not in said
    assert server.process is not None and server.process.wait(60) == 1


def test_a_model_file_of_ones_own_is_listed_first_and_answers(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    source = next(MODELS.glob("smollm2*.gguf"))
    try:
        (folder / "mine.gguf").hardlink_to(source)
    except OSError:  # another disk
        shutil.copy(source, folder / "mine.gguf")
    with LiveServer(tmp_path / "data", {"PORTICO_MODELS_DIR": str(folder)}) as server:
        listed = server.get("/v3/llm/providers/local/models?type=Chat&detail=Summary").json()["models"]
        assert listed[0]["fullName"] == "local/mine"
        assert server.chat("local/mine").status == 200
