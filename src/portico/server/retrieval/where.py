"""Filters on metadata to SQL: which editions, or which chunks with metadata of their own, may be found.

Rules: a value that is a list matches by any of its elements (and `$ne`, `$nin` by none); what is not there equals
nothing. Numbers compare as numbers, also where one side is the text of one; text compares by code point; two texts
never compare as numbers. Everything of a caller is a bound parameter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from portico.server.retrieval.lexical import Ranges

if TYPE_CHECKING:
    from portico.server.retrieval.filters import Filter
    from portico.server.storage.search_profiles import ProfileKey

MATCH = "$ismatch"
_COMPARED = {"$eq": "=", "$ne": "=", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_SETS = ("$in", "$nin")
_NONE_OF = ("$ne", "$nin")
_OF_DOCUMENT = {
    "id": "to_jsonb(CAST(d.document_id AS text))",
    "name": "to_jsonb(d.name)",
    "extension": "to_jsonb(d.extension)",
    "source": "to_jsonb(CASE WHEN d.extension = '' THEN d.name ELSE d.name || '.' || d.extension END)",
}
NUMBER = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?\Z")
_NUMBER_SQL = r"'^[+-]?[0-9]{1,100}(\.[0-9]{1,100})?([eE][+-]?[0-9]{1,3})?$'"
_JOINED = (
    " FROM editions e JOIN documents d ON d.organization_id = :organization AND d.project_id = :project"
    " AND d.profile_id = :profile AND d.document_id = e.document_id"
)
Value = str | float | bool


async def find_ranges(connection: AsyncConnection, key: ProfileKey, index_id: int, filters: Sequence[Filter]) -> Ranges:
    """The ordinals that pass all filters on metadata; `$ismatch` is not one of those."""
    values: dict[str, Any] = {
        "organization": key.organization_id, "project": key.project_id, "profile": key.profile_id, "index": index_id,
    }  # fmt: skip
    conditions = [_condition(place, one, values) for place, one in enumerate(filters) if one.operator != MATCH]
    passing = " AND ".join(conditions) or "true"
    query = (
        f"SELECT e.first, e.ordinals{_JOINED} CROSS JOIN LATERAL (SELECT d.metadata AS m) AS x"
        f" WHERE e.index_id = :index AND e.state = 1 AND NOT e.own_metadata AND {passing}"
        f" UNION ALL SELECT c.ordinal, 1{_JOINED} JOIN chunks c ON c.index_id = e.index_id AND c.ordinal >= e.first"
        " AND c.ordinal < e.first + e.ordinals"
        " CROSS JOIN LATERAL (SELECT d.metadata || coalesce(c.metadata, '{}'::jsonb) AS m) AS x"
        f" WHERE e.index_id = :index AND e.state = 1 AND e.own_metadata AND {passing}"
    ).replace("'{}'::jsonb", "CAST('{}' AS jsonb)")
    rows = await connection.execute(text(query), values)
    return Ranges.of([(row[0], row[1]) for row in rows])


def _condition(place: int, one: Filter, values: dict[str, Any]) -> str:
    name = f"k{place}"
    column = _OF_DOCUMENT.get(one.key)
    if column is None:
        values[name] = clean(one.key)
        column = f"(x.m -> CAST(:{name} AS text))"
    elements = (
        f"jsonb_array_elements(CASE jsonb_typeof({column}) WHEN 'array' THEN {column} WHEN 'null' THEN"
        f" CAST('[]' AS jsonb) ELSE coalesce(jsonb_build_array({column}), CAST('[]' AS jsonb)) END)"
        f" AS v{place} (j)"
    )
    if one.operator in _SETS:
        any_of = _test_set(f"v{place}.j", str(place), operands(one), values)
    else:
        (operand,) = operands(one)
        any_of = _test(f"v{place}.j", _COMPARED[one.operator], str(place), operand, values)
    passes = f"EXISTS (SELECT FROM {elements} WHERE jsonb_typeof({column}) IS NOT NULL AND ({any_of}))"
    return f"NOT {passes}" if one.operator in _NONE_OF else passes


def operands(one: Filter) -> tuple[Value, ...]:
    """What the value of a filter is compared with: of `$in` and `$nin` each element, also of a text of a JSON array."""
    value: Any = one.value
    if one.operator in _SETS and isinstance(value, str) and value.lstrip().startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list):
            value = parsed
    several = list(value) if isinstance(value, list | tuple) else [value]
    return tuple(one if isinstance(one, str | int | float) else json.dumps(one) for one in several)


def _test(column: str, sign: str, name: str, value: Value, values: dict[str, Any]) -> str:
    """One element of the metadata against one operand."""
    written = f"({column} #>> '{{}}')"
    if isinstance(value, bool):
        values[f"t{name}"] = "true" if value else "false"
        return f"(jsonb_typeof({column}) IN ('boolean', 'string') AND {written} COLLATE \"C\" {sign} :t{name})"
    number = as_number(value)
    tests = []
    if isinstance(value, str):
        values[f"t{name}"] = clean(value)
        tests.append(f"(jsonb_typeof({column}) IN ('string', 'boolean') AND {written} COLLATE \"C\" {sign} :t{name})")
    if number is not None:
        values[f"n{name}"] = str(number)
        is_number = f"jsonb_typeof({column}) = 'number'"
        if not isinstance(value, str):  # a number also against the text of one
            is_number = f"({is_number} OR (jsonb_typeof({column}) = 'string' AND {written} ~ {_NUMBER_SQL}))"
        compared = (
            f"CASE WHEN {is_number} THEN CAST({written} AS numeric) {sign} CAST(:n{name} AS numeric) ELSE false END"
        )
        tests.append(f"({compared})")
    return " OR ".join(tests) or "false"


def _test_set(column: str, name: str, several: Sequence[Value], values: dict[str, Any]) -> str:
    """One element of the metadata against all operands of a set, by the same rules. They are arrays: a condition for
    each of a thousand took PostgreSQL a second."""
    written = f"({column} #>> '{{}}')"
    numbers = [(value, str(number)) for value in several if (number := as_number(value)) is not None]
    texts = [str(value).lower() if isinstance(value, bool) else clean(value)
             for value in several if isinstance(value, str | bool)]  # fmt: skip
    kinds = (
        (f"t{name}", texts, f"jsonb_typeof({column}) IN ('string', 'boolean')", f'{written} COLLATE "C"', "text"),
        (f"n{name}", [number for _, number in numbers], f"jsonb_typeof({column}) = 'number'",
         f"CAST({written} AS numeric)", "numeric"),
        (f"m{name}", [number for value, number in numbers if not isinstance(value, str)],
         f"jsonb_typeof({column}) = 'string' AND {written} ~ {_NUMBER_SQL}", f"CAST({written} AS numeric)", "numeric"),
    )  # fmt: skip
    tests = []
    for parameter, wanted, is_kind, read, kind in kinds:
        if wanted:
            values[parameter] = wanted
            fits = f"{read} = ANY(CAST(:{parameter} AS {kind}[]))"
            tests.append(f"CASE WHEN {is_kind} THEN {fits} ELSE false END")
    return " OR ".join(tests) or "false"


def as_number(value: Value) -> Decimal | None:
    """Of a number, or of a text that is one; None for all others, NaN and infinity among them."""
    written = value if isinstance(value, str) else repr(value)
    return Decimal(written) if NUMBER.match(written) else None


def clean(value: str) -> str:
    """PostgreSQL has no text with NUL or half a surrogate pair: nothing it keeps is equal to such a one."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
