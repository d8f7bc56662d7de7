"""Lets a worker die at a named point, for the tests that hold that nothing is lost. Does nothing unless it is told to.

`PORTICO_FAULT=<folder>`: the process is killed (SIGKILL) when it comes by a point of which a file in the folder has the
name, and the file goes with it, so that it dies once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

VARIABLE = "PORTICO_FAULT"


class Faults:
    """The points of a step `x` are `x` (before it), `x+` (done and not yet recorded) and `x=` (recorded)."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._folder = environ.get(VARIABLE, "")

    def pass_by(self, point: str) -> None:
        """May not return."""
        if not self._folder:
            return
        try:
            (Path(self._folder) / point).unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
