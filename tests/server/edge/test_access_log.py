"""The access log: one line per request, whatever stands in its path."""

from __future__ import annotations

import logging

import pytest

from portico.server.edge.access_log import log_request


def test_a_path_cannot_begin_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "portico.access"):
        log_request("GET", "/x\nGET /admin 200\x1b[2J", 404, 0.001, "r")
    assert caplog.messages == [r"GET /x\nGET /admin 200\x1b[2J 404 1.0ms r"]


def test_other_alphabets_stay_readable(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "portico.access"):
        log_request("GET", "/año/日本", 404, 0.001, "r")
    assert caplog.messages == ["GET /año/日本 404 1.0ms r"]
