"""Tokens per second of the instant local model: through the server, against the bare runtime behind it."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.gateway import first_token, portico_serve, run_portico
from benchmarks.installs import CACHE, ROOT
from portico.server.providers.local.runtime import LocalRuntime
from portico.server.settings import Settings

MODEL = "smollm2-135m-instruct"
LONGEST_S = 60.0
"""No further round begins after this: a busy machine makes fewer runs, which the report shows."""
_PROMPT = "Write a long story about a lighthouse keeper who finds a door in the sea."


def models_folder() -> Path:
    """Where the model lies already, else a folder of our own into which it is pulled once."""
    for folder in (ROOT / ".portico" / "models", CACHE / "models"):
        if list(folder.glob(f"{MODEL}*.gguf")):
            return folder
    run_portico(["models", "pull", MODEL], PORTICO_MODELS_DIR=str(CACHE / "models"))
    return CACHE / "models"


def measure(rounds: int, tokens: int, folder: Path) -> list[dict[str, object]]:
    data, models = folder / "tokens", models_folder()
    variables = {"PORTICO_MODELS_DIR": str(models), "PORTICO_STARTER_PULL": "off", "PORTICO_CHAT_CACHE": "false"}
    with portico_serve(data, folder / "tokens.log", None, variables) as service:
        server = Place(f"http://127.0.0.1:{service.port}/v1", first_token(data), f"local/{MODEL}")
        server.ask(8)  # loads the model
        with asyncio.Runner() as runner:
            runtime = LocalRuntime(Settings(data_dir=data, models_dir=models, starter_pull="off"))
            try:
                endpoint = runner.run(runtime.reach(MODEL))  # the same child: it is shared by all who lease it
                key = dict(endpoint.headers)["authorization"].removeprefix("Bearer ")
                bare = Place(endpoint.base_url, key, MODEL)
                return _rounds({"server": server, "bare runtime": bare}, rounds, tokens)
            finally:
                runner.run(runtime.close())


class Place:
    """An address that answers chat requests."""

    def __init__(self, base_url: str, key: str, model: str) -> None:
        self._url, self._key, self._model = f"{base_url}/chat/completions", key, model

    def ask(self, tokens: int) -> int:
        """One streamed answer; the number of tokens it had."""
        members = {
            "model": self._model, "messages": [{"role": "user", "content": _PROMPT}], "temperature": 0,
            "max_tokens": tokens, "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url, json.dumps(members).encode(), headers)
        made = 0
        with urllib.request.urlopen(request, timeout=120) as answer:
            for line in answer:
                if line.startswith(b"data: {") and b'"usage"' in line:
                    usage = json.loads(line[6:]).get("usage") or {}
                    made = usage.get("completion_tokens", made)
        return made


def _rounds(places: dict[str, Place], rounds: int, tokens: int) -> list[dict[str, object]]:
    samples: list[dict[str, object]] = []
    ends = time.monotonic() + LONGEST_S
    for number in range(rounds):
        if number and time.monotonic() > ends:
            break
        for at_once in (1, 4):
            for name, place in places.items():
                rate = _rate(place, at_once, tokens)
                samples.append({"place": name, "at_once": at_once, "round": number, "tokens_per_s": rate})
                print(f"  round {number + 1}/{rounds}  {at_once} at once  {name:14} {rate:7.1f} tokens/s")
    return samples


def _rate(place: Place, at_once: int, tokens: int) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        made = sum(pool.map(place.ask, [tokens] * at_once))
    return made / (time.perf_counter() - began)
