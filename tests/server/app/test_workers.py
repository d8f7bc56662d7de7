"""The crew of worker processes ends when it is told to, whatever its workers do just then."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portico.server.app import workers
from portico.server.app.workers import Ready, _Crew
from portico.server.settings import Settings


def work_on(settings: Settings, listening: socket.socket, on_ready: Ready) -> None:
    """A worker that serves until SIGTERM."""
    on_ready(False)
    time.sleep(60)


def die_when_ready(settings: Settings, listening: socket.socket, on_ready: Ready) -> None:
    on_ready(False)
    os._exit(7)


def hear_no_signal(settings: Settings, listening: socket.socket, on_ready: Ready) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    on_ready(False)
    time.sleep(60)


def fail_to_start(settings: Settings, listening: socket.socket, on_ready: Ready) -> None:
    raise OSError("no room")


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({}, data_dir=tmp_path, workers=1, shutdown_grace_s=0.1)


def later(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


def test_stop_ends_the_workers(settings: Settings, listening: socket.socket) -> None:
    crew = _Crew(settings, listening, work_on)
    assert crew.run(lambda first: crew.stop()) == 0


def test_a_stop_while_a_dead_worker_is_being_replaced_ends_the_server(
    settings: Settings, listening: socket.socket
) -> None:
    crew = _Crew(settings, listening, die_when_ready)
    began = time.monotonic()
    assert crew.run(lambda first: later(workers.RESTART_S / 2, crew.stop)) == 0
    assert time.monotonic() - began < 60


def test_a_worker_that_hangs_is_killed_in_the_end(
    settings: Settings, listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "KILL_AFTER_S", 0.5)
    crew = _Crew(settings, listening, hear_no_signal)
    assert crew.run(lambda first: crew.stop()) == 0


def test_a_worker_that_cannot_start_ends_the_server_with_its_code(
    settings: Settings, listening: socket.socket, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _Crew(settings, listening, fail_to_start).run(lambda first: None) == 1
    assert "worker: no room" in capfd.readouterr().err
