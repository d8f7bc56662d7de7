"""The supervisor of a shared child: who starts it, who keeps it alive, and that nothing of it is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portico.server.kit.shared_process import Child, ChildFailed, lease
from portico.server.kit.shared_process.folder import choose_socket_folder, make_private_folder

pytestmark = pytest.mark.anyio

on_both_loops = pytest.mark.parametrize(
    "anyio_backend",
    [("asyncio", {"use_uvloop": False}), ("asyncio", {"use_uvloop": True})],
    ids=["asyncio", "uvloop"],
)

SOURCE = Path(__file__).resolve().parents[3] / "src"
REPORT = "import os, signal, sys, time; from portico.server.kit.shared_process import report_ready, report_failure\n"
SERVE = REPORT + "report_ready({'child': os.getpid(), 'supervisor': os.getppid()}); time.sleep(600)"
HOLDER = """
import asyncio, sys
from pathlib import Path
from portico.server.kit.shared_process import Child, lease
async def hold():
    held = await lease(Path(sys.argv[1]), "test", Child(argv=[sys.executable, "-c", sys.argv[2]]))
    print(held.info["child"], flush=True)
    await asyncio.sleep(600)
asyncio.run(hold())
"""


@pytest.fixture(autouse=True)
def source_is_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the children of these tests, which are started with our environment."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def run_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder about which no process is left when the test is over."""
    folder = tmp_path / "run"
    yield folder
    wait_until(lambda: not processes_about(tmp_path))


def python(code: str, **options: object) -> Child:
    return Child(argv=[sys.executable, "-c", code], **options)  # type: ignore[arg-type]


