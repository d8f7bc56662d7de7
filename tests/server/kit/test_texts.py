"""Texts as PostgreSQL can take them."""

from __future__ import annotations

import pytest

from portico.server.kit.texts import storable


@pytest.mark.parametrize(
    ("text", "stored"),
    [("", ""), (" as it is 🙂\n", " as it is 🙂\n"), ("a\0b\0", "ab"), ("a\ud83d", "a?"), ("\udc00\ud800", "??")],
)
def test_what_cannot_be_stored_is_taken_out(text: str, stored: str) -> None:
    assert storable(text) == stored
    stored.encode()


def test_a_name_with_nul_is_not_the_name_without() -> None:
    assert storable("a\0b", nul="\ufffd") == "a\ufffdb"
