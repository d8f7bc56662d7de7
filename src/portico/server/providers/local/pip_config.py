"""What pip or uv is told about indexes and certificates: environment and configuration files in, options out."""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

DEFAULT_INDEX = "https://pypi.org/simple"


def _config_files(env: Mapping[str, str]) -> Iterator[Path]:
    """pip's own configuration files, strongest first: https://pip.pypa.io/en/stable/topics/configuration/."""
    if named := env.get("PIP_CONFIG_FILE"):
        yield Path(named)
        if named == os.devnull:
            return
    yield Path(sys.prefix) / "pip.conf"
    home = Path(env.get("HOME", "~")).expanduser()
    yield Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield home / ".pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield Path("/etc/xdg/pip/pip.conf")


def pip_option(name: str, env: Mapping[str, str] | None = None) -> str | None:
    """An option of pip (`index-url`) as its environment or configuration files give it, or None."""
    env = os.environ if env is None else env
    if value := env.get("PIP_" + name.upper().replace("-", "_")):
        return value.strip()
    for path in _config_files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip itself complains about a broken file; we can live without
        for section in ("install", "global"):
            if value := parser.get(section, name, fallback="").strip():
                return value
    return None


def list_indexes(env: Mapping[str, str] | None = None) -> list[str]:
    """Simple-index addresses without trailing slash, the main one first."""
    env = os.environ if env is None else env
    # uv's own setting first, as `scripts/package_index.py` has it: one set-up asks one index
    main = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or pip_option("index-url", env) or DEFAULT_INDEX
    extra = (pip_option("extra-index-url", env) or env.get("UV_EXTRA_INDEX_URL") or "").split()
    return [url.rstrip("/") for url in dict.fromkeys([main.split()[0], *extra])]
