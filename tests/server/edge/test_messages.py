"""The messages of a chat request: what is attached to them, by the names that the catalogue has for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from portico.server.edge.routes.messages import read_messages


def media_of(part: dict[str, Any]) -> tuple[str, ...]:
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, part]}]
    return read_messages({"messages": msgspec.Raw(msgspec.json.encode(messages))})


@pytest.mark.parametrize(
    ("form", "found"), [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("ogg", "audio/ogg"), (None, "audio/*")]
)
def test_hc25_a_sound_has_its_registered_name(form: str | None, found: str) -> None:
    assert media_of({"type": "input_audio", "input_audio": {"data": "AA==", "format": form}}) == (found,)


@pytest.mark.parametrize(
    ("told", "found"),
    [("image/jpg", "image/jpeg"), ("IMAGE/JPEG", "image/jpeg"), ("audio/mp3", "audio/mpeg"), ("", "*/*")],
)
def test_hc25_a_file_in_a_data_url_has_its_registered_name(told: str, found: str) -> None:
    assert media_of({"type": "image_url", "image_url": f"data:{told};base64,AA=="}) == (found,)
