"""Fixtures of the whole suite: one live server with the local models, and a provider of our own behind it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.upstream import Upstream


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    with Upstream() as provider:
        yield provider


@pytest.fixture
def upstream(_upstream: Upstream) -> Iterator[Upstream]:
    """The provider behind `server` under the name `openai`; every test finds it answering well."""
    _upstream.reset()
    yield _upstream
    _upstream.reset()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A live server: local models, provider `openai` on loopback, everything else as a fresh installation has it."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_CONTEXT": "4096",
        "PORTICO_KEEP_ALIVE_S": "0.5",
        "PORTICO_GAP_TIMEOUT_S": "3",
        "PORTICO_RETRY_BUDGET_S": "5",
        "PORTICO_BODY_LIMIT_BYTES": str(12 * 1024 * 1024),
    }
    live = LiveServer(Path(tmp_path_factory.mktemp("live")), environ).start()
    yield live
    try:
        assert live.stop() == 0, "".join(live.log)
    finally:
        live.kill()
