"""Our YAML is read back by another parser as what it was."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from portico.cli.yaml_text import to_yaml

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@given(JSON)
def test_a_parser_reads_back_what_was_written(value: object) -> None:
    assert yaml.safe_load(to_yaml(value)) == value


def test_nested_lists_and_mappings_are_indented() -> None:
    text = to_yaml({"models": [{"name": "a", "tags": ["p", "q"]}, {"name": "b", "tags": []}], "count": 2})

    assert text == (
        "models:\n  - name: a\n    tags:\n      - p\n      - q\n  - name: b\n    tags: []\ncount: 2\n"
    )  # fmt: skip


@pytest.mark.parametrize("word", ["yes", "No", "null", "~", "1", "1.5", "0x1f", "2026-01-01", "a: b", "# a", "", " a"])
def test_a_string_that_looks_like_something_else_is_quoted(word: str) -> None:
    assert yaml.safe_load(to_yaml([word])) == [word]


def test_not_a_number_is_written_as_yaml_writes_it() -> None:
    assert math.isnan(yaml.safe_load(to_yaml(math.nan)))
