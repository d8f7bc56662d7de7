"""The script `portico`: Ctrl-C is answered while Python still imports the command line, streams may be missing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]["portico"]
MODULE, _, FUNCTION = SCRIPT.partition(":")
# What the installed script does, and what `python -m portico` does.
STARTS = {
    "script": f"import sys; from {MODULE} import {FUNCTION} as main; sys.exit(main())",
    "module": "import runpy; runpy.run_module('portico', run_name='__main__', alter_sys=True)",
}
CTRL_C = """
import sys
from importlib.abc import MetaPathFinder

class Interrupting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("module", ["portico.cli", "click", "portico.cli.main", "portico.cli.options"])
def test_ctrl_c_during_an_import_is_one_line_and_130(start: str, module: str) -> None:
    done = python(CTRL_C + STARTS[start], module)

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_the_entry_imports_nothing_that_takes_time() -> None:
    code = f"import sys; before = set(sys.modules); import portico; known = set(sys.modules); import {MODULE}; "
    done = python(code + "print(sorted(set(sys.modules) - known))")

    assert done.stdout.strip() == f"['{MODULE}']"


@pytest.mark.parametrize("start", STARTS)
def test_the_exit_code_is_that_of_the_command(start: str) -> None:
    assert python(STARTS[start], "--version").returncode == 0
    assert python(STARTS[start], "no-such-command").returncode == 2


@pytest.mark.parametrize(("closed", "code"), [("<&-", 0), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_a_stream_that_the_caller_closed_is_no_traceback(closed: str, code: int) -> None:
    line = f'exec "$0" -c "$1" version {closed}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, STARTS["script"]], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_behind_the_output_is_one_line_and_1() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", STARTS["script"], "version"], stdout=full, stderr=subprocess.PIPE, text=True,
            check=False,
        )  # fmt: skip

    assert (done.returncode, done.stderr) == (1, "error: No space left on device.\n")
