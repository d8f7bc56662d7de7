"""What the event loop says of errors that nobody awaits."""

from __future__ import annotations

import asyncio

import pytest

from portico.server.app.serving import _tell_unforeseen


@pytest.mark.parametrize(
    ("message", "error", "told"),
    [
        ("Exception in callback <function wait_async.<locals>.wakeup at 0x1>", asyncio.InvalidStateError("x"), False),
        ("Exception in callback <function wait_async.<locals>.wakeup at 0x1>", ValueError("x"), True),
        ("Exception in callback <function other at 0x1>", asyncio.InvalidStateError("x"), True),
    ],
)
def test_only_a_wait_of_the_driver_that_was_woken_twice_is_not_told(
    caplog: pytest.LogCaptureFixture, message: str, error: Exception, told: bool
) -> None:
    loop = asyncio.new_event_loop()
    try:
        _tell_unforeseen(loop, {"message": message, "exception": error})
    finally:
        loop.close()
    assert bool(caplog.records) is told
