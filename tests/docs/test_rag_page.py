"""The quick start of the page on RAG assistants, run as it stands: command line, Python, curl."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/rag.md"
START = PAGE.read_text(encoding="utf-8").partition("## Quick start")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"^```(bash|python)\n(.*?)^```", START, re.M | re.S)


@pytest.mark.timeout(240)
def test_the_quick_start_runs_as_it_stands(server_environment: dict[str, str], tmp_path: Path) -> None:
    profile = configparser.ConfigParser(interpolation=None)
    profile.read(Path(server_environment["HOME"]) / ".geai/credentials")
    environ = {
        **server_environment,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "BASE_URL": profile["default"]["GEAI_API_BASE_URL"],
        "GEAI_APITOKEN": profile["default"]["GEAI_API_KEY"],
    }
    said = []
    for language, text in BLOCKS:
        command = ["bash", "-e", "-c", text] if language == "bash" else [sys.executable, "-c", text]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done)
    cli, python, curl = said
    assert "Success" in cli.stdout
    assert "[1] leave.md" in cli.stderr
    assert "leave.md" in python.stdout and "twenty-five days" in python.stdout
    assert '"chat.completion"' in curl.stdout