def processes_about(folder: Path) -> list[str]:
    """Command lines that name the folder, but our own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            line = read_line(entry)
            if str(folder) in line:
                found.append(line)
    return found


def read_line(process: Path) -> str:
    """The command line; empty when the process has just ended."""
    try:
        return (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_until(true: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "did not become true in time"
        time.sleep(0.01)


async def soon(true: Callable[[], bool], timeout_s: float = 60) -> None:
    await asyncio.to_thread(wait_until, true, timeout_s)


def start_holder(run_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(run_dir), SERVE], stdout=subprocess.PIPE, text=True, start_new_session=True
    )


@on_both_loops
async def test_holders_share_one_child_that_lives_until_the_last_leaves(run_dir: Path) -> None:
    first = await lease(run_dir, "test", python(SERVE))
    second = await lease(run_dir, "test", python(SERVE))
    child = first.info["child"]
    assert second.info["child"] == child
    await first.close()
    assert is_running(child) and second.state == "ready"
    await second.close()
    assert not is_running(child)  # close waits for the end


@on_both_loops
async def test_many_who_start_at_once_get_the_same_child(run_dir: Path) -> None:
    leases = await asyncio.gather(*(lease(run_dir, "test", python(SERVE)) for _ in range(6)))
    assert len({held.info["child"] for held in leases}) == 1
    await asyncio.gather(*(held.close() for held in leases))


async def test_who_comes_while_the_last_one_leaves_gets_a_new_child(run_dir: Path) -> None:
    held = await lease(run_dir, "test", python(SERVE))
    for _ in range(5):
        before = held.info["child"]
        await held.close(wait=False)
        held = await lease(run_dir, "test", python(SERVE))
        assert held.info["child"] != before
    await held.close()


@on_both_loops
async def test_crashed_child_is_restarted_and_holders_are_told(run_dir: Path) -> None:
    told: list[tuple[str, str]] = []
    held = await lease(run_dir, "test", python(SERVE), on_change=lambda lease: told.append((lease.state, lease.reason)))
    before = held.info["child"]
    os.kill(before, signal.SIGKILL)
    # The new one may be ready before we look; who was told of each change knows that it was down.
    assert await asyncio.wait_for(held.changed(), 60) in ("down", "ready")
    assert (await held.ready(60))["child"] != before
    assert (held.generation, [state for state, _ in told]) == (2, ["ready", "down", "ready"])
    assert "SIGKILL" in told[1][1]
    await held.close()
    with pytest.raises(ChildFailed, match="closed"):
        await held.ready()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
async def test_killed_holder_leaves_nothing(run_dir: Path, number: int) -> None:
    """SIGINT goes to the whole process group, as Ctrl-C in a terminal does."""
    holder = start_holder(run_dir)
    assert holder.stdout is not None
    with holder, holder.stdout:
        child = int(await asyncio.to_thread(holder.stdout.readline))
        os.killpg(holder.pid, number)
        await asyncio.to_thread(holder.wait, 60)
        await soon(lambda: not is_running(child))


async def test_holders_of_other_processes_go_on_when_the_one_who_started_is_killed(run_dir: Path) -> None:
    holder = start_holder(run_dir)
    assert holder.stdout is not None
    with holder, holder.stdout:
        child = int(await asyncio.to_thread(holder.stdout.readline))
        held = await lease(run_dir, "test", python(SERVE))
        os.killpg(holder.pid, signal.SIGKILL)
        await asyncio.to_thread(holder.wait, 60)
    other = await lease(run_dir, "test", python(SERVE))
    assert held.info["child"] == other.info["child"] == child and is_running(child)
    await other.close()
    await held.close()


@on_both_loops
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_killed_supervisor_takes_the_child_with_it_and_the_lease_starts_another(run_dir: Path) -> None:
    held = await lease(run_dir, "test", python(SERVE))
    before = dict(held.info)
    os.kill(before["supervisor"], signal.SIGKILL)
    while (
        held.info["supervisor"] == before["supervisor"]
    ):  # the new one may be ready before we look: "down" need not be seen
        await asyncio.wait_for(held.changed(), 60)
    after = await held.ready(60)
    assert after["child"] != before["child"]
    await soon(lambda: not is_running(before["child"]))  # it has the signal: it dies beside us
    await held.close()


@pytest.mark.skipif(sys.platform != "linux", reason="finds the supervisor in /proc")
async def test_supervisor_killed_while_it_starts_is_replaced(run_dir: Path) -> None:
    started = run_dir / "started"
    make_private_folder(run_dir)
    code = f"import pathlib, time; p = pathlib.Path({str(started)!r}); first = not p.exists(); p.touch()\n"
    task = asyncio.create_task(lease(run_dir, "test", python(code + "first and time.sleep(600)\n" + SERVE)))
    await soon(started.exists)
    supervisors = [line for line in processes_about(run_dir) if "shared_process.supervisor" in line]
    assert len(supervisors) == 1
    os.kill(process_id_of(supervisors[0]), signal.SIGKILL)
    held = await asyncio.wait_for(task, 60)
    await held.close()


def process_id_of(line: str) -> int:
    return next(
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and read_line(entry) == line and is_running(int(entry.name))
    )


async def test_child_that_cannot_start_says_why(run_dir: Path) -> None:
    code = REPORT + "print('last words', flush=True); report_failure('The port is taken.', 'taken'); sys.exit(3)"
    with pytest.raises(ChildFailed, match="The port is taken") as caught:
        await lease(run_dir, "test", python(code))
    assert caught.value.code == "taken" and "last words" in caught.value.log


@on_both_loops
async def test_child_that_ends_before_it_is_ready_is_a_failure(run_dir: Path) -> None:
    with pytest.raises(ChildFailed, match="status 7"):
        await lease(run_dir, "test", python("raise SystemExit(7)"))
    with pytest.raises(ChildFailed, match="FileNotFoundError"):
        await lease(run_dir, "test", Child(argv=["/no/such/program"]))


async def test_child_that_is_never_ready_is_given_up(run_dir: Path) -> None:
    with pytest.raises(ChildFailed, match=r"not ready after 0 s"):
        await lease(run_dir, "test", python("import time; time.sleep(600)", start_timeout_s=0.3))


async def test_child_deaf_to_the_stop_signal_is_killed_with_what_it_started(run_dir: Path) -> None:
    code = (
        REPORT
        + "signal.signal(signal.SIGTERM, signal.SIG_IGN); other = os.fork(); other or os.setsid()\n"
        + "other and report_ready({'child': os.getpid(), 'other': other}); time.sleep(600)"
    )
    held = await lease(run_dir, "test", python(code, stop_timeout_s=0.2))
    started = time.monotonic()
    await held.close()
    assert time.monotonic() - started < 60
    await soon(lambda: not is_running(held.info["child"]) and not is_running(held.info["other"]))


@on_both_loops
async def test_cancelled_start_leaves_nothing(run_dir: Path) -> None:
    task = asyncio.create_task(lease(run_dir, "test", python("import time; time.sleep(600)")))
    await soon(lambda: (run_dir / "test.lock").exists())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await soon(lambda: not processes_about(run_dir))


async def test_ready_file_and_function_as_target(run_dir: Path) -> None:
    make_private_folder(run_dir)
    child = Child(
        target=f"{greet.__module__}:greet",
        arguments={"path": str(run_dir / "ready")},
        env={**os.environ, "COLOUR": "blue"},
        info={"port": 1},
        ready_file=run_dir / "ready",
        ready_pattern=r"\A{pid} blue",
    )
    (run_dir / "ready").write_text("1 blue")  # of a former run
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ["PYTHONPATH"]])
    async with await lease(run_dir, "test", child) as held:
        assert held.info == {"port": 1}
        assert (run_dir / "ready").read_text() != "1 blue"


def greet(arguments: dict[str, str]) -> None:
    """Runs in a process forked from the supervisor."""
    Path(arguments["path"]).write_text(f"{os.getpid()} {os.environ['COLOUR']}")
    time.sleep(600)


@pytest.mark.parametrize("name", ["with a blank", "señor 東京", "x" * 120])
async def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    run_dir = tmp_path / name
    held = await lease(run_dir, "test", python(SERVE))
    other = await lease(run_dir, "test", python(SERVE))
    assert held.info == other.info and held.folder == other.folder
    assert held.folder != run_dir and (held.folder.stat().st_mode & 0o777) == 0o700
    await other.close()
    await held.close()
    await soon(lambda: not held.folder.exists())


async def test_folder_that_others_can_enter_is_refused(run_dir: Path) -> None:
    run_dir.mkdir(0o755)
    with pytest.raises(PermissionError, match="mode 0700"):
        await lease(run_dir, "test", python(SERVE))


async def test_recorded_folder_is_believed_only_when_it_is_private(tmp_path: Path) -> None:
    run_dir = tmp_path / ("x" * 120)
    make_private_folder(run_dir)
    trap = tmp_path.parent / "trap"
    trap.mkdir(mode=0o755, exist_ok=True)
    (run_dir / "socket-folder").write_text(str(trap))
    folder = choose_socket_folder(str(run_dir))
    assert folder != str(trap)
    assert choose_socket_folder(str(run_dir)) == folder
    Path(folder).rmdir()


async def test_supervisor_loads_little() -> None:
    code = (
        "import sys; before = set(sys.modules); import portico.server.kit.shared_process.supervisor\n"
        "print(*{'asyncio', 'subprocess', 'pathlib', 'dataclasses', 'msgspec', 'logging'} & set(sys.modules) - before)"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@on_both_loops
async def test_loop_goes_on_while_a_child_starts(run_dir: Path) -> None:
    """A start that ends only when the loop has gone round some times does end."""
    turned = run_dir / "turned"

    async def count() -> None:
        await soon((run_dir / "test.lock").exists)  # it has begun
        for _ in range(20):
            await asyncio.sleep(0.01)
        turned.touch()

    counter = asyncio.create_task(count())
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(turned)!r}).exists(): time.sleep(0.01)\n"
    held = await lease(run_dir, "test", python(wait + SERVE))
    counter.cancel()
    await held.close()
