"""From settings to an answering server, and from a signal to an orderly end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
import uvloop

from portico.server.access.host.credentials import FILE, base_url, maybe_tokens
from portico.server.app.rooms import open_services
from portico.server.app.workers import Ready, run_workers
from portico.server.edge.fastlane import FastLane, LaneProtocol
from portico.server.edge.http import HOT, build_application
from portico.server.services import Services
from portico.server.settings import Settings
from portico.server.telemetry.logs import configure_logs

_log = logging.getLogger("portico.serve")
Announce = Callable[[str], None]
PULL_LOOK_S = 1.0
ACCEPTS = 16
"""Connections taken in one turn of the event loop. libuv takes one per turn and listening handle (libuv/libuv#3696,
2022-07-19), so new callers of a busy server had to wait: 2 s at the median when 1,024 streams began, 0.03 s with copies
of the handle."""


def serve(settings: Settings, announce: Announce) -> int:
    """Runs the server until SIGINT or SIGTERM; the exit code. Raises StartError, CatalogError, OSError."""
    with listen(settings) as listening:
        url = base_url(settings.host, listening.getsockname()[1])

        def on_ready(setup_link: str | None) -> None:
            _announce(announce, settings, url, setup_link)

        if settings.workers > 1:
            return run_workers(settings, listening, work, on_ready)
        run_server(settings, listening, on_ready, announce)
    return 0


def work(settings: Settings, listening: socket.socket, on_ready: Ready) -> None:
    """One of several workers; what it would say about pulls is said by `portico status`."""
    with share_port(listening) as own:
        run_server(settings, own, on_ready, lambda _: None)


def run_server(settings: Settings, listening: socket.socket, on_ready: Ready, announce: Announce) -> None:
    configure_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(_tell_unforeseen)
        runner.run(_serve(settings, listening, on_ready, announce))


def _tell_unforeseen(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """As usual, but for one that means nothing: psycopg wakes a wait that was cancelled in the same turn, when a signal
    and the end of a connection come together (its `waiting.py`, read 2026-11-21)."""
    if isinstance(context.get("exception"), asyncio.InvalidStateError) and "wait_async" in str(context.get("message")):
        return
    loop.default_exception_handler(context)


def listen(settings: Settings) -> socket.socket:
    """The socket, taken before anything else so that a taken port costs no time. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError:
        listening.close()
        raise
    return listening


def share_port(listening: socket.socket) -> socket.socket:
    """A socket of a worker's own on the same port. Raises OSError.

    The kernel spreads new connections over the sockets of all workers. From one socket, the worker that is awake takes
    whatever comes: 20 of 24 callers ended up at one of three. Only Linux spreads them; elsewhere it is one.
    """
    if sys.platform != "linux":
        return listening.dup()
    # Bound before it was allowed to be shared: so a port that is taken is noticed, by whomever.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own = socket.socket(listening.family, socket.SOCK_STREAM)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        own.bind(listening.getsockname())
    except OSError:
        own.close()
        raise
    return own


async def _serve(settings: Settings, listening: socket.socket, on_ready: Ready, announce: Announce) -> None:
    url = base_url(settings.host, listening.getsockname()[1])
    async with open_services(settings, url) as (services, guard, made):
        lane = FastLane(services, guard, HOT)
        config = uvicorn.Config(
            build_application(services, guard),
            http=type("Protocol", (LaneProtocol,), {"lane": lane}),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=75,
            backlog=2048,
        )
        server = _Server(config, lambda: on_ready(None if made is None else str(made.setup_link)))
        server.grace_s = settings.shutdown_grace_s
        lane.start()
        telling = asyncio.create_task(_tell_pulls(services, announce))
        _quieten_collector()
        try:
            await server.serve(sockets=[listening, *(listening.dup() for _ in range(ACCEPTS - 1))])
        finally:
            telling.cancel()
            lane.close()


def _quieten_collector() -> None:
    """What is there at start stays: it need not be looked through again and again while requests come and go."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _announce(announce: Announce, settings: Settings, url: str, setup_link: str | None) -> None:
    """Where the server is and where its tokens are; the tokens themselves once, and only to a person."""
    announce(f"Portico answers at {url}")
    announce(f"Tokens are in {settings.data_dir / FILE}")
    first = setup_link is not None and sys.stdout.isatty()
    tokens = maybe_tokens(settings.data_dir) if first else None
    if tokens is not None:
        announce(f"Project token:      {tokens[0]!s}")
        announce(f"Organization token: {tokens[1]!s}")
    if first:
        announce(f"Set-up link:        {setup_link}")
        announce("It makes the first user, once, within 24 hours; `portico users setup-link` makes another.")


async def _tell_pulls(services: Services, announce: Announce) -> None:
    """A line for each tenth of a model that is being pulled in the background, and one when it is there."""
    told: dict[str, int] = {}
    while True:
        for status in services.local_status():
            name, tenths = (
                str(status["name"]),
                10 * int(str(status["done_bytes"])) // max(1, int(str(status["size_bytes"]))),
            )
            if status["state"] == "pulling" and tenths > told.get(name, -1):
                told[name] = tenths
                announce(f"Pulling local/{name}: {tenths * 10}%")
            elif name in told and status["state"] not in ("pulling", "partial"):
                del told[name]
                announce(f"local/{name} is {status['state']}")
        await asyncio.sleep(PULL_LOOK_S)


class _Server(uvicorn.Server):
    """uvicorn's server, with our handling of signals: a signal ends the serving, and the rooms close behind it."""

    grace_s = 0.0

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def _wait_tasks_to_complete(self) -> None:
        """Ends the wait for open answers when their time is over. uvicorn's own end of it logs an error that counts
        its tasks, and the answers of the fast lane are none."""
        try:
            async with asyncio.timeout(self.grace_s):
                await super()._wait_tasks_to_complete()
        except TimeoutError:
            _log.warning(
                "%d open connections are told that the server stops: their time (PORTICO_SHUTDOWN_GRACE_S) is over",
                len(self.server_state.connections),
            )
            for task in self.server_state.tasks:
                task.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
