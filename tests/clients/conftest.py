"""The official SDKs, unchanged, pointed at the live server."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.live import LiveServer
from tests.upstream import Upstream

TIMEOUT_S = 60.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def client(server: LiveServer) -> Iterator[openai.OpenAI]:
    """The OpenAI SDK as its users make it, but that it does not try again behind a test's back."""
    with openai.OpenAI(api_key=server.token(), base_url=f"{server.url}/v1", max_retries=0, timeout=TIMEOUT_S) as made:
        yield made


@pytest.fixture(scope="session")
def talkative(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A server that breaks a silence after half a second. Elsewhere that would show in the answers of a busy machine:
    what has been opened by a comment cannot be refused with a status any more."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_KEEP_ALIVE_S": "0.5",
    }
    with LiveServer(tmp_path_factory.mktemp("talkative"), environ) as live:
        yield live
