"""Every setting of the server, typed, with default, unit and one line of help. Read once, in `app.py`.

Sources, last wins: default, environment (`PORTICO_<NAME>`), arguments of `portico serve`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit


class Secret(str):
    """A string that does not print: `str()` of it works where it is needed, `repr()` never shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')"

    def __format__(self, spec: str) -> str:
        return "***"


class SettingError(ValueError):
    """A setting has a value that cannot be used; the message names it and says what to write."""


def _setting(default: Any, text: str) -> Any:
    if callable(default):
        return field(default_factory=default, metadata={"help": text})
    return field(default=default, metadata={"help": text})


def default_data_dir() -> Path:
    """`.portico` in a clone (a folder with our Makefile and pyproject), else the user's data folder."""
    root = Path(__file__).resolve().parents[3]
    if (root / "Makefile").is_file() and (root / "pyproject.toml").is_file():
        return root / ".portico"
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "portico"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8080, "Port to listen on; 0 takes a free one.")
    workers: int = _setting(1, "Server processes on this host.")
    data_dir: Path = _setting(default_data_dir, "Folder of the database, the models, the journal and the keys.")
    models_dir: Path | None = _setting(None, "Folder of the model files; default: `models` in the data folder.")
    catalog_dir: Path | None = _setting(
        None, "Folder of own catalog entries (*.toml); default: `catalog` in the data folder."
    )
    database_url: Secret | None = _setting(
        None, "PostgreSQL to use instead of the embedded one: postgresql://user:password@host/name."
    )
    secret_key: Secret | None = _setting(
        None,
        "Key for hashing and encryption, 32 or more characters, equal on all hosts. Default: made at first start.",
    )
    body_limit_bytes: int = _setting(50 * 1024 * 1024, "Largest request body.")
    request_timeout_s: float = _setting(600.0, "Longest wait for a plain answer of a provider.")
    gap_timeout_s: float = _setting(120.0, "Longest silence of a provider's stream.")
    connect_timeout_s: float = _setting(10.0, "Longest wait for a connection to a provider.")
    keep_alive_s: float = _setting(10.0, "Silence on a stream after which a keep-alive comment is sent.")
    retries: int = _setting(2, "Further tries before the first byte when a provider fails.")
    retry_budget_s: float = _setting(30.0, "Time within which a further try may begin.")
    shutdown_grace_s: float = _setting(10.0, "How long open answers may go on after a stop is asked for.")
    local_models: bool = _setting(True, "Serve the embedded models (provider `local`).")
    starter_pull: Literal["auto", "off"] = _setting(
        "auto", "Pull the starter chat model in the background at first start."
    )
    local_context: int = _setting(8192, "Context of a local chat model in tokens, shared by its slots.")
    local_slots: int = _setting(4, "Requests that one local chat model works on at once.")
    local_queue: int = _setting(32, "Requests that may wait for a local model before 503.")
    local_threads: int = _setting(0, "Threads of the local models for prompts and batches; 0 = all cores.")
    local_idle_unload_s: float = _setting(0.0, "Unload a local model after so long without a request; 0 = never.")
    access_log: bool = _setting(False, "Write one line per request to standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = _setting("info", "Least severe message that is logged.")
    provider_keys: Mapping[str, Secret] = _setting(
        dict, "PORTICO_PROVIDER_<NAME>_API_KEY: the key of a provider, by its name in the catalog."
    )
    provider_urls: Mapping[str, str] = _setting(
        dict,
        "PORTICO_PROVIDER_<NAME>_BASE_URL: where a provider is reached, instead of the catalog's address.",
    )

    @property
    def models(self) -> Path:
        return self.models_dir or self.data_dir / "models"

    @property
    def own_catalog(self) -> Path:
        return self.catalog_dir or self.data_dir / "catalog"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
        """Settings from the environment, overridden by the arguments that are not None. Raises SettingError."""
        env = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        hints = get_type_hints(cls)
        for f in fields(cls):
            raw = env.get(f"PORTICO_{f.name.upper()}")
            if raw is None and f.name in ("port", "data_dir"):
                raw = env.get({"port": "PORT", "data_dir": "DATA"}[f.name])
            if raw is not None and raw.strip():
                values[f.name] = _convert(f.name, hints[f.name], raw.strip())
        values["provider_keys"] = {k: Secret(v) for k, v in _providers(env, "API_KEY").items()}
        values["provider_urls"] = _providers(env, "BASE_URL")
        values.update({k: v for k, v in arguments.items() if v is not None})
        _check(values)
        values["data_dir"] = Path(values.get("data_dir") or default_data_dir()).expanduser().absolute()
        return cls(**values)


def _providers(env: Mapping[str, str], what: str) -> dict[str, str]:
    """Values of PORTICO_PROVIDER_<NAME>_<what>, keyed by the lower-case name."""
    pattern = re.compile(rf"PORTICO_PROVIDER_(\w+)_{what}")
    found = ((pattern.fullmatch(key), value) for key, value in env.items())
    return {m.group(1).lower(): value.strip() for m, value in found if m and value.strip()}


_NUMBERS: Mapping[str, tuple[float, float]] = {
    "port": (0, 65_535),
    "workers": (1, 1_024),
    "body_limit_bytes": (1, 2**40),
    "request_timeout_s": (0.001, 1e9),
    "gap_timeout_s": (0.001, 1e9),
    "connect_timeout_s": (0.001, 1e9),
    "keep_alive_s": (0.1, 1e9),
    "retries": (0, 100),
    "retry_budget_s": (0, 1e9),
    "shutdown_grace_s": (0, 1e6),
    "local_context": (1, 2**31),
    "local_slots": (1, 1_024),
    "local_queue": (0, 1e6),
    "local_threads": (0, 4_096),
    "local_idle_unload_s": (0, 1e9),
}
"""Least and greatest value; a silence of 0 s would be broken without end, a timeout of 0 s would end every answer."""


def _check(values: Mapping[str, Any]) -> None:
    """Raises SettingError for what would be understood only at the first request."""
    for name, (least, greatest) in _NUMBERS.items():
        if name in values and not least <= values[name] <= greatest:  # no number at all ("nan") fails, too
            raise SettingError(f"PORTICO_{name.upper()}={values[name]}: write a number from {least:g} to {greatest:g}")
    for name, key in values["provider_keys"].items():
        if not re.fullmatch(r"[!-~]+", key):
            raise SettingError(
                f"PORTICO_PROVIDER_{name.upper()}_API_KEY has blanks or other characters that no key has: copy it again"
            )
    for name, url in values["provider_urls"].items():
        if not _is_address(url):
            raise SettingError(
                f"PORTICO_PROVIDER_{name.upper()}_BASE_URL is no address: write it like https://api.example.com/v1"
            )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    plain = re.fullmatch(r"[!-~]+", url) is not None and not (parts.query or parts.fragment or parts.username)
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)


def _convert(name: str, hint: Any, raw: str) -> object:
    label = f"PORTICO_{name.upper()}"
    kinds = [k for k in (get_args(hint) or (hint,)) if k is not type(None)]
    if get_origin(hint) is Literal:
        if raw.lower() not in get_args(hint):
            raise SettingError(f"{label}={raw!r}: write one of {', '.join(get_args(hint))}")
        return raw.lower()
    kind = kinds[0]
    if kind is bool:
        if raw.lower() not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
            raise SettingError(f"{label}={raw!r}: write true or false")
        return raw.lower() in ("1", "true", "yes", "on")
    if kind is Path:
        return Path(raw).expanduser().absolute()
    try:
        return kind(raw)
    except ValueError:
        raise SettingError(f"{label}={raw!r}: write a number") from None
