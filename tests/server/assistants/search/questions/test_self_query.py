"""What a model writes as its own query: read where it is well-formed, and no filter where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.server.assistants.search.questions.self_query import (
    Condition,
    FilterUnreadable,
    read_filter,
    read_self_query,
)

KEYS = {"year": "2024", "kind": "law", "name": "leave"}
YEAR = Condition("gte", "year", 2023.0)
LAW = Condition("eq", "kind", "law")


@pytest.mark.parametrize(
    ("text", "alternatives"),
    [
        ("NO_FILTER", ()),
        ("", ()),
        (' "no_filter" ', ()),
        ('eq("kind", "law")', ((LAW,),)),
        ("gte(year, 2023)", ((YEAR,),)),
        ("EQ('kind','law')", ((LAW,),)),
        ('and(eq("kind", "law"), gte("year", 2023))', ((LAW, YEAR),)),
        ('or(eq("kind", "law"), gte("year", 2023))', ((LAW,), (YEAR,))),
        (
            'and(gte("year", 2023), or(eq("kind", "law"), eq("kind", "rule")))',
            ((YEAR, LAW), (YEAR, Condition("eq", "kind", "rule"))),
        ),
        ('eq("kind", "a \\"quoted\\" one")', ((Condition("eq", "kind", 'a "quoted" one'),),)),
        ('ne("draft", true)', ((Condition("ne", "draft", True),),)),
        ("lt(price, -1.5)", ((Condition("lt", "price", -1.5),),)),
        ("and(gte(year, 2023))", ((YEAR,),)),
    ],
)
def test_the_language(text: str, alternatives: Any) -> None:
    assert read_filter(text) == alternatives


@pytest.mark.parametrize(
    "text",
    [
        "eq", "eq(", 'eq("kind")', 'eq("kind", "law"', 'eq("kind", "law")) ', 'like("kind", "law")', "and()",
        'eq("kind", law)', 'not(eq("kind", "law"))', "drop table", 'eq("kind" "law")', "1", 'eq("a", "b") eq("c", "d")',
        "and(" * 20 + "eq(a, 1)" + ")" * 20,
        "or(" + ",".join(f"eq(a, {n})" for n in range(20)) + ")",
        "and(" + ",".join(f"eq(a, {n})" for n in range(40)) + ")",
        "and(" + ",".join("or(eq(a, 1), eq(a, 2))" for _ in range(12)) + ")",
        'eq("kind", "' + "x" * 5_000 + '")',
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(FilterUnreadable):
        read_filter(text)


_CONDITIONS = st.builds(
    Condition,
    st.sampled_from(("eq", "ne", "gt", "gte", "lt", "lte")),
    st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True),
    st.booleans() | st.integers(-999, 999).map(float) | st.text(max_size=12),
)


def _write(condition: Condition) -> str:
    value = condition.value
    if isinstance(value, bool):
        told = str(value).lower()
    elif isinstance(value, float):
        told = f"{value:g}"
    else:
        told = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f'{condition.operator}("{condition.key}", {told})'


@given(st.lists(_CONDITIONS, min_size=1, max_size=6))
def test_what_is_written_is_read(conditions: list[Condition]) -> None:
    told = ", ".join(map(_write, conditions))
    assert read_filter(f"and({told})") == (tuple(conditions),)
    assert read_filter(f"or({told})") == tuple((one,) for one in conditions)


@given(st.text(alphabet="eqandor(),\"'\\ 1x", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        alternatives = read_filter(text)
    except FilterUnreadable:
        return
    assert all(isinstance(one, Condition) for conditions in alternatives for one in conditions)


@pytest.mark.parametrize(
    ("text", "query", "alternatives"),
    [
        ('```json\n{"query": "leave", "filter": "eq(\\"kind\\", \\"law\\")"}\n```', "leave", ((LAW,),)),
        ('Here: {"query": " leave ", "filter": "NO_FILTER"} done', "leave", ()),
        ('{"query": "leave"}', "leave", ()),
        ('{"query": "leave", "filter": "like(kind)"}', "leave", ()),
        ('{"query": "leave", "filter": "eq(\\"colour\\", \\"red\\")"}', "leave", ()),
        ('{"query": 1}', "", ()),
        ("I cannot do that.", "", ()),
        ("}{", "", ()),
        ("", "", ()),
    ],
)
def test_what_a_model_writes(text: str, query: str, alternatives: Any) -> None:
    assert read_self_query(text, KEYS) == (query, alternatives)
