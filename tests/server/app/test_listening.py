"""The model that transcribes, as the settings name it: refused at the start when it can be none."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from portico.server.app.searching import _open_listener
from portico.server.errors import StartError
from portico.server.settings import Settings


@pytest.mark.parametrize("told", ["whisper", "saia:assistant:scribe", "saia:odd:x", "a/"])
def test_a_setting_without_a_model_is_refused(told: str) -> None:
    ground = SimpleNamespace(settings=Settings.load({"PORTICO_TRANSCRIPTION_MODEL": told}))
    with pytest.raises(StartError, match="PORTICO_TRANSCRIPTION_MODEL: write provider/model"):
        _open_listener(ground, SimpleNamespace(targets=None))  # type: ignore[arg-type]


@pytest.mark.parametrize("told", ["", "openai/whisper-1"])
def test_a_model_or_none_is_taken(told: str) -> None:
    ground = SimpleNamespace(settings=Settings.load({"PORTICO_TRANSCRIPTION_MODEL": told}))
    assert _open_listener(ground, SimpleNamespace(targets=None))  # type: ignore[arg-type]
