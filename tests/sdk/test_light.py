"""Requirement 10: few distributions, and a command line that is there at once. Processor time, for busy machines."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = "import sys; from portico.cli.main import main; sys.exit(main(['--help']))"
CLIENT = "import portico; portico.Portico('key', 'http://host.example')"


def distributions(names: list[str]) -> set[str]:
    """These and all that they need, extras left out, on this system."""
    found: set[str] = set()
    while names:
        name = re.split(r"[\[<>=!~;( ]", names.pop())[0].lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        try:
            needed = requires(name) or []
        except PackageNotFoundError:
            needed = []
        names += [need for need in needed if "extra ==" not in need and not _elsewhere(need)]
    return found


def _elsewhere(need: str) -> bool:
    """Needed by other systems and older Pythons only."""
    marker = need.partition(";")[2]
    return (
        "win32" in marker
        or "Windows" in marker
        or bool(re.search(r"python_version\s*<=?\s*['\"]3\.(\d|1[01])\b", marker))
    )


def cpu_ms(code: str) -> float:
    """Processor time of a Python that runs the code, the least of five."""
    figures = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=os.environ)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return min(figures)


def test_plain_portico_is_at_most_ten_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = distributions(list(project["dependencies"])) | {"portico"}

    assert {"click", "msgspec", "pyreqwest", "rich"} < found
    assert len(found) <= 10, sorted(found)


def test_help_takes_at_most_150_ms() -> None:
    assert cpu_ms(HELP) <= 150


def test_a_client_takes_at_most_150_ms_with_the_interpreter() -> None:
    assert cpu_ms(CLIENT) <= 150
