"""Who is measured beside Portico: nginx and Envoy as raw proxies, LiteLLM and Portkey; and one request to each."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.installs import clean_environment, envoy_program, litellm_program, portkey_command
from benchmarks.machine import GATEWAY_CORE, BenchmarkError, Service, free_port
from benchmarks.mocks import PACED, STREAMED, nginx, upstream_url

CHAT = "/chat/completions"
RAW, GATEWAY = "reads nothing, meters nothing", "token check, no database"


@dataclass(frozen=True)
class Target:
    """One thing that answers chat requests.

    `models` maps the kinds of answer that it can be asked for to what stands in `model`; `url` may hold `{kind}`;
    `headers` are more headers by kind. One that `sleeps` is stopped while others are measured, as it is never idle.
    """

    name: str
    service: Service
    url: str
    models: Mapping[str, str]
    token: str = "sk-none"
    note: str = ""
    stream_url: str = ""
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sleeps: bool = False

    def path(self, kind: str) -> str:
        """The URL for a kind of answer; a raw proxy keeps the path, Portico has one for all."""
        base = self.stream_url if self.stream_url and kind in PACED else self.url
        return (base + CHAT).replace("{kind}", kind)

    @contextmanager
    def awake(self) -> Iterator[None]:
        """While it is measured."""
        if not self.sleeps:
            yield
            return
        self.service.go_on()
        try:
            yield
        finally:
            self.service.halt()


def check(target: Target, kind: str = "short") -> None:
    """One request, so that nobody measures an error page. Raises BenchmarkError."""
    request = urllib.request.Request(target.path(kind), request_body(target, kind), request_headers(target, kind))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:
        raise BenchmarkError(f"{target.name} answers {error.code}: {error.read()[:500]!r}") from None
    except OSError as error:
        raise BenchmarkError(f"{target.name} does not answer: {error}") from None
    if b"choices" not in body or (kind in STREAMED and not body.endswith(b"[DONE]\n\n")):
        raise BenchmarkError(f"{target.name} gives no chat answer of kind {kind}: {body[:500]!r} ... {body[-80:]!r}")


def request_body(target: Target, kind: str) -> bytes:
    messages = [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Say in one sentence what a gateway is good for, and who needs one."},
    ]
    members = {"model": target.models[kind], "messages": messages, "temperature": 0.2, "max_tokens": 200}
    return json.dumps(members | ({"stream": True} if kind in STREAMED else {})).encode()


def request_headers(target: Target, kind: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {target.token}", "Content-Type": "application/json"}
    return headers | dict(target.headers.get(kind, {}))


def _raw_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/{{kind}}/v1"


_OPENAI_KINDS = ("short", "long", "stream", "stamp")
RAW_MODELS = dict.fromkeys((*_OPENAI_KINDS, "flow"), "mock-1")


def direct(mock: Service, paced: Service) -> Target:
    note = "no gateway: what the load generator can do"
    return Target("mock, direct", mock, _raw_url(mock.port), RAW_MODELS, note=note, stream_url=_raw_url(paced.port))


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
    with nginx("nginx", folder / "nginx", GATEWAY_CORE, plain, servers) as service:
        yield Target("nginx, raw proxy", service, _raw_url(plain), RAW_MODELS, note=RAW, stream_url=_raw_url(stream))


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
    options: list[str | Path] = ["-c", configuration, "--concurrency", "1", "-l", "error", "--disable-hot-restart"]
    with Service("envoy", [envoy_program(), *options], GATEWAY_CORE, plain, folder / "envoy.log") as service:
        yield Target("Envoy, raw proxy", service, _raw_url(plain), RAW_MODELS, note=RAW, stream_url=_raw_url(stream))


@contextmanager
def litellm_proxy(folder: Path, mock: Service, paced: Service) -> Iterator[Target]:
    """LiteLLM's proxy with one worker: a master key, no database, no log of requests."""
    configuration, port, key = folder / "litellm.json", free_port(), "sk-bench-0123456789"
    models = [
        {"model_name": kind, "litellm_params": {
            "model": "openai/mock-1", "api_base": upstream_url(kind, mock, paced), "api_key": "sk-mock"}}
        for kind in _OPENAI_KINDS
    ]  # fmt: skip
    configuration.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": key}}))
    argv: list[str | Path] = [litellm_program(), "--config", configuration, "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR", "LITELLM_TELEMETRY": "False"}
    environment = clean_environment(**quiet)
    del environment["PYTHONPATH"]
    service = Service("litellm", argv, GATEWAY_CORE, port, folder / "litellm.log", environment, start_timeout_s=120)
    with service:
        names = {kind: kind for kind in _OPENAI_KINDS}
        yield Target("LiteLLM", service, f"http://127.0.0.1:{port}/v1", names, key, GATEWAY, sleeps=True)


@contextmanager
def portkey_gateway(folder: Path, mock: Service, paced: Service) -> Iterator[Target]:
    """Portkey's open gateway: the provider's address comes with each request, nothing is checked or counted."""
    port = free_port()
    argv = [*portkey_command(), f"--port={port}", "--headless"]
    environment = clean_environment(NODE_ENV="production")
    service = Service("portkey", argv, GATEWAY_CORE, port, folder / "portkey.log", environment, start_timeout_s=60)
    with service:
        headers = {
            kind: {"x-portkey-provider": "openai", "x-portkey-custom-host": upstream_url(kind, mock, paced)}
            for kind in _OPENAI_KINDS
        }
        names = dict.fromkeys(_OPENAI_KINDS, "mock-1")
        base = f"http://127.0.0.1:{port}/v1"
        yield Target("Portkey", service, base, names, note="no token, no database", headers=headers, sleeps=True)
