"""One child process shared by several server processes: the first lease starts it, the last one gone stops it.

    child = Child(argv=[sys.executable, "-m", "some.module"], env={...})
    async with await lease(run_dir, "chat", child) as held:
        held.info["port"]                      # what the child reported with `report_ready({"port": ...})`
        await held.ready()                     # after a crash: waits for the restarted child, returns the new info

A small *supervisor process* of its own session starts the child, restarts it when it crashes, and lives as long as one
lease (an open unix socket) is held; a killed holder loses its lease by itself. When the supervisor is killed the child
goes too (Linux), and the leases start another. Only names are loaded here on demand: the supervisor must start fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portico.server.kit.shared_process.leasing import Child, ChildFailed, Lease, lease
    from portico.server.kit.shared_process.report import report_failure, report_ready, socket_folder

__all__ = ["Child", "ChildFailed", "Lease", "lease", "report_failure", "report_ready", "socket_folder"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    home = "report" if name in ("report_failure", "report_ready", "socket_folder") else "leasing"
    return getattr(import_module(f"{__name__}.{home}"), name)
