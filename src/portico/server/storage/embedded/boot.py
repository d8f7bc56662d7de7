"""What happens in the process that becomes PostgreSQL: make the cluster if there is none, write settings, exec.

Runs under the supervisor's lock, so nobody else touches the folder. Layout of the folder (0700): `cluster`, `password`,
`postgres.log`, `postgres.lock`, `postgres.sock`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portico.server.kit.shared_process.child import die_with_parent
from portico.server.kit.shared_process.report import report_failure, report_ready, socket_folder
from portico.server.storage.embedded.identity import Identity, choose_identity, has_account

NAME = "portico"  # of the role and of the database
MAJOR = 18

# Modest memory, full durability. Rewritten at every start; own settings go into postgresql.auto.conf (ALTER SYSTEM).
SETTINGS = {
    "listen_addresses": "",  # no TCP at all
    "port": "5432",  # only names the socket file
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "io_method": "sync",  # no worker processes that a small database does not need
    "max_logical_replication_workers": "0",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
    "cluster_name": NAME,
}


class Refused(Exception):
    """The start cannot succeed; the text says what to do."""


def boot(arguments: Mapping[str, Any]) -> None:
    """Target of the supervisor: `folder`, `bin`, `user_namespace`. Ends in exec, or reports why not and returns."""
    folder, binaries = Path(arguments["folder"]), Path(arguments["bin"])
    cluster = folder / "cluster"
    try:
        make_password(folder)
        identity = _choose(arguments["user_namespace"])
        make_cluster(folder, binaries, identity)
        _check_version(cluster)
        sockets = _prepare(cluster, identity)
    except Refused as refusal:
        report_failure(str(refusal), "refused")
        return
    report_ready({"host": str(sockets)})  # info only: the supervisor waits for postmaster.pid
    parent = os.getppid()
    identity.become()
    die_with_parent(signal.SIGQUIT, parent)  # SIGQUIT: all backends go at once, even stuck ones
    postgres = str(binaries / "postgres")
    os.execv(postgres, [postgres, "-D", str(cluster)])


def _choose(user_namespace: bool) -> Identity:
    try:
        return choose_identity(user_namespace)
    except PermissionError as error:
        raise Refused(
            f"PostgreSQL must not run as root, and {error}: start as an ordinary user, or set PORTICO_DATABASE_URL."
        ) from None


def make_password(folder: Path) -> None:
    """A random password, written once; it must outlive a half-made cluster, so it is on the disk before one begins."""
    path, new = folder / "password", folder / "password.new"
    if path.exists():
        return
    if (folder / "cluster").exists():
        raise Refused(f"{path} is missing: bring it back from a backup, or set PORTICO_DATABASE_URL to another server.")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(secrets.token_urlsafe(24))
        file.flush()
        os.fsync(fd)
    new.replace(path)
    _sync(folder)


def make_cluster(folder: Path, binaries: Path, identity: Identity) -> None:
    """initdb into a folder of another name, renamed when all of it is there: a half-made cluster is never used."""
    cluster, unfinished = folder / "cluster", folder / "cluster.new"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    if cluster.exists():
        return
    unfinished.mkdir(0o700)
    identity.take_over(unfinished)
    password = (folder / "password").read_bytes()
    if identity.kind == "same" and not has_account():
        identity = choose_identity(user_namespace=True, need_account=True)
    _initdb(binaries, unfinished, password, identity)
    (unfinished / "pg_hba.conf").write_text(
        "# The password is asked for even on the socket.\nlocal all all scram-sha-256\n"
    )
    with (unfinished / "postgresql.conf").open("a") as settings:
        settings.write("\ninclude 'portico.conf'\n")
    _write_settings(unfinished, socket_folder())
    identity.take_over(unfinished)
    single = [str(binaries / "postgres"), "--single", "-D", str(unfinished), "postgres"]
    _run(single, identity, f"CREATE DATABASE {NAME}\n".encode())
    os.rename(unfinished, cluster)  # noqa: PTH104  both names are in one folder
    _sync(folder)


def _initdb(binaries: Path, target: Path, password: bytes, identity: Identity) -> None:
    """Checksums stay on (the default): a bad disk of a laptop is noticed, for 1-2 % of speed."""
    argv = [
        *(str(binaries / "initdb"), "-D", str(target), "-U", NAME, "--pwfile=/dev/stdin", "--no-instructions"),
        *("-A", "scram-sha-256", "-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
    ]
    _run(argv, identity, password)


def _run(argv: list[str], identity: Identity, stdin: bytes) -> None:
    """One step as the ordinary user; its output goes to the log, where the reason of a failure is looked for."""
    import subprocess  # only the first start needs it

    parent = os.getpid()

    def before_exec() -> None:
        identity.become()
        die_with_parent(signal.SIGKILL, parent)

    status = subprocess.run(argv, input=stdin, stdout=2, preexec_fn=before_exec, check=False).returncode
    if status != 0:
        raise Refused(f"{Path(argv[0]).name} ended with status {status}")


def _check_version(cluster: Path) -> None:
    found = (cluster / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise Refused(
            f"{cluster} holds data of PostgreSQL {found}, and this release brings {MAJOR}: move the data with pg_dump "
            "of the old release, or set PORTICO_DATABASE_URL to a server of your own."
        )


def _prepare(cluster: Path, identity: Identity) -> Path:
    """Settings, owners and stale files; returns the folder of the socket."""
    sockets = socket_folder()
    if identity.kind == "setuid":  # the folder itself stays ours
        sockets = sockets / "pg"
        sockets.mkdir(0o700, exist_ok=True)
        identity.take_over(sockets)
    _remove_stale(cluster, sockets)
    _write_settings(cluster, sockets)
    identity.take_over(cluster)
    return sockets


def _remove_stale(cluster: Path, sockets: Path) -> None:
    """After a power loss the old pid may belong to anyone, and PostgreSQL would wait for it for ever.

    We hold the lock that every process of a former run inherits; only a server started by hand can still be there.
    """
    pid_file = cluster / "postmaster.pid"
    if pid_file.exists():
        pid = pid_file.read_text(errors="replace").split("\n", 1)[0]
        if pid.isdigit() and _works_in(int(pid), cluster):
            raise Refused(f"Another PostgreSQL (process {pid}) already runs in {cluster}: stop it first.")
        pid_file.unlink()
    for left in sockets.glob(".s.PGSQL.*"):
        left.unlink()


def _works_in(pid: int, cluster: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except OSError:  # no such process, or one of another user: the cluster is closed to those
        return False


def _write_settings(cluster: Path, sockets: Path) -> None:
    values = {**SETTINGS, "unix_socket_directories": str(sockets)}
    text = "".join(f"{name} = '{value}'\n" for name, value in values.items())
    path = cluster / "portico.conf"
    if path.exists() and path.read_text() == text:
        return
    new = cluster / "portico.conf.new"
    new.write_text(text)
    new.replace(path)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
