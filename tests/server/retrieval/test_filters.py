"""Filters as they are sent, and as they are searched with."""

from __future__ import annotations

from typing import Any

import pytest

from portico.server.errors import FieldRequired, OutOfRange, PatternMismatch, PorticoError
from portico.server.retrieval.filters import OPERATORS, Filter, read_filters


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, ()),
        ([], ()),
        ("", ()),
        ([{"key": "extension", "value": "txt"}], (Filter("extension", "$eq", "txt"),)),
        ([{"key": "extension", "operator": "$ne", "value": "csv"}], (Filter("extension", "$ne", "csv"),)),
        ([{"key": "year", "operator": "$gte", "value": 2023}], (Filter("year", "$gte", 2023.0),)),
        ([{"key": "year", "operator": "$gte", "value": "100"}], (Filter("year", "$gte", "100"),)),
        ([{"key": "final", "operator": "", "value": True}], (Filter("final", "$eq", True),)),
        ([{"key": "q", "operator": "$in", "value": '["q1","q2"]'}], (Filter("q", "$in", ("q1", "q2")),)),
        ([{"key": "q", "operator": "$IN", "value": ["q1", 2]}], (Filter("q", "$in", ("q1", 2.0)),)),
        ([{"key": "q", "operator": "nin", "value": "q1"}], (Filter("q", "$nin", ("q1",)),)),
        ([{"key": "q", "operator": "$in", "value": []}], (Filter("q", "$in", ()),)),
        ([{"operator": "$isMatch", "value": "leave"}], (Filter("", "$ismatch", "leave"),)),
        ([{"key": "a\0b", "value": "c\0\ud800"}], (Filter("ab", "$eq", "c?"),)),
        ('[{"key":"a","value":"b"}]', (Filter("a", "$eq", "b"),)),
    ],
)
def test_what_is_sent_is_read(given: Any, found: tuple[Filter, ...]) -> None:
    assert read_filters(given) == found


@pytest.mark.parametrize(
    ("given", "refusal", "field"),
    [
        ({}, PatternMismatch, "filters"),
        (5, PatternMismatch, "filters"),
        ("{", PatternMismatch, "filters"),
        ("[" * 5000, PatternMismatch, "filters"),
        ([5], PatternMismatch, "filters.0"),
        ([{"value": "x"}], FieldRequired, "filters.0.key"),
        ([{"key": "a", "value": 1}, {"key": "a"}], FieldRequired, "filters.1.value"),
        ([{"key": "a", "value": None}], FieldRequired, "filters.0.value"),
        ([{"key": "", "value": 1}], PatternMismatch, "filters.0.key"),
        ([{"key": 5, "value": 1}], PatternMismatch, "filters.0.key"),
        ([{"key": "x" * 300, "value": 1}], PatternMismatch, "filters.0.key"),
        ([{"key": "a", "operator": "$like", "value": 1}], PatternMismatch, "filters.0.operator"),
        ([{"key": "a", "operator": 7, "value": 1}], PatternMismatch, "filters.0.operator"),
        ([{"key": "a", "value": [1]}], PatternMismatch, "filters.0.value"),
        ([{"key": "a", "value": {}}], PatternMismatch, "filters.0.value"),
        ([{"key": "a", "value": 10**400}], OutOfRange, "filters.0.value"),
        ([{"key": "a", "value": "x" * 10_000}], OutOfRange, "filters.0.value"),
        ([{"key": "a", "operator": "$in", "value": "[1"}], PatternMismatch, "filters.0.value"),
        ([{"key": "a", "operator": "$in", "value": [[1]]}], PatternMismatch, "filters.0.value"),
        ([{"key": "a", "operator": "$in", "value": [1] * 2000}], OutOfRange, "filters.0.value"),
        ([{"operator": "$ismatch", "value": 5}], PatternMismatch, "filters.0.value"),
        ([{"key": "a", "value": 1}] * 100, OutOfRange, "filters"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(given: Any, refusal: type[PorticoError], field: str) -> None:
    with pytest.raises(refusal) as refused:
        read_filters(given)
    assert refused.value.param == field


def test_the_operators_are_those_of_the_reference() -> None:
    assert set(OPERATORS) == {"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$ismatch"}
