"""Requirement 10: few distributions, and a command line that is there at once: what it loads, and what it does not.

How many milliseconds that takes, the benchmark says (part `startup`); a test counts, and holds on any machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORT = "import portico"
CLIENT = "import portico; portico.Portico('key', 'http://host.example')"
HELP = "from portico.cli.main import main; main(['--help'])"
HEAVY = {
    "asyncio", "concurrent", "email", "html", "http", "json", "logging", "multiprocessing", "secrets", "socket",
    "sqlite3", "ssl", "subprocess", "tempfile", "tomllib", "unittest", "xml", "zipfile",
    "httpx", "pyreqwest", "rich", "yaml", "uvicorn", "litestar", "sqlalchemy", "psycopg", "alembic", "numpy",
}  # fmt: skip
"""What takes milliseconds to load, and is loaded at its first use. The help of Python 3.14 takes more of the library
of Python than that of 3.11, hence the room in the bounds below."""


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


def loaded_by(code: str) -> set[str]:
    """Modules that a new Python loads for the code, beyond those that it has from its start."""
    told = f"""
import sys
before = set(sys.modules)
try:
    {code}
except SystemExit as end:
    assert not end.code
print("\\n" + "\\n".join(sorted(set(sys.modules) - before)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    return set(done.stderr.split())


def own(modules: set[str]) -> set[str]:
    """Without the library of Python, which differs between versions."""
    return {name for name in modules if name.partition(".")[0] not in sys.stdlib_module_names}


def test_plain_portico_is_at_most_ten_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = distributions(list(project["dependencies"])) | {"portico"}

    assert {"click", "msgspec", "pyreqwest", "rich"} < found
    assert len(found) <= 10, sorted(found)


@pytest.mark.parametrize(
    ("code", "most_own", "most"),
    [(IMPORT, 1, 45), (CLIENT, 36, 120), (HELP, 22, 110)],
    ids=["import", "client", "help"],
)
def test_only_so_many_modules_are_loaded_and_none_of_the_heavy_ones(code: str, most_own: int, most: int) -> None:
    loaded = loaded_by(code)

    assert "portico" in loaded
    assert not {name.partition(".")[0] for name in loaded} & HEAVY
    assert len(own(loaded)) <= most_own, sorted(own(loaded))
    assert len(loaded) <= most, sorted(loaded)
