"""The last event of a stream that broke, as each API words it."""

from __future__ import annotations

import json

import pytest

from portico.server.edge.dialects import dialect_of
from portico.server.errors import ProviderUnknown


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_the_error_event_is_ascii_whatever_the_provider_says(path: str) -> None:
    """The vendor's reader splits lines at U+2028 and its like."""
    said = "no\u2028se puede: \u00a1ay! \x85"
    event = dialect_of(path).break_off(ProviderUnknown(said), "r")
    assert event.isascii() and event.endswith(b"\n\n")
    data = json.loads(event.rpartition(b"data: ")[2])
    assert said in data["error"]["message"]
