"""Folders that only this user can enter, and short ones among them for unix sockets (whose paths end at 107 bytes)."""
# pathlib is not loaded: it costs 8 ms at every start.
# ruff: noqa: PTH102, PTH105, PTH106, PTH108, PTH116, PTH123, PTH208

from __future__ import annotations

import os
import re
import socket
import stat

_RECORD = "socket-folder"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]{1,80}")  # PostgreSQL and libpq read blanks, commas and '@' their own way


def make_private_folder(path: str | os.PathLike[str]) -> None:
    """Makes `path` (0700) when it is missing. Raises OSError when it is not a folder that only this user can enter."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not is_private_folder(path):
            raise PermissionError(f"{os.fspath(path)} must be a folder of this user with mode 0700.") from None


def is_private_folder(path: str | os.PathLike[str]) -> bool:
    """True for a real folder (no link) that belongs to this user and is closed to all others."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def maybe_socket_path(run_dir: str, name: str) -> str | None:
    """Where the supervisor `name` listens, if it does: in `run_dir`, or in the folder that is recorded there."""
    for folder in (_recorded(run_dir), run_dir):
        if folder is not None and _PLAIN.fullmatch(folder):
            return f"{folder}/{name}.sock"
    return None


def choose_socket_folder(run_dir: str) -> str:
    """`run_dir` when its path is short and plain, else a new private folder under the temporary folder, recorded.

    A record is believed only while it names a 0700 folder of this user: nobody else can have made that.
    """
    recorded = _recorded(run_dir)
    if recorded is not None:
        return recorded
    if _PLAIN.fullmatch(run_dir) and _can_bind(run_dir):
        return run_dir
    folder = _make_short_folder()
    with open(f"{run_dir}/{_RECORD}.new", "w", encoding="utf-8") as record:
        record.write(folder)
    os.replace(f"{run_dir}/{_RECORD}.new", f"{run_dir}/{_RECORD}")
    return folder


def drop_socket_folder(run_dir: str, folder: str) -> None:
    """Removes a folder made by `choose_socket_folder`; another child of the same `run_dir` may still use it."""
    if folder == run_dir:
        return
    try:
        for entry in os.listdir(folder):  # a child may have made folders of its own in it
            os.rmdir(f"{folder}/{entry}")
        os.rmdir(folder)
    except OSError:
        return
    os.unlink(f"{run_dir}/{_RECORD}")


def _recorded(run_dir: str) -> str | None:
    try:
        with open(f"{run_dir}/{_RECORD}", encoding="utf-8") as record:
            folder = record.read()
    except FileNotFoundError:
        return None
    return folder if _PLAIN.fullmatch(folder) and is_private_folder(folder) else None


def _can_bind(folder: str) -> bool:
    """Some mounted file systems know no unix sockets."""
    path = f"{folder}/.{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(path)
        except OSError:
            return False
        os.unlink(path)
    return True


def _make_short_folder() -> str:
    for base in (os.environ.get("TMPDIR", "/tmp"), "/tmp", "/var/tmp"):
        folder = f"{base.rstrip('/')}/portico-{os.urandom(8).hex()}"
        if not _PLAIN.fullmatch(folder) or not _others_cannot_rename(base):
            continue
        try:
            os.mkdir(folder, 0o700)  # fails when it exists, so it is ours
        except OSError:
            continue
        return folder
    raise OSError("No temporary folder can hold a unix socket: set TMPDIR to a short path that this user can write to.")


def _others_cannot_rename(base: str) -> bool:
    try:
        mode = os.stat(base).st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX) or not mode & 0o022
