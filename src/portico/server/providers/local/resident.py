"""One model in memory: its shared child process, the address it answers at, and the requests it works on."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from portico.server.errors import PorticoError, ProviderError, ProviderNotConfigured, ProviderOvercapacity
from portico.server.kit.shared_process import Child, ChildFailed, Lease, lease
from portico.server.providers.base import Endpoint
from portico.server.settings import Settings

from .background import child_environment
from .child import Orders
from .host import MIB, count_cores
from .manifest import LocalModel


class LocalModelBusy(ProviderOvercapacity):
    """503 at once: another try within the same request would wait longer than a caller should without an answer."""

    retryable = False


LOAD_TIMEOUT_S = 120.0
RESTART_RETRY_S = 2.0
MODULES = {"chat": "llama_child", "embedding": "embed_child", "image": "image_child"}
WORKSPACE_MIB = {"chat": 300, "embedding": 150, "image": 400}
"""For pictures: the largest one that is taken, unpacked."""


def memory_needed(model: LocalModel, context: int) -> int:
    """Bytes for the weights (repacked in part for this processor), the context, and what the runtime computes in."""
    weights = int(model.size_bytes * 1.3) + model.kv_bytes_per_token * context
    return weights + WORKSPACE_MIB[model.kind] * MIB


def write_orders(settings: Settings, model: LocalModel) -> Orders:
    """What the child of this model is told. Its key is new at every start."""
    context = min(settings.local_context, model.context_window or settings.local_context)
    return Orders(
        model=model.name,
        key=secrets.token_urlsafe(24),
        files=tuple(str(settings.models / f.path) for f in model.files),
        sha256=tuple(f.sha256 for f in model.files),
        context=context,
        slots=settings.local_slots,
        queue=settings.local_queue,
        threads=settings.local_threads or count_cores(),
        memory_bytes=memory_needed(model, context),
    )


def read_failure(model: LocalModel, failure: ChildFailed) -> PorticoError:
    """Why a model cannot be loaded, as the caller is told."""
    match failure.code:
        case "cpu":
            return ProviderNotConfigured(failure.message)
        case "memory":
            return LocalModelBusy(failure.message, retry_after_s=30)
        case "":  # it died or hung without a word: the reason may be in its log
            tail = failure.log.strip().rpartition("\n")[2][:200]
            return ProviderError(f"local/{model.name} could not be loaded: {failure.message} {tail}".rstrip())
        case _:
            return ProviderError(failure.message)


@dataclass(slots=True, eq=False)
class Resident:
    """A loaded model. `endpoint` is None while the child is being restarted."""

    model: LocalModel
    lease: Lease | None = None
    endpoint: Endpoint | None = None
    active: int = 0
    working: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    used_at: float = field(default_factory=time.monotonic)

    async def take_turn(self, slots: int) -> None:
        """Waits, first come first served, until a slot is free. In the runtime's own queue a caller that hangs up can
        be overlooked, and its answer is then made to its end; in this one it is gone at once."""
        if self.working < slots and not self.waiting:
            self.working += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        try:
            await turn
        except BaseException:
            if turn in self.waiting:
                self.waiting.remove(turn)
            elif not turn.cancelled():  # handed to us just as we left
                self.give_turn()
            raise

    def give_turn(self) -> None:
        """The slot goes to whoever waits longest, else it is free."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.working -= 1

    async def load(self, settings: Settings) -> Endpoint:
        """Start the child, or join the one that another server process of this data folder started."""
        orders = write_orders(settings, self.model)
        child = Child(
            argv=[sys.executable, "-P", "-m", f"{__package__}.{MODULES[self.model.kind]}"],
            env=child_environment() | orders.environment(),
            start_timeout_s=LOAD_TIMEOUT_S,
            stop_timeout_s=5.0,
        )
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.lease = await lease(settings.data_dir / "run", self._process_name(settings), child, on_change=self._follow)
        self._follow(self.lease)
        return self.reach()

    def reach(self) -> Endpoint:
        """Where it answers. Raises ProviderOvercapacity while the child is being restarted."""
        if self.endpoint is None:
            reason = f" ({self.lease.reason})" if self.lease and self.lease.reason else ""
            raise ProviderOvercapacity(
                f"local/{self.model.name} is being restarted{reason}. Try again in a moment.",
                retry_after_s=RESTART_RETRY_S,
            )
        return self.endpoint

    def _process_name(self, settings: Settings) -> str:
        path = Path(settings.models / self.model.files[0].path)
        return "m_" + hashlib.sha256(f"{self.model.name}\n{path}".encode()).hexdigest()[:12]

    def _follow(self, held: Lease) -> None:
        info = held.info
        up = held.state == "ready"
        self.endpoint = Endpoint.with_key(f"http://127.0.0.1:{info['port']}/v1", str(info["key"])) if up else None

    async def close(self) -> None:
        self.endpoint = None
        held, self.lease = self.lease, None
        if held is not None:
            await held.close()


@dataclass(slots=True, eq=False)
class Ticket:
    """The right to one request at a model; given back once, whatever happens. Also a context manager."""

    _resident: Resident | None
    has_turn: bool = False

    def release(self) -> None:
        resident, self._resident = self._resident, None
        if resident is not None:
            if self.has_turn:
                resident.give_turn()
            resident.active -= 1
            resident.used_at = time.monotonic()

    def __enter__(self) -> Ticket:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
