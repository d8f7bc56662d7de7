"""One line per request, off by default: method, path, status, time, request id. Never a query, a header or a body."""

from __future__ import annotations

import logging

_log = logging.getLogger("portico.access")


def log_request(method: str, path: str, status: int, seconds: float, request_id: str) -> None:
    """`path` is what a stranger sent, percent signs already decoded: a line end in it must not begin a line of ours."""
    shown = path if path.isprintable() else path.encode("unicode_escape").decode("ascii")
    _log.info("%s %s %d %.1fms %s", method, shown, status, seconds * 1000, request_id)
