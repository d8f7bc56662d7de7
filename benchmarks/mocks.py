"""The providers behind everything: nginx with static answers in two dialects, and a program that paces streams."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.installs import clean_environment
from benchmarks.machine import LOAD_CORE, Service, find_program, free_port

SHORT_WORDS, LONG_WORDS = 2, 110
STATIC_DELTAS = 64
"""In the streams that nginx gives at once, whole."""


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


def message_answer(words: int) -> str:
    """The same answer as Anthropic writes it."""
    return json.dumps({
        **_MESSAGE, "content": [{"type": "text", "text": " ".join(["measure"] * words)}], "stop_reason": "end_turn",
        "stop_sequence": None, "usage": {**_READ, "output_tokens": words},
    })  # fmt: skip


_MESSAGE = {"id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "model": "mock-1"}
_READ = {"input_tokens": 19, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
_CHUNK = {"id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "object": "chat.completion.chunk",
          "created": 1_790_000_000, "model": "mock-1", "system_fingerprint": "fp_mock"}  # fmt: skip


def chat_stream(deltas: int = STATIC_DELTAS) -> str:
    """A whole event stream of OpenAI."""

    def chunk(delta: dict[str, str], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return json.dumps({**_CHUNK, "choices": [choice]})

    usage = {"prompt_tokens": 19, "completion_tokens": deltas, "total_tokens": 19 + deltas}
    chunks = [chunk({"role": "assistant", "content": ""}), *[chunk({"content": " word"})] * deltas, chunk({}, "stop")]
    return "".join(
        f"data: {data}\n\n" for data in [*chunks, json.dumps({**_CHUNK, "choices": [], "usage": usage}), "[DONE]"]
    )


def message_stream(deltas: int = STATIC_DELTAS) -> str:
    """The same stream as Anthropic sends it."""
    text = {"type": "text_delta", "text": " word"}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": {**_MESSAGE, "content": [], "stop_reason": None, "stop_sequence": None,
         "usage": {**_READ, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[{"type": "content_block_delta", "index": 0, "delta": text}] * deltas,
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
         "usage": {"output_tokens": deltas}},
        {"type": "message_stop"},
    ]  # fmt: skip
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)


def mock_service(folder: Path) -> Service:
    """nginx with static answers, one place for each kind: OpenAI short, long, flow (streamed); claude, claudeflow."""
    port = free_port()
    (folder / "mock").mkdir()
    answers = {
        "short": ("application/json", chat_answer(SHORT_WORDS)),
        "long": ("application/json", chat_answer(LONG_WORDS)),
        "claude": ("application/json", message_answer(SHORT_WORDS)),
        "flow": ("text/event-stream", chat_stream()),
        "claudeflow": ("text/event-stream", message_stream()),
    }
    places = "".join(_place(folder / "mock", kind, *answer) for kind, answer in answers.items())
    servers = f"  server {{\n    listen 127.0.0.1:{port} backlog=4096;\n{places}  }}\n"
    return nginx("mock", folder / "mock", LOAD_CORE, port, servers)


def _place(folder: Path, kind: str, content_type: str, body: str) -> str:
    """A stream is too long for a `return`; it is a file, which nginx serves to a POST by way of its own 405."""
    if content_type == "application/json":
        return f"    location /{kind}/ {{ default_type {content_type}; return 200 '{body}'; }}\n"
    (folder / kind).write_text(body)
    return (
        f"    location /{kind}/ {{ error_page 405 =200 /files/{kind}; return 405; }}\n"
        f"    location = /files/{kind} {{\n      internal; default_type {content_type}; alias {folder / kind};\n"
        "      open_file_cache max=10; error_page 405 =200 $uri;\n    }\n"
    )


def paced_service(folder: Path) -> Service:
    port = free_port()
    argv = [sys.executable, "-m", "benchmarks.paced_mock", str(port)]
    return Service("paced mock", argv, LOAD_CORE, port, folder / "paced.log", env=clean_environment())


def nginx(name: str, folder: Path, core: int, port: int, servers: str) -> Service:
    folder.mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_nginx_conf(folder, servers))
    program = find_program("nginx", "nginx-light")
    argv: list[str | Path] = [program, "-p", folder, "-c", configuration, "-e", folder / "error.log"]
    return Service(name, argv, core, port, folder / "out.log")


def _nginx_conf(folder: Path, servers: str) -> str:
    temporary = "".join(
        f"  {kind}_temp_path {folder}/{kind}_temp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/pid;\nerror_log {folder}/error.log warn;\n"
        "events { worker_connections 8192; }\n"
        f"http {{\n  access_log off;\n  keepalive_requests 1000000000;\n  tcp_nodelay on;\n{temporary}{servers}}}\n"
    )


def upstream_url(kind: str, mock: Service, paced: Service) -> str:
    """The base URL of the provider that answers this kind."""
    service = paced if kind in PACED else mock
    return f"http://127.0.0.1:{service.port}/{kind}" + ("" if kind in ANTHROPIC else "/v1")


PACED = ("stream", "stamp")
ANTHROPIC = ("claude", "claudeflow")
STREAMED = ("stream", "stamp", "flow", "claudeflow")
