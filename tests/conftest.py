"""Fixtures of the whole suite: one live server with the local models, and a provider of our own behind it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# Here, in the first file that is loaded: other tests import parts of the provider suite before its own conftest.
for _name in ("stage", "suite", "cases_answers", "cases_tools", "cases_requests", "cases_failures", "cases_gemini"):
    pytest.register_assert_rewrite(f"tests.providers.{_name}")

# How long an example takes says how busy the machine is, and nothing of what is held by it. The examples are the same
# at every run, so that what was green stays green; HYPOTHESIS_PROFILE=random looks for others.
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("portico", settings.get_profile("random"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "portico"))

# A shell that runs us in the background makes us deaf to Ctrl-C, and with us every process that a test would stop so.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

from tests.live import LiveServer, wait_until  # noqa: E402
from tests.upstream import Upstream  # noqa: E402
from tests.usage import count_unfinished  # noqa: E402

_running: list[LiveServer] = []


def pytest_configure(config: pytest.Config) -> None:
    """A test that fails with a connection open must not hang: where this warning is an error, uvloop never ends."""
    config.addinivalue_line("filterwarnings", "default:unclosed resource:ResourceWarning")


@pytest.fixture(autouse=True)
def _log_levels() -> Iterator[None]:
    """What a test, or a library that it brings in, makes of the levels ends with it: others count what is logged."""
    loggers = [logging.getLogger(), logging.getLogger("portico")]
    levels = [one.level for one in loggers]
    yield
    for one, level in zip(loggers, levels, strict=True):
        if one.level != level:
            one.setLevel(level)


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


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_to_index() -> Iterator[None]:
    """What the tests of a file have begun is done before the next file counts what the provider is asked."""
    yield
    for live in _running:
        wait_until(lambda live=live: not count_unfinished(live), "all that was begun is done", 100)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, _upstream: Upstream) -> Iterator[LiveServer]:
    """A live server: local models, provider `openai` on loopback, everything else as a fresh installation has it."""
    environ = {
        "PORTICO_PROVIDER_OPENAI_API_KEY": "upstream-key",
        "PORTICO_PROVIDER_OPENAI_BASE_URL": _upstream.url,
        "PORTICO_LOCAL_CONTEXT": "4096",
        "PORTICO_FETCH_HOSTS": "127.0.0.1",  # the provider lies there, and may be given addresses
        "PORTICO_RETRY_BUDGET_S": "5",
        "PORTICO_BREAKER_FAILURES": "0",  # many of these tests let the provider fail
        "PORTICO_BODY_LIMIT_BYTES": str(12 * 1024 * 1024),
    }
    with LiveServer(tmp_path_factory.mktemp("live"), environ) as live:
        _running.append(live)
        yield live
        _running.remove(live)
