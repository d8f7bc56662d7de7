"""The vendor's SDK in this process: imported with a home folder of its own, its process-wide state set back."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveServer

Done = subprocess.CompletedProcess[str]


def import_pygeai(home: Path) -> None:
    """Importing it makes `~/.geai`, so the first import happens under another home.

    Its own deprecation warnings (it mixes generations of pydantic) are not ours to turn into errors.
    """
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(home)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pygeai.admin.clients
            import pygeai.analytics.managers
            import pygeai.assistant.managers
            import pygeai.auth.clients
            import pygeai.chat.managers
            import pygeai.chat.session
            import pygeai.core.embeddings.managers
            import pygeai.core.llm.clients
            import pygeai.health.clients
            import pygeai.organization.managers  # noqa: F401
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before


def run_geai(home: Path, *arguments: str, program: str = "geai", typed: str = "", **environ: str) -> Done:
    """The vendor's command as a process, with a home folder of its own; `typed` is what it reads."""
    home.mkdir(exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GEAI_", "SAIA_", "PORTICO_"))}
    executable = Path(sys.executable).with_name(program)
    assert executable.exists(), f"{program} of pygeai 0.8.0 is not installed beside {sys.executable}"
    return subprocess.run(
        [str(executable), *arguments],
        env={**clean, "HOME": str(home), "PYTHONUTF8": "1", **environ},
        input=typed,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def said(done: Done, label: str) -> Any:
    """The answer behind its label, printed as Python writes it."""
    assert done.returncode == 0, done.stdout + done.stderr
    assert label in done.stdout, done.stdout
    return ast.literal_eval(done.stdout.partition(label)[2].strip())


@contextmanager
def profiles_of(server: LiveServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The SDK with the server's profiles, and nothing of the environment's. The file is a copy, in `folder`: the SDK
    adds empty values to its file as it reads."""
    for name in ("GEAI_API_KEY", "GEAI_API_BASE_URL", "GEAI_OAUTH_ACCESS_TOKEN", "GEAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    file = Path(shutil.copy(server.data_dir / "credentials", folder / "credentials"))
    with profiles(file):
        yield file


@contextmanager
def profiles(credentials: Path) -> Iterator[None]:
    """The SDK as it is in a fresh process that was told to use this credentials file."""
    from pygeai.core.base.session import reset_session
    from pygeai.core.common.config import get_settings, reset_settings

    reset_settings()
    reset_session()
    get_settings(credentials_file=str(credentials))
    try:
        yield
    finally:
        reset_settings()
        reset_session()
