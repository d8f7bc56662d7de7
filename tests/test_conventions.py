"""Conventions that types cannot hold. Each test names the files that break one."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from portico.server.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "portico"
PLAIN_TYPES = {"dict", "list", "tuple", "str", "int", "float", "bool", "Any", "msgspec"}
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
# The only files that may name the HTTP library: one in the SDK, one in the server, and the guarded fetcher.
HTTP_LIBRARY_FILES = {
    "sdk/transport.py",
    "server/providers/transport.py",
    "server/providers/fetcher.py",
    "server/storage/blobs/s3_request.py",
}
# Put together here, so that this file does not break its own rule.
WORKPLACE = [re.compile("/work" + r"/\w+"), re.compile("/tmp/" + "bash"), re.compile("/far" + "m/")]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Every file of the repository, new ones included; of an unpacked archive, every file that is no product."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        names = listed.stdout.split("\0")
    else:
        names = [
            str(f.relative_to(ROOT)) for top in ("src", "tests", "docs", "examples") for f in (ROOT / top).rglob("*")
        ]
    return tuple(ROOT / name for name in names if name and (ROOT / name).is_file())


def source_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def name_of(file: Path) -> str:
    return file.relative_to(SOURCE).as_posix()


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def functions_of(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree_of(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_no_file_names_a_path_of_the_workplace() -> None:
    found = []
    for file in tracked_files():
        text = file.read_bytes().decode("utf-8", "ignore")
        found += [f"{file.relative_to(ROOT)}: {m.group()}" for rule in WORKPLACE for m in rule.finditer(text)]
    assert found == []


def test_import_portico_loads_nothing_of_the_server() -> None:
    code = "import sys, portico; print([m for m in sys.modules if m.startswith(('portico.server', 'portico.cli'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [f.name for f in fields(Settings)])
def test_every_setting_has_its_paragraph(name: str) -> None:
    """`python scripts/make_docs.py` writes the list of settings into the page."""
    page = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    by_provider = {"provider_keys": "API_KEY", "provider_urls": "BASE_URL", "provider_options": "<OPTION>"}
    variable = f"PORTICO_PROVIDER_<NAME>_{by_provider[name]}" if name in by_provider else f"PORTICO_{name.upper()}"
    assert f"`{variable}`" in page


def test_modules_are_short() -> None:
    sizes = {name_of(f): len(f.read_text(encoding="utf-8").splitlines()) for f in source_files()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    sizes = {
        f"{name_of(file)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for file in source_files()
        for node in functions_of(file)
    }
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}


def test_no_error_is_swallowed_whole() -> None:
    found = [
        f"{name_of(file)}:{node.lineno}"
        for file in source_files()
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.ExceptHandler) and is_broad(node) and all(isinstance(s, ast.Pass) for s in node.body)
    ]
    assert found == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or getattr(handler.type, "id", "") in ("Exception", "BaseException")


def test_only_the_named_files_know_the_http_library() -> None:
    found = {name_of(f) for f in source_files() if "pyreqwest" in imported_packages(f)}
    assert found - HTTP_LIBRARY_FILES == set()


def imported_packages(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def test_decoders_of_own_shapes_are_made_at_import_where_threads_are() -> None:
    """msgspec (0.22) crashes the interpreter when two threads are the first to prepare one shape."""
    threads = re.compile(r"\b(to_thread|run_in_executor|ThreadPoolExecutor|Thread)\(")
    asked = [
        f"{name_of(file)}:{node.lineno}"
        for file in source_files()
        if "server/providers/local" in file.as_posix() or threads.search(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("decode", "convert")
        for keyword in node.keywords
        if keyword.arg == "type" and {n.id for n in ast.walk(keyword.value) if isinstance(n, ast.Name)} - PLAIN_TYPES
    ]
    assert asked == []


def test_every_module_says_what_it_is() -> None:
    silent = [name_of(f) for f in source_files() if tree_of(f).body and not ast.get_docstring(tree_of(f))]
    assert silent == []


def test_every_open_route_is_listed_in_the_manual() -> None:
    """The guard names the routes that need no token; the manual names the same."""
    open_routes = pytest.importorskip("portico.server.edge.guard").OPEN_PATHS
    page = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert [route for route in sorted(map(str, open_routes)) if f"`{route}`" not in page] == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_the_lock_names_no_index_and_pins_with_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*-(i|f|-index-url|-extra-index-url|-find-links)\b", text, re.M)
    pins = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.M)[1:]
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin or "==" not in pin] == []


def test_both_locks_agree() -> None:
    run, dev = (
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.M))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run - dev == set()


def test_the_lock_holds_every_declared_package() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [r for group in project["optional-dependencies"].values() for r in group]
    wanted = {normal(re.split(r"[\[<>=!~; ]", r)[0]) for r in [*project["dependencies"], *extras]}
    held = {normal(n) for n in re.findall(r"^([\w.-]+)==", (ROOT / "requirements-dev.lock").read_text(), re.M)}
    assert wanted - held == set()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_page_of_the_manual_can_be_reached() -> None:
    contents = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    pages = [p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md") if p.name != "README.md"]
    assert [page for page in sorted(pages) if f"]({page})" not in contents] == []


def test_links_of_the_documents_lead_somewhere() -> None:
    broken = []
    for page in (f for f in tracked_files() if f.suffix == ".md"):
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert broken == []


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "NOTICE"])
def test_the_house_has_its_papers(name: str) -> None:
    assert (ROOT / name).stat().st_size > 200


def test_the_set_up_is_readable_by_an_old_python() -> None:
    """bootstrap.py must at least start there, to say that a newer Python is needed."""
    ast.parse((ROOT / "scripts/bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 8))
