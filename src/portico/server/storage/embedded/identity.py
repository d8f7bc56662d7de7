"""PostgreSQL refuses to run as root: as whom it runs instead, and how a forked process becomes that user.

same     an ordinary user runs it as it is.
userns   root, inside a user namespace in which root has an ordinary number: files keep their owner.
setuid   root where namespaces are forbidden: an unprivileged user, who gets the cluster's folder, and the one
         capability that lets him reach it below folders that stay closed to all others.
"""

from __future__ import annotations

import ctypes
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_CLONE_NEWUSER = 0x10000000
_PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 8, 47, 2
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class Identity:
    kind: Literal["same", "userns", "setuid"]
    uid: int = 0
    gid: int = 0

    def become(self) -> None:
        """Turns this process, which has one thread and is about to exec, into the ordinary user."""
        if self.kind == "userns":
            _enter_namespace(self.uid, self.gid)
        elif self.kind == "setuid":
            _change_user(self.uid, self.gid)

    def take_over(self, folder: Path) -> None:
        """Gives `folder` and all in it to the user that PostgreSQL will have; nothing outside it changes."""
        if os.geteuid() != 0:
            return
        uid, gid = (self.uid, self.gid) if self.kind == "setuid" else (0, os.getegid())
        for where, folders, files in os.walk(folder):
            for name in (".", *folders, *files):
                path = os.path.join(where, name)  # noqa: PTH118  thousands of them
                if os.lstat(path).st_uid != uid:
                    os.chown(path, uid, gid, follow_symlinks=False)


def has_account() -> bool:
    """Making a cluster asks for the name of the user, and containers often run under a number without one."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return True


def choose_identity(user_namespace: bool, need_account: bool = False) -> Identity:
    """`user_namespace=False` forbids namespaces; `need_account` asks for a user with a name.

    Raises PermissionError when root may neither make a namespace nor change its user.
    """
    is_root = os.geteuid() == 0
    if not is_root and not need_account:
        return Identity("same")
    account = _ordinary_account()
    namespace = Identity("userns", account.pw_uid, account.pw_gid)
    if user_namespace and _can_become(namespace):
        return namespace
    if not is_root:
        return Identity("same")
    other = Identity("setuid", account.pw_uid, account.pw_gid)
    if not _can_become(other):
        raise PermissionError("this root may neither make a user namespace nor change its user")
    return other


def _ordinary_account() -> pwd.struct_passwd:
    accounts = [account for account in pwd.getpwall() if account.pw_uid != 0]
    preferred = [account for name in ("postgres", "nobody") for account in accounts if account.pw_name == name]
    return (preferred + accounts)[0]


def _can_become(identity: Identity) -> bool:
    """Tried in a child, for it cannot be undone; its complaint goes to the log."""
    pid = os.fork()
    if pid == 0:
        try:
            identity.become()
            os._exit(0)
        except OSError as error:
            os.write(2, f"cannot run by way of {identity.kind}: {error}\n".encode())
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _check(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def _change_user(uid: int, gid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    capability = _reading_capability()
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    bits = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)  # effective, permitted, inheritable
    _check(libc.capset(header, data))
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _reading_capability() -> int:
    """The least capability that passes closed folders; containers often drop the first one."""
    status = Path("/proc/self/status").read_text()
    permitted = int(status.split("CapPrm:")[1].split()[0], 16)
    return _CAP_DAC_READ_SEARCH if permitted >> _CAP_DAC_READ_SEARCH & 1 else _CAP_DAC_OVERRIDE


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
