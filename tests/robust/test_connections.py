"""Connections: callers are spread over the workers, a port has one server, a provider's connection is used again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from benchmarks.memory import workers_of
from benchmarks.robust.house import Caller, House, open_house

from tests.api.raw import Wire, request
from tests.api.test_robust import begin, refusal
from tests.live import LiveServer, processes_naming

WORKERS, CALLERS = 3, 60


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    environ = {"PORTICO_WORKERS": str(WORKERS), "PORTICO_LOCAL_MODELS": "false"}
    with LiveServer(tmp_path_factory.mktemp("crew"), environ) as server:
        yield server


def sockets(pid: int) -> int:
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(entry.readlink()).startswith("socket:")
    return found


def test_callers_that_come_at_once_are_spread_over_the_workers(crew: LiveServer) -> None:
    """From one shared socket, the worker that is awake takes them all."""
    workers = workers_of(processes_naming(str(crew.data_dir)))
    assert len(workers) == WORKERS
    before = {pid: sockets(pid) for pid in workers}
    wires = [Wire(crew) for _ in range(CALLERS)]
    for wire in wires:
        wire.send(request(crew, method="GET", path="/health"))
    for wire in wires:
        assert wire.answer().status == 200
    held = [sockets(pid) - before[pid] for pid in workers]
    for wire in wires:
        wire.socket.close()
    assert min(held) >= CALLERS / WORKERS / 4, held


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_workers_share_is_taken_for_others(crew: LiveServer, tmp_path: Path, workers: int) -> None:
    other = begin(tmp_path / "other", port=crew.port, environ={"PORTICO_WORKERS": str(workers)})
    assert f"port {crew.port}" in refusal(other)


def test_streams_leave_their_connection_to_the_next_one(tmp_path: Path) -> None:
    """HC-17: also a stream ends with its answer, not with its connection; a new one costs a TLS handshake."""
    with open_house(tmp_path) as house:
        assert asyncio.run(ask_five_times(house)) == 5
        assert (house.provider.asked["good"], house.provider.connections) == (5, 1)


async def ask_five_times(house: House) -> int:
    async with Caller(house, house.token) as caller:
        answers = [await caller.ask("good", stream=True) for _ in range(5)]
    return sum(answer.good for answer in answers)
