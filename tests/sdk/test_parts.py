"""Every part of a client is what its annotation says, and costs nothing until it is asked for."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import pytest

from portico import AsyncPortico, Portico
from portico.sdk import clients, managers
from portico.sdk.clients import AsyncLowLevel, LowLevel
from portico.sdk.parts import parts_of
from tests.sdk.test_package import python

WHOLES = [Portico, AsyncPortico, LowLevel, AsyncLowLevel]
ROWS = [(whole, name) for whole in WHOLES for name in parts_of(whole)]


@pytest.mark.parametrize(("whole", "name"), ROWS, ids=lambda value: getattr(value, "__name__", value))
def test_a_part_is_of_the_class_that_type_checkers_see(whole: type, name: str) -> None:
    module, _, kind = parts_of(whole)[name].target.partition(":")

    assert whole.__annotations__[name] == f"Part[{kind}]"
    assert module.split(".")[0] == ("clients" if "Low" in whole.__name__ else "managers")
    assert isinstance(getattr(import_module(f"portico.sdk.{module}"), kind), type)


def test_a_part_is_made_once() -> None:
    with Portico("key", "http://host.example") as client:
        assert client.tokens is client.tokens
        assert client.low.tokens is client.low.tokens


@pytest.mark.parametrize("package", [clients, managers], ids=["low level", "high level"])
def test_every_module_of_an_api_section_is_reached_from_a_client(package: object) -> None:
    """So that a new section cannot be forgotten: its module must be the home of some part."""
    path = package.__path__  # type: ignore[attr-defined]
    modules = {m.name for m in pkgutil.iter_modules(path)} - {"base"}
    reached = {p.target.split(":")[0].rpartition(".")[2] for whole in WHOLES for p in parts_of(whole).values()}
    helpers = {name for name in modules if not _has_parts(package.__name__, name)}  # type: ignore[attr-defined]

    assert modules - reached - helpers == set()


def _has_parts(package: str, name: str) -> bool:
    """Whether a module defines a client or a manager: some class of it has an asynchronous twin."""
    home = f"{package}.{name}"
    own = {key for key, value in vars(import_module(home)).items() if getattr(value, "__module__", "") == home}
    return any(f"Async{key}" in own for key in own)


def test_a_client_imports_no_section_that_nobody_asks_for() -> None:
    code = (
        "import sys, portico; c = portico.Portico('k', 'http://h'); "
        "print([m for m in sys.modules if m.startswith(('portico.sdk.clients.', 'portico.sdk.managers.'))])"
    )
    assert python(code).stdout.strip() == "['portico.sdk.managers.base']"
