"""One live server for all provider suites, and behind it one provider on loopback for each fake that a suite names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.providers.fakes.base import Fake
from tests.providers.stage import GAP_TIMEOUT_S, KEEP_ALIVE_S
from tests.upstream import Upstream


@pytest.fixture(scope="session")
def fakes(request: pytest.FixtureRequest) -> dict[str, Fake]:
    """The fakes of the suites that were collected, by provider."""
    found = (getattr(getattr(item, "cls", None), "fake", None) for item in request.session.items)
    return {fake.provider: fake for fake in found if isinstance(fake, Fake)}


@pytest.fixture(scope="session")
def provider_upstreams(fakes: dict[str, Fake]) -> Iterator[dict[str, Upstream]]:
    """A provider on loopback for each fake, by the provider's name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(Upstream()) for name in fakes}


def serving(folder: Path, fakes: dict[str, Fake], upstreams: dict[str, Upstream], **more: str) -> LiveServer:
    """A live server without local models, cache and circuit breaker, with all fakes as its providers."""
    environ = {
        "PORTICO_LOCAL_MODELS": "false",
        "PORTICO_CHAT_CACHE": "false",
        "PORTICO_BREAKER_FAILURES": "0",
        "PORTICO_RETRIES": "1",
        "PORTICO_RETRY_BUDGET_S": "60",  # less than the Retry-After of the fakes
        "PORTICO_FETCH_HOSTS": "127.0.0.1",
        **more,
    }
    for name, fake in fakes.items():
        environ.update(fake.environ(upstreams[name].root))
    return LiveServer(folder, environ)


@pytest.fixture(scope="session")
def provider_server(
    tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, Fake], provider_upstreams: dict[str, Upstream]
) -> Iterator[LiveServer]:
    """One with the patience of a fresh installation: a provider may answer late on a busy machine."""
    with serving(tmp_path_factory.mktemp("providers"), fakes, provider_upstreams) as live:
        yield live


@pytest.fixture(scope="session")
def impatient_server(
    tmp_path_factory: pytest.TempPathFactory, fakes: dict[str, Fake], provider_upstreams: dict[str, Upstream]
) -> Iterator[LiveServer]:
    """One that breaks a silence with a comment soon, and ends it soon."""
    more = {"PORTICO_KEEP_ALIVE_S": str(KEEP_ALIVE_S), "PORTICO_GAP_TIMEOUT_S": str(GAP_TIMEOUT_S)}
    with serving(tmp_path_factory.mktemp("impatient"), fakes, provider_upstreams, **more) as live:
        yield live
