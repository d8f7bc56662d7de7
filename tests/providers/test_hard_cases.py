"""Every hard case of the gateway's rules has a test that bears its id, and every native protocol plays the suite."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from tests.providers.cases_gemini import GeminiCases
from tests.providers.fakes import FAKES
from tests.providers.suite import ProviderSuite

HERE = Path(__file__).resolve().parent
CASES = [f"hc{number:02}" for number in range(1, 33)]
GAPS: dict[str, str] = {}
"""Ids without a test, each with the reason."""


@cache
def named_cases() -> frozenset[str]:
    """All ids that stand in the name of a test function."""
    found: set[str] = set()
    for file in HERE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.update(re.findall(r"hc\d\d", node.name))
    return frozenset(found)


@cache
def suites() -> dict[str, type[ProviderSuite]]:
    """The suites of this folder by the provider they play with, lower case, and its protocol if not the usual one."""
    files = [file for file in HERE.glob("test_*.py") if re.search(r"^class .*ProviderSuite", file.read_text(), re.M)]
    modules = [import_module(f"tests.providers.{file.stem}") for file in files]
    found = [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ProviderSuite) and value.__module__ == module.__name__
    ]
    by_name = {suite.fake.provider.lower() + suite.fake.variant: suite for suite in found}
    assert len(by_name) == len(found), "one suite for each protocol of a provider"
    return by_name


@pytest.mark.parametrize("case", CASES)
def test_every_hard_case_is_tested_or_a_stated_gap(case: str) -> None:
    assert (case in named_cases()) != bool(GAPS.get(case)), "a test bears its id, or GAPS says why none does"


def test_no_test_names_a_case_that_is_none() -> None:
    assert named_cases() <= set(CASES) and set(CASES) >= GAPS.keys()


@pytest.mark.parametrize("provider", FAKES)
def test_every_native_protocol_plays_the_suite(provider: str) -> None:
    suite = suites()[provider.lower()]
    assert suite.fake.provider == provider
    assert suite.__name__.startswith("Test"), "pytest collects it"
    assert issubclass(suite, GeminiCases) is (provider in ("gemini", "vertex_ai"))
