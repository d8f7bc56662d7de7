"""A server of its own for the programs of the manual: a fresh data folder, the models of the set-up, a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from portico.server.settings import Settings

START = "import sys; from portico.cli.main import main; sys.exit(main(['serve']))"
FOREIGN = ("GEAI_", "SAIA_", "PORTICO_", "PORT", "DATA")


@pytest.fixture(scope="session")
def server_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a program that finds the running server as a user's program does: by the credentials file."""
    models = Settings.load().models
    data = tmp_path_factory.mktemp("portico")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    wanted = {"PORT": "0", "DATA": str(data), "PORTICO_MODELS_DIR": str(models), "PORTICO_STARTER_PULL": "off"}
    log = data / "standard-error"
    with log.open("wb") as errors:
        server = subprocess.Popen(
            [sys.executable, "-c", START], env=clean | wanted, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        _read_until_ready(server, log)
        home = tmp_path_factory.mktemp("home")
        (home / ".geai").mkdir()
        (home / ".geai/credentials").write_text((data / "credentials").read_text(encoding="utf-8"), encoding="utf-8")
        yield clean | {"HOME": str(home), "DATA": str(data)}
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0, log.read_text(encoding="utf-8")


def _read_until_ready(server: subprocess.Popen[str], log: Path) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if re.search(r"answers at http://", line):
            return
    raise AssertionError(f"the server did not start: {log.read_text(encoding='utf-8')}")
