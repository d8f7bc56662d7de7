"""The official SDKs, unchanged, pointed at the live server."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.live import LiveServer

TIMEOUT_S = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def client(server: LiveServer) -> Iterator[openai.OpenAI]:
    """The OpenAI SDK as its users make it, but that it does not try again behind a test's back."""
    with openai.OpenAI(api_key=server.token(), base_url=f"{server.url}/v1", max_retries=0, timeout=TIMEOUT_S) as made:
        yield made
