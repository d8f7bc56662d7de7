"""The scope matrix of the reference, row by row."""

from __future__ import annotations

from typing import get_args

import pytest

from portico.server.access.caller import Caller, Scope
from portico.server.access.policy import ALLOWED, Area, require
from portico.server.errors import OutOfScope
from portico.server.ids import OrganizationId, ProjectId, TokenId

MATRIX: list[tuple[Area, bool, bool]] = [  # area, project token, organization token
    ("execution", True, False),
    ("catalog", True, True),
    ("assistants", True, False),
    ("organization", False, True),
    ("organization_reads", True, True),
    ("organization_limits", False, True),
    ("project_limits", True, True),
    ("project_tokens", True, True),
    ("token_check", True, True),
    ("installation", False, False),
]


def caller(scope: Scope) -> Caller:
    return Caller(OrganizationId("o"), "O", TokenId("t"), scope, ProjectId("p") if scope == "project" else None)


def test_every_area_has_a_row_here_and_in_the_policy() -> None:
    assert {row[0] for row in MATRIX} == set(ALLOWED) == set(get_args(Area))


@pytest.mark.parametrize(("area", "project", "organization"), MATRIX)
def test_scope_decides(area: Area, project: bool, organization: bool) -> None:
    scopes: list[tuple[Scope, bool]] = [("project", project), ("organization", organization)]
    for scope, allowed in scopes:
        if allowed:
            require(caller(scope), area)
            continue
        with pytest.raises(OutOfScope) as refusal:
            require(caller(scope), area)
        assert (refusal.value.status, refusal.value.id, refusal.value.message) == (403, 7, "ApiToken out of scope")
