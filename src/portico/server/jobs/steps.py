"""The steps of a workflow: each is run until it succeeds or can no more, and its outcome is recorded once.

An outcome is JSON: {} when the next step may come, `{"end": "quiet"}` or `{"end": "failed", "reason": ...}` when none
may. A step never ends in an exception of ours, so what is recorded can be read by any later version of the code. A
worker that dies before the record runs the step again, so every step can be done twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from dbos import DBOS

from portico.server.errors import PorticoError
from portico.server.jobs.faults import Faults
from portico.server.jobs.patience import Patience

Outcome = dict[str, Any]
Body = Callable[[Patience], Awaitable[None]]
Progressed = Callable[[str], Awaitable[None]]
DONE: Outcome = {}
UNFORESEEN = "An unexpected error: the log of the worker has the details."
_log = logging.getLogger("portico.jobs")


class EndQuietly(Exception):
    """What the job was for is gone, has been ordered again, or is finished: nothing is left to do or to tell."""


class EndFailed(Exception):
    """It cannot be done; the reason is for the user, in plain words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Steps:
    """Runs the steps of one worker. `progressed` is told the id of a workflow that has come further within a step."""

    def __init__(self, faults: Faults, progressed: Progressed | None = None) -> None:
        self._faults = faults
        self._progressed = progressed

    async def run(self, name: str, body: Body) -> Outcome:
        """The outcome of a step: of this run, or the one that an earlier run has recorded."""

        async def attempt() -> Outcome:
            self._faults.pass_by(name)
            outcome = await settle(name, body)
            self._faults.pass_by(f"{name}+")
            return outcome

        outcome: Outcome = await DBOS.run_step_async({"name": name}, attempt)
        self._faults.pass_by(f"{name}=")
        return outcome

    async def come_further(self) -> None:
        """A part of a step is done that will not be done again, whatever happens now: called in the step."""
        if self._progressed is not None:
            await self._progressed(DBOS.workflow_id or "")


async def settle(name: str, body: Body) -> Outcome:
    """Runs `body` until it succeeds, ends the work, or fails in a way that trying again does not heal."""
    patience = Patience()
    while True:
        try:
            await body(patience)
        except EndQuietly:
            return {"end": "quiet"}
        except EndFailed as failed:
            return {"end": "failed", "reason": failed.reason}
        except Exception as error:
            cause = _first(error)
            pause_s = patience.maybe_pause_s(cause)
            _tell(name, cause, pause_s)
            if pause_s is None:
                return {"end": "failed", "reason": cause.message if isinstance(cause, PorticoError) else UNFORESEEN}
            await asyncio.sleep(pause_s)
        else:
            return DONE


def _first(error: Exception) -> Exception:
    """Of several things that failed at the same time, the first."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _tell(name: str, error: Exception, pause_s: float | None) -> None:
    then = "given up" if pause_s is None else f"tried again in {pause_s:.1f} s"
    foreseen = isinstance(error, PorticoError)
    level = logging.WARNING if foreseen else logging.ERROR
    _log.log(level, "step %s: %s; %s", name, error or type(error).__name__, then, exc_info=None if foreseen else error)
