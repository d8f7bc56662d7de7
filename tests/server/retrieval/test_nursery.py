"""Readers that are born in a moment: each with one file and bounds of its own, and no other knows of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portico.server.retrieval.nursery import Nursery
from portico.server.retrieval.parsing import nursery as born
from tests import files
from tests.server.retrieval import documents as made

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[3]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows this of a process")
PATIENCE_S = 60.0


class Odd(Nursery):
    def __init__(self, idle_s: float = 600.0) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
        super().__init__(environment, idle_s, "tests.server.retrieval.odd_nursery")

    async def say(self, order: str, time_s: float = PATIENCE_S, most_bytes: int = 1000) -> str:
        return (await self.ask(order.encode(), time_s, most_bytes)).decode()

    async def who(self) -> list[int]:
        """The process that bears, and the one that was born."""
        return [int(one) for one in (await self.say("who")).split()]


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    nursery = Odd()
    yield nursery
    await nursery.close()


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not is_zombie(process)


def is_zombie(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


async def wait_for_end(process: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while lives(process):
            await asyncio.sleep(0.01)


async def hang(odd: Odd, tmp_path: Path) -> tuple[asyncio.Task[str], int]:
    """One that reads for ever, and its process."""
    path = tmp_path / "process"
    task = asyncio.create_task(odd.say(f"hang {path}"))
    async with asyncio.timeout(PATIENCE_S):
        while not path.exists() or not path.read_text():
            await asyncio.sleep(0.01)
    return task, int(path.read_text())


async def test_each_file_has_a_process_of_its_own_and_all_have_the_same_mother(odd: Odd) -> None:
    pairs = [await odd.who(), *await asyncio.gather(odd.who(), odd.who())]
    assert len({mother for mother, _ in pairs}) == 1
    assert len({process for _, process in pairs}) == 3


async def test_nothing_of_one_file_reaches_the_next(odd: Odd) -> None:
    assert await odd.say("remember secret") == "done"
    assert await odd.say("recall") == ""


@LINUX
async def test_a_reader_holds_nothing_open_but_its_own(odd: Odd, tmp_path: Path) -> None:
    task, _ = await hang(odd, tmp_path)
    opened = (await odd.say("open")).split()
    assert opened == ["0", "1", "2", "3", "4"], "4 is the folder that is looked at"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reader_that_dies_says_nothing_and_harms_no_other(odd: Odd, tmp_path: Path) -> None:
    mother, _ = await odd.who()
    task, process = await hang(odd, tmp_path)
    assert await odd.say("die") == ""
    assert lives(process) and not task.done()
    assert (await odd.who())[0] == mother
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_reader_that_takes_too_long_is_killed_and_no_other(odd: Odd, tmp_path: Path) -> None:
    mother, _ = await odd.who()
    other, living = await hang(odd, tmp_path)
    late = tmp_path / "late"
    with pytest.raises(TimeoutError):
        await odd.say(f"hang {late}", time_s=1.0)
    if late.exists() and (process := late.read_text()):  # it may have been killed before it had written
        await wait_for_end(int(process))
    assert lives(living) and not other.done()
    assert (await odd.who())[0] == mother
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    await wait_for_end(living)


@LINUX
async def test_what_a_reader_leaves_behind_goes_with_it(odd: Odd) -> None:
    """It even holds the channel open: whoever asked need not wait for it."""
    await wait_for_end(int(await odd.say("leave behind")))


async def test_what_a_reader_says_is_bounded(odd: Odd) -> None:
    assert await odd.say("flood", most_bytes=1_000_000) == ""
    assert len(await odd.say("flood", most_bytes=20_000_000)) == 10_000_000


async def test_a_mother_that_dies_has_a_successor(odd: Odd) -> None:
    mother, _ = await odd.who()
    os.kill(mother, signal.SIGKILL)
    await wait_for_end(mother)
    answer = await odd.say("who") or await odd.say("who")  # the first may be lost: nobody knew of her death yet
    assert int(answer.split()[0]) != mother


@LINUX
async def test_who_is_reading_dies_with_the_mother(odd: Odd, tmp_path: Path) -> None:
    task, process = await hang(odd, tmp_path)
    os.kill(int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert await task == ""
    await wait_for_end(process)


@pytest.mark.parametrize("idle_s", [0.0, 0.05])
async def test_without_work_she_ends_and_with_work_there_is_another(idle_s: float) -> None:
    nursery = Odd(idle_s)
    mother, _ = await nursery.who()
    await wait_for_end(mother)
    assert (await nursery.who())[0] != mother
    await nursery.close()


async def test_at_the_end_all_go(tmp_path: Path) -> None:
    nursery = Odd()
    mother, _ = await nursery.who()
    task, process = await hang(nursery, tmp_path)
    await nursery.close()
    assert await task == ""
    await wait_for_end(process)
    assert not lives(mother)


@LINUX
async def test_when_the_worker_is_killed_all_go(tmp_path: Path) -> None:
    path = tmp_path / "process"
    program = (
        "import asyncio; from tests.server.retrieval.test_nursery import Odd;"
        f"asyncio.run(Odd().say('hang {path}'))"
    )  # fmt: skip
    worker = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    async with asyncio.timeout(PATIENCE_S):
        while not path.exists() or not path.read_text():
            assert worker.poll() is None
            await asyncio.sleep(0.01)
    worker.kill()
    worker.wait()
    await wait_for_end(int(path.read_text()))


@LINUX
def test_what_readers_load_starts_no_thread() -> None:
    """A thread does not survive a birth, and what it held is held for ever."""
    program = (
        "import os, sys; from importlib import import_module;"
        "from portico.server.retrieval.parsing import nursery;"
        "[import_module('portico.server.retrieval.parsing.' + one) for one in nursery.READERS];"
        "print(len(os.listdir('/proc/self/task')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert "pdf" in born.READERS


async def test_files_of_many_kinds_are_read_by_children_of_one_mother() -> None:
    from portico.server.retrieval.parse import Bounds, Parser

    parser = Parser(Bounds(time_s=300), idle_s=600)
    kinds = {
        "a.txt": b"First words", "a.md": b"# First", "a.pdf": files.pdf("First"), "a.docx": made.docx(
            made.paragraph("First")
        ), "a.csv": b"First,b\n1,2", "a.json": b'{"First": 1}', "a.html": b"<p>First</p>", "a.odt": made.odt("First"),
    }  # fmt: skip
    parsed = await asyncio.gather(*(parser.read_document(content, "", name) for name, content in kinds.items()))
    assert all("First" in " ".join(block.text for block in one.blocks) for one in parsed)
    await parser.close()
