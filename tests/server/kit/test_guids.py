"""GUIDs out of what callers write."""

from __future__ import annotations

from uuid import UUID

import pytest

from portico.server.kit.guids import maybe_guid, read_guid

USUAL = "0b9a4c1e-6f57-4d0e-9d52-7c1f3a8e2b64"
OTHERS = ["", "x", USUAL + "0", USUAL[:-1], "\0", "\ud800", "é" * 32, "٣" * 31, "../..", f" {USUAL}"]


@pytest.mark.parametrize("text", [USUAL, USUAL.upper(), USUAL.replace("-", ""), f"{{{USUAL}}}", UUID(USUAL).urn])
def test_every_spelling_becomes_the_usual_one(text: str) -> None:
    assert maybe_guid(text) == read_guid(text, LookupError) == USUAL


@pytest.mark.parametrize("text", OTHERS)
def test_what_is_none_is_none_or_is_refused(text: str) -> None:
    assert maybe_guid(text) is None
    with pytest.raises(LookupError, match="no such thing") as caught:
        read_guid(text, LookupError("no such thing"))
    assert caught.value.__context__ is None
