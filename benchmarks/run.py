"""The parts that need gateways, in one run: who takes part, how often and how long each is measured."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import installs, machine, memory, mocks, peers, streams, throughput
from benchmarks.gateway import Build, portico
from benchmarks.machine import Service
from benchmarks.peers import Target
from benchmarks.profile import profile

NAMES = ("nginx", "envoy", "litellm", "portkey", "portico", "second-python")
OTHER_CORE, SAME_CORE = "Portico, PostgreSQL on the other core", "Portico, PostgreSQL on the same core"
SECOND = "Portico, PostgreSQL on the other core, Python {version}"
Proxy = Callable[[Path, Service, Service], AbstractContextManager[Target]]
_PEERS: dict[str, tuple[str, str, Proxy]] = {
    "nginx": ("nginx", "", peers.nginx_proxy),
    "envoy": ("Envoy", installs.ENVOY, peers.envoy_proxy),
    "litellm": ("LiteLLM", installs.LITELLM, peers.litellm_proxy),
    "portkey": ("Portkey", installs.PORTKEY, peers.portkey_gateway),
}


@dataclass(frozen=True)
class Order:
    """What was asked for on the command line."""

    only: Sequence[str]
    without: Sequence[str]
    quick: bool
    python: str


def say(what: str) -> None:
    print(f"\n{what}:", flush=True)


def measure(order: Order, results: dict[str, Any], folder: Path) -> None:
    """Fills `results`: one member per part, and who was missing, with the reason."""
    results["answer_bytes"] = {
        kind: len(mocks.chat_answer(words))
        for kind, words in (("short", mocks.SHORT_WORDS), ("long", mocks.LONG_WORDS))
    }
    with ExitStack() as stack:
        mock = stack.enter_context(mocks.mock_service(folder))
        paced = stack.enter_context(mocks.paced_service(folder))
        targets = [peers.direct(mock, paced)]
        targets += _start_peers(order, results, stack, folder, mock, paced)
        if "portico" not in order.without:
            for build in _builds(order, results):
                targets.append(stack.enter_context(portico(folder, mock, paced, build)))
        targets = [_checked(target, results) for target in targets]
        results["idle_bytes"] = {target.name: target.service.memory_bytes() for target in targets[1:]}
        for target in targets:
            if target.sleeps:
                target.service.halt()
        _Parts(order, results, folder, targets).measure()


def _start_peers(
    order: Order, results: dict[str, Any], stack: ExitStack, folder: Path, mock: Service, paced: Service
) -> list[Target]:
    """All that can be had. One that does not start is missing like one that cannot be installed."""
    found = []
    for name, (title, version, start) in _PEERS.items():
        if name in order.without:
            continue
        try:
            with ExitStack() as own:
                target = own.enter_context(start(folder, mock, paced))
                peers.check(target)
                stack.push(own.pop_all())
        except machine.BenchmarkError as error:
            print(f"  {title} is left out: {error}")
            results["missing"][title] = str(error)
            continue
        found.append(target)
        if version:
            results["versions"][title] = version
    return found


def _checked(target: Target, results: dict[str, Any]) -> Target:
    """The target with those kinds of answer that it gives. Only another gateway may fail at one."""
    good: dict[str, str] = {}
    for kind, model in target.models.items():
        try:
            peers.check(target, kind)
            good[kind] = model
        except machine.BenchmarkError as error:
            if not target.sleeps:
                raise
            print(f"  {error}")
            results["missing"][f"{target.name}, kind {kind}"] = str(error)
    return replace(target, models=good)


def _builds(order: Order, results: dict[str, Any]) -> list[Build]:
    """Portico under the Python that runs this, with PostgreSQL on either core; and under the second Python."""
    builds = [
        Build(OTHER_CORE, sys.executable, own_database=True),
        Build(SAME_CORE, sys.executable, own_database=False),
    ]
    pythons = results["pythons"]
    pythons[OTHER_CORE] = pythons[SAME_CORE] = machine.describe_python(sys.executable)
    if "second-python" in order.without:
        return builds
    if not Path(order.python).exists():
        results["missing"]["a second Python"] = f"there is no {order.python}; name one with --python"
        return builds
    try:
        python = str(installs.second_python(order.python))
    except installs.Missing as error:
        results["missing"]["a second Python"] = str(error)
        return builds
    found = machine.describe_python(python) | {"path": order.python}
    build = Build(SECOND.format(version=found["version"]), python, own_database=True)
    pythons[build.name] = found
    return [*builds, build]


class _Parts:
    """The parts in their order. Memory and soak come last: they leave the gateway as no fresh one is."""

    def __init__(self, order: Order, results: dict[str, Any], folder: Path, targets: list[Target]) -> None:
        self._only, self._quick = order.only, order.quick
        self._results, self._folder, self._targets = results, folder, targets
        self._ours = [target for target in targets if target.name.startswith("Portico")]
        self._patience = machine.Patience(left_s=5.0 if order.quick else 60.0)
        self._spare_tries = 1 if order.quick else 10

    def measure(self) -> None:
        parts = {
            "throughput": self._throughput, "latency": self._latency, "frames": self._frames,
            "streams": self._streams, "translation": self._translation, "profile": self._profile,
            "memory": self._memory, "soak": self._soak,
        }  # fmt: skip
        for name, part in parts.items():
            if name in self._only:
                self._try(name, part)

    def _try(self, name: str, part: Callable[[], None]) -> None:
        """A part that breaks is missing, and says why: what was measured before it, for half an hour, is kept."""
        try:
            part()
        except Exception as error:
            traceback.print_exc()
            self._results["missing"][f"part {name}"] = f"{type(error).__name__}: {error}"

    def _wrk(
        self, targets: Sequence[Target], kinds: Sequence[str], rounds: int, seconds: int, connections: int = 32
    ) -> list[dict[str, object]]:
        plan = throughput.Plan(rounds, seconds, self._spare_tries, self._patience)
        found = throughput.measure(targets, kinds, connections, plan, self._folder)
        self._spare_tries = plan.spare_tries
        return found

    def _throughput(self) -> None:
        say("requests per second")
        found = self._wrk(self._targets, ["short"], *((1, 1) if self._quick else (5, 3)))
        if not self._quick:
            fast = [target for target in self._targets if not target.sleeps]
            found += self._wrk(fast, ["long"], 3, 3)
        self._results["throughput"] = found

    def _latency(self) -> None:
        say("latency of one connection")
        rounds, seconds = (1, 1) if self._quick else (5, 3)
        self._results["one_connection"] = self._wrk(self._targets, ["short"], rounds, seconds, connections=1)

    def _frames(self) -> None:
        say(f"first and further deltas of {streams.FEW} streams")
        plan = streams.Plan(1, 1, streams.FEW, "stamp") if self._quick else streams.Plan(3, 5, streams.FEW, "stamp")
        self._results["frames"] = streams.measure(self._targets, plan, machine.Watch(self._folder), self._patience)

    def _streams(self) -> None:
        say(f"{streams.STREAMS} streams at once")
        plan = streams.Plan(1, 1) if self._quick else streams.Plan(3, 4)
        fast = [target for target in self._targets if not target.sleeps]
        self._results["streams"] = streams.measure(fast, plan, machine.Watch(self._folder), self._patience)

    def _translation(self) -> None:
        say("OpenAI in, Anthropic out, beside the same dialect; plain, and streams given at once")
        rounds, seconds = (1, 1) if self._quick else (3, 3)
        kinds = ["short", "claude", "flow", "claudeflow"]
        self._results["translation"] = self._wrk(self._ours, kinds, rounds, seconds)

    def _profile(self) -> None:
        say("where the time goes")
        target = next((target for target in self._ours), None)
        if target is None:
            return
        try:
            seconds = 3 if self._quick else 10
            self._results["profile"] = [
                profile(target, kind, seconds, self._folder) for kind in ("short", "flow", "claudeflow")
            ]
        except installs.Missing as error:
            self._results["missing"]["py-spy"] = str(error)
            print(f"  {error}")

    def _memory(self) -> None:
        say("memory of idle workers")
        found = self._results["memory"] = memory.measure_idle(self._folder, sys.executable)
        found["target"] = OTHER_CORE
        print(f"  {', '.join(f'{size / 1e6:.1f} MB' for size in found['resident_bytes'])} resident")

    def _soak(self) -> None:
        seconds = 20 if self._quick else 600
        say(f"soak, {seconds} s")
        if self._ours:
            found = self._results["soak"] = memory.soak(self._ours[0], seconds, self._folder)
            found["target"] = self._ours[0].name
            print(f"  {found['requests']:,} requests, {found['streams']:,} streams, {found['failed']} failed; "
                  f"{found['start_bytes'] / 1e6:.1f} MB -> {found['end_bytes'] / 1e6:.1f} MB")  # fmt: skip
