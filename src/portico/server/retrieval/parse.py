"""A file in, its text out, page by page. The file is read in a process of its own, which is bounded and can be killed.

Files come from strangers: what a parser does with a hostile one must not happen here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portico.server.errors import ContentUnreadable, MediaNotSupported
from portico.server.retrieval.parsing.kinds import maybe_kind

_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_AT_ONCE = 2


class Text(msgspec.Struct, frozen=True):
    """The text of a file. `pages` are those of a PDF, slides of a presentation, sheets of a workbook; else one."""

    pages: tuple[str, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(self.pages)


class _Outcome(msgspec.Struct):
    pages: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What reading one file may take; `characters` of text, above which it counts as unreadable."""

    time_s: float = 60.0
    memory_bytes: int = 1024**3
    characters: int = 20_000_000


class Parser:
    """Reads files, two at a time. One per process."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:
        self._bounds = bounds
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def read_text(self, source: Path | bytes, content_type: str, name: str) -> Text:
        """Raises MediaNotSupported (400, id 46) for a kind of file that has no text for us; ContentUnreadable (400,
        id 45) for a broken or protected one, for one without text, and for one that takes too much."""
        kind = maybe_kind(content_type, name)
        if kind is None:
            raise MediaNotSupported
        if isinstance(source, bytes):
            with tempfile.NamedTemporaryFile(prefix="portico-") as file:
                await asyncio.to_thread(_fill, file.name, source)
                return await self._read(Path(file.name), kind)
        return await self._read(source, kind)

    async def _read(self, path: Path, kind: str) -> Text:
        async with self._turn:
            outcome = await self._ask_child(path, kind)
        if outcome.failure:
            raise ContentUnreadable(outcome.failure)
        if not any(page.strip() for page in outcome.pages):
            raise ContentUnreadable("there is no text in it")
        return Text(outcome.pages)

    async def _ask_child(self, path: Path, kind: str) -> _Outcome:
        bounds = self._bounds
        orders = (kind, str(path), str(bounds.memory_bytes), str(int(bounds.time_s) + 1), str(bounds.characters))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "portico.server.retrieval.parsing.child", *orders,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )  # fmt: skip
        try:
            output, _ = await asyncio.wait_for(process.communicate(), bounds.time_s)
        except TimeoutError:
            return _Outcome(failure=f"reading it takes longer than {bounds.time_s:g} s")
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return _read_outcome(process.returncode, output)


def _read_outcome(code: int | None, output: bytes) -> _Outcome:
    try:
        return msgspec.json.decode(output, type=_Outcome)
    except msgspec.DecodeError:
        # The kernel or its own limit ended it before it could say anything.
        return _Outcome(
            failure="reading it takes more memory or time than one file may have" if code else "it is damaged"
        )


def _environment() -> dict[str, str]:
    """No secret of ours lies in a process that reads strangers' files."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "PYTHONPATH") if name in os.environ}
    path = os.pathsep.join(filter(None, [str(_PACKAGE_ROOT), kept.get("PYTHONPATH")]))
    return kept | {"PYTHONPATH": path, "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2"}


def _fill(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)
