"""What the two model children share: their orders (by environment, for the key must not show in `ps`) and their end."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import NoReturn

from portico.server.kit.shared_process.report import report_failure

from .host import MIB, maybe_free_memory

ORDERS = "PORTICO_CHILD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a child serves and how. `files` are absolute; `sha256` are theirs ("" for a file of the user)."""

    model: str
    key: str = field(repr=False)
    files: tuple[str, ...]
    sha256: tuple[str, ...]
    context: int
    slots: int
    queue: int
    threads: int
    memory_bytes: int

    def environment(self) -> dict[str, str]:
        return {ORDERS: json.dumps(asdict(self))}

    @classmethod
    def read(cls, env: Mapping[str, str] | None = None) -> Orders:
        raw = json.loads((os.environ if env is None else env)[ORDERS])
        return cls(**{**raw, "files": tuple(raw["files"]), "sha256": tuple(raw["sha256"])})


def refuse(message: str, code: str) -> NoReturn:
    """End this child, telling its supervisor why it cannot start. Codes: cpu, memory, damaged, missing, runtime."""
    report_failure(message, code)
    print(message, file=sys.stderr, flush=True)  # noqa: T201
    sys.exit(3)


def check_memory(orders: Orders) -> None:
    """Ends this child when the model would not fit: better a sentence now than the kernel's killer later."""
    free = maybe_free_memory()
    if free is not None and free < orders.memory_bytes:
        refuse(
            f"{orders.model} needs about {orders.memory_bytes // MIB} MiB of memory and {free // MIB} MiB are free: "
            "stop something, lower PORTICO_LOCAL_CONTEXT, or use a smaller model",
            "memory",
        )


def explain_load_failure(orders: Orders, error: Exception) -> NoReturn:
    """The runtimes do not say why a file cannot be loaded, so look: is it there, is it what was published?"""
    from pathlib import Path

    from .pull import sha256_of

    for name, wanted in zip(orders.files, orders.sha256, strict=True):
        path = Path(name)
        if not path.is_file():
            refuse(f"{path.name} of {orders.model} is missing: run portico models pull {orders.model}", "missing")
        if wanted and sha256_of(path) != wanted:
            refuse(f"{path.name} of {orders.model} is damaged: run portico models pull {orders.model}", "damaged")
        if not wanted and path.open("rb").read(4) != b"GGUF":
            refuse(f"{path.name} is not a GGUF file", "damaged")
    refuse(f"{orders.model} cannot be loaded (a damaged file, or too little memory): {error}", "runtime")
