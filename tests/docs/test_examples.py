"""Every example runs as it stands against a real server with the instant model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
EXPECTED = {
    "ask.py": "tokens",
    "ask_async.py": "Name a lake of Bolivia.",
    "stream.py": "finish  ",
    "tools.py": "get_weather(",
    "embed.py": "Lunch is served at noon.",
    "rag.py": "source: leave.md",
    "catalog.py": "local/",
    "low_level.py": "organizationId",
    "errors.py": "HostUnreachable",
    "curl.sh": "data: [DONE]",
}
PROGRAMS = sorted([*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.sh")])


@pytest.mark.timeout(180)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda file: file.name)
def test_example_runs_as_it_stands(program: Path, server_environment: dict[str, str]) -> None:
    command = [sys.executable] if program.suffix == ".py" else ["sh"]
    done = subprocess.run(
        [*command, str(program)], env=server_environment, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    assert EXPECTED.get(program.name, "") in done.stdout
    assert done.stdout.strip()


def test_the_nearest_text_comes_first(server_environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "embed.py")],
        env=server_environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    assert done.stdout.splitlines()[0].endswith("Invoices are paid within 30 days.")
