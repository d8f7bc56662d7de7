"""The manual is true as far as a machine can read it: its programs compile, its entries load, its shell parses."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from portico import Portico
from portico.sdk.parts import parts_of
from portico.server.catalog.load import load_aliases, load_catalog
from tests.cli.command_lines import commands_in, mistake_in

ROOT = Path(__file__).resolve().parent.parent.parent
SDK_PAGE = (ROOT / "docs/sdk.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples/README.md"]


def blocks(language: str) -> list[object]:
    """The fenced code blocks of a language, named after their page."""
    found_blocks: list[object] = []
    for page in PAGES:
        found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
        name = page.relative_to(ROOT)
        found_blocks += [pytest.param(text, id=f"{name}-{i}") for i, text in enumerate(found, start=1)]
    return found_blocks


@pytest.mark.parametrize("text", blocks("python"))
def test_python_blocks_compile_and_import_what_exists(text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "portico":
            import portico

            assert [a.name for a in node.names if not hasattr(portico, a.name)] == []


@pytest.mark.parametrize("text", blocks("bash"))
def test_shell_blocks_are_shell(text: str) -> None:
    text = text.replace("<this repository>", "repository")
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("text", blocks("bash"))
def test_commands_of_the_manual_are_there_with_their_options(text: str) -> None:
    lines = [line for line in text.replace("\\\n", " ").splitlines() if "portico " in line]
    found = [words for line in lines for words in commands_in(line)]

    assert [mistake for words in found if (mistake := mistake_in(words))] == []


def test_the_page_of_the_sdk_names_every_part_of_a_client() -> None:
    page = (ROOT / "docs/sdk.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`client\.(\w+)", page))
    assert sorted(parts_of(Portico).keys() - named) == []


@pytest.mark.parametrize("row", re.findall(r"^\| [^|]+ \| (`client\.[^|]+) \|", SDK_PAGE, re.M))
def test_the_methods_that_the_page_of_the_sdk_names_are_there(row: str) -> None:
    with Portico("key", "http://host.example") as client:
        here: object = client
        for part, method in re.findall(r"`(?:client\.(\w+))?\.?(\w+)?(?:\(\))?`", row):
            here = getattr(client, part) if part else here
            assert not method or callable(getattr(here, method))


@pytest.mark.parametrize("text", blocks("json"))
def test_json_blocks_are_json(text: str) -> None:
    json.loads(text)


@pytest.mark.parametrize("text", blocks("toml"))
def test_catalog_entries_of_the_manual_can_be_loaded(text: str, tmp_path: Path) -> None:
    entry = tomllib.loads(text)
    if "name" not in entry:
        (tmp_path / "aliases.toml").write_text(text, encoding="utf-8")
        assert set(load_aliases(tmp_path)) == {alias["name"] for alias in entry["aliases"]}
        return
    (tmp_path / f"{entry['name']}.toml").write_text(text, encoding="utf-8")
    catalog = load_catalog(tmp_path)
    names = {m.name for m in catalog.find_provider(entry["name"]).models}
    assert {m["name"] for m in entry["models"]} <= names


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda f: f.name)
def test_every_example_is_listed_and_compiles(example: Path) -> None:
    tree = ast.parse(example.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    assert f"({example.name})" in (ROOT / "examples/README.md").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_target() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert targets is not None
    assert [t for t in targets.group(1).split() if f"make {t}" not in done.stdout] == []
