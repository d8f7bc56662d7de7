"""Pulls in the background of a server: a polite process of its own, so that no request waits for disk or checksums."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

log = logging.getLogger("portico.local")

PACKAGE_ROOT = Path(__file__).resolve().parents[4]
STOP_TIMEOUT_S = 5.0


def child_environment() -> dict[str, str]:
    """Our environment with this package on the path, installed or not, and without our settings: no secret of ours
    shall lie in a process that parses what users send."""
    path = os.pathsep.join(filter(None, [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH")]))
    others = {name: value for name, value in os.environ.items() if not name.startswith("PORTICO_")}
    return {**others, "PYTHONPATH": path}


class BackgroundPull:
    """At most one pulling process of this server; other servers' pulls are respected by the lock of each model."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def want(self, names: Sequence[str]) -> None:
        """Pull these, after those that are wanted already."""
        self._wanted += [n for n in names if n not in self._wanted]
        if self._wanted and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="pull models")

    def is_wanted(self, name: str) -> bool:
        return name in self._wanted

    async def _run(self) -> None:
        try:
            while self._wanted:
                await self._pull(self._wanted[0])
                self._wanted.pop(0)
        except OSError as error:  # no process could be started: the next request for a model tries again
            log.error("models cannot be pulled: %s", error)
            self._wanted.clear()
        finally:
            self._task = None

    async def _pull(self, name: str) -> None:
        begun = asyncio.ensure_future(self._begin(name))
        try:
            await (await asyncio.shield(begun)).wait()
        finally:
            process = await begun  # also of one that was still being started: nobody else would end it
            if process.returncode is None:
                await _stop(process)

    async def _begin(self, name: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            f"{__package__}.pull",
            str(self._folder),
            name,
            stdin=asyncio.subprocess.PIPE,  # its end is our end
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,  # the reason of a failure is in the progress file
            env=child_environment(),
            start_new_session=True,  # Ctrl-C is ours to pass on
        )

    async def close(self) -> None:
        """Stops a running pull; what is finished of it stays for the next start."""
        self._wanted.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


async def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
