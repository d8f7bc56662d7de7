"""What the headers of a request say about it: the caller's own ids, its trace, and whether the cache may be used.

Source: errors reference, "Request headers understood everywhere"; Chat API reference, X-Saia-Cache-Enabled.
"""

from __future__ import annotations

from collections.abc import Iterable

from portico.wire.requests import NO_LABELS, Labels

LONGEST = 256
_LABELS = {
    b"x-saia-req-id": "req_id",
    b"x-saia-parent-req-id": "parent_req_id",
    b"x-saia-trace-id": "trace_id",
    b"x-saia-user-id": "user_id",
    b"x-saia-source": "source",
    b"traceparent": "traceparent",
}
_FLAGS = {b"true": True, b"1": True, b"false": False, b"0": False}


def read_labels(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Labels, bool | None]:
    """The labels, cut to a length; and X-Saia-Cache-Enabled, None when it is absent or no truth value."""
    found: dict[str, str] = {}
    cache: bool | None = None
    for name, value in headers:
        if name in _LABELS:
            found[_LABELS[name]] = value.decode("latin-1").strip()[:LONGEST]
        elif name == b"x-saia-cache-enabled":
            cache = _FLAGS.get(value.strip().lower())
    return (Labels(**found) if found else NO_LABELS), cache
