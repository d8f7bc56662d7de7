"""The embedded models of a server: a model's name in, the address of the process that serves it out.

Models are loaded on first use in child processes that all server processes of a data folder share, pulled in the
background when they are missing, restarted when they crash, and unloaded when idle for long enough.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from portico.server.errors import (
    ModelNotFound,
    PorticoError,
    ProviderError,
    ProviderNotConfigured,
    ProviderOvercapacity,
)
from portico.server.kit.shared_process import ChildFailed
from portico.server.providers.base import Endpoint, Reached
from portico.server.settings import Settings

from .background import BackgroundPull
from .child_shapes import JUDGE_KEY, JUDGE_URL
from .host import maybe_free_memory, maybe_total_memory
from .manifest import Kind, LocalModel
from .resident import LocalModelBusy, Resident, Ticket, memory_needed, read_failure
from .store import ModelStore, own_model

log = logging.getLogger("portico.local")

GB = 1_000_000_000
STARTER_MEMORY = 4 * GB
STARTER_DISK = 3 * GB
PULL_RETRY_S = 10.0
PULL_AGAIN_S = 60.0  # after a failed pull
LOAD_AGAIN_S = 5.0  # after a failed load

LocalState = Literal["absent", "partial", "pulling", "ready", "loading", "loaded", "restarting"]


@dataclass(frozen=True, slots=True)
class LocalModelStatus:
    """One model as `portico status` shows it: `ready` lies on the disk, `loaded` is in memory."""

    name: str
    kind: Kind
    state: LocalState
    size_bytes: int
    done_bytes: int
    active: int = 0
    error: str = ""


class LocalRuntime:
    """Belongs to one event loop. `own` maps names to GGUF files that the operator named outside the models folder."""

    def __init__(self, settings: Settings, own: Mapping[str, Path] | None = None) -> None:
        self._settings = settings
        self._store = ModelStore.at(settings.models)
        self._own = dict(own or {})
        self._rerankers = {model.name: model for model in self._store.manifest if model.kind == "rerank"}
        self._pulls = BackgroundPull(settings.models)
        self._residents: dict[str, Resident] = {}
        self._loading: dict[str, asyncio.Task[Endpoint]] = {}
        self._failed: dict[str, tuple[float, ChildFailed]] = {}
        self._pull_tried: dict[str, float] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self, *, pull: bool = True) -> None:
        """Begins what happens by itself: pulling what a fresh server needs, unloading what is idle."""
        if not self._settings.local_models:
            return
        if pull and self._settings.starter_pull == "auto":
            self._pull_defaults()
        if self._settings.local_idle_unload_s > 0:
            self._sweeper = asyncio.create_task(self._sweep(), name="unload idle models")

    async def close(self) -> None:
        """Stops pulls and gives the children back; the last server process to do so ends them."""
        tasks = [t for t in (self._sweeper, *self._loading.values()) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pulls.close()
        residents, self._residents = list(self._residents.values()), {}
        await asyncio.gather(*(r.close() for r in residents))

    # --- requests ----------------------------------------------------------------------------------------------

    async def reach(self, model: str) -> Endpoint:
        """Where `model` answers; loaded on first use. Waits for nothing when it is loaded already.

        Raises ProviderOvercapacity (with retry_after_s) while it is pulled, restarted or short of memory;
        ProviderNotConfigured when it must be pulled by hand; ModelNotFound; ProviderError when it cannot be loaded.
        """
        resident = self._residents.get(model)
        if resident is not None:
            return resident.reach()
        task = self._loading.get(model)
        if task is None:
            task = self._begin_loading(self._find(model))
        return await asyncio.shield(task)

    def admit(self, model: str) -> Ticket:
        """The right to one request at a model that was reached; `release()` it at the end of the answer.

        Raises ProviderOvercapacity when all slots and all places in the queue are taken. The count is per process.
        """
        resident = self._residents.get(model)
        if resident is None:  # unloaded or removed since it was reached
            raise ProviderOvercapacity(f"local/{model} is not loaded. Try again.", retry_after_s=1)
        limit = self._settings.local_slots + self._settings.local_queue
        if resident.active >= limit:
            raise LocalModelBusy(
                f"local/{model} works on {self._settings.local_slots} requests and {self._settings.local_queue} wait: "
                "try again later (PORTICO_LOCAL_QUEUE)",
                retry_after_s=5,
            )
        resident.active += 1
        return Ticket(resident)

    async def take(self, model: str) -> Reached:
        """`reach` and `admit` in one: where the model answers, and how to say that the request is over."""
        if model in self._rerankers:
            return await self._take_reranker(self._rerankers[model])
        endpoint = await self.reach(model)
        if model not in self._residents:  # unloaded as idle just after it was loaded: a short idle time, a slow machine
            endpoint = await self.reach(model)
        ticket = self.admit(model)
        resident = self._residents[model]
        if resident.model.kind != "chat":  # an embedding child makes batches of what comes; it needs no queue
            return Reached(endpoint, ticket.release)
        try:
            await resident.take_turn(self._settings.local_slots)
            ticket.has_turn = True
            return Reached(resident.reach(), ticket.release)  # it may have been restarted while we waited
        except BaseException:
            ticket.release()
            raise

    async def _take_reranker(self, model: LocalModel) -> Reached:
        """The embedding model that ranks, told where the chat model is that judges, if the reranker has one."""
        ranker, *judges = model.needs
        if not judges:
            return await self.take(ranker)
        judge = await self.take(judges[0])  # the one that may have to be waited for
        try:
            reached = await self.take(ranker)
        except BaseException:
            judge.release()
            raise

        def release() -> None:
            reached.release()
            judge.release()

        key = dict(judge.endpoint.headers).get("authorization", "")
        whom = ((JUDGE_URL, judge.endpoint.base_url), (JUDGE_KEY, key))
        return Reached(Endpoint(reached.endpoint.base_url, (*reached.endpoint.headers, *whom)), release)

    def best_chat_model(self) -> str | None:
        """Name of the best chat model that is on the disk and fits into memory."""
        free = maybe_free_memory()
        for model in sorted(self._store.manifest, key=lambda m: -m.rank):
            if model.kind != "chat" or not self._store.is_ready(model):
                continue
            context = min(self._settings.local_context, model.context_window)
            if free is None or model.name in self._residents or memory_needed(model, context) < free:
                return model.name
        return None

    def status(self) -> list[LocalModelStatus]:
        """All models of the manifest, the models folder and the operator."""
        return [self._status(m) for m in (*self._store.list_models(), *map(self._own_model, self._own))]

    # --- loading -----------------------------------------------------------------------------------------------

    def _own_model(self, name: str) -> LocalModel:
        return own_model(self._own[name], name)

    def _find(self, name: str) -> LocalModel:
        """The model, if its files are there. Starts a pull if not, and says so."""
        if not self._settings.local_models:
            raise ProviderNotConfigured("The local models are switched off: set PORTICO_LOCAL_MODELS=true.")
        model = self._own_model(name) if name in self._own else self._store.maybe_model(name)
        if model is None:
            raise ModelNotFound(f"local/{name}")
        if not self._store.is_ready(model):
            raise self._pull_and_explain(model)
        tried_at, failure = self._failed.get(name, (0.0, None))
        if failure is not None and time.monotonic() - tried_at < LOAD_AGAIN_S:
            raise read_failure(model, failure)  # a new one each time: an error keeps the frames of whoever raised it
        return model

    def _begin_loading(self, model: LocalModel) -> asyncio.Task[Endpoint]:
        task = asyncio.get_running_loop().create_task(self._load(model), name=f"load {model.name}")
        self._loading[model.name] = task
        # Read the outcome even when everybody who waited has hung up.
        task.add_done_callback(lambda t: t.cancelled() or t.exception())
        return task

    async def _load(self, model: LocalModel) -> Endpoint:
        resident = Resident(model)
        try:
            endpoint = await resident.load(self._settings)
        except ChildFailed as failure:
            error = read_failure(model, failure)
            log.error("%s", error)
            self._failed[model.name] = (time.monotonic(), failure)
            raise error from failure
        except OSError as failure:  # the folder of the running processes cannot be used
            raise ProviderError(f"local/{model.name} cannot be started: {failure}") from failure
        except BaseException:
            await resident.close()
            raise
        else:
            self._failed.pop(model.name, None)
            resident.used_at = time.monotonic()  # loading may have taken longer than a model may be idle
            self._residents[model.name] = resident
            return endpoint
        finally:
            self._loading.pop(model.name, None)

    async def _sweep(self) -> None:
        idle_s = self._settings.local_idle_unload_s
        while True:
            await asyncio.sleep(min(idle_s / 4, 10.0))
            now = time.monotonic()
            idle = [r for r in self._residents.values() if not r.active and now - r.used_at > idle_s]
            for resident in idle:
                del self._residents[resident.model.name]
                log.info("unloading local/%s, idle for %.0f s", resident.model.name, now - resident.used_at)
                await resident.close()

    # --- pulling -----------------------------------------------------------------------------------------------

    def _pull_defaults(self) -> None:
        missing = [m for m in self._store.manifest if not self._store.is_ready(m)]
        wanted = [m.name for m in missing if m.setup]
        if self._has_room_for_starter():
            wanted += [m.name for m in missing if m.starter]
        self._pulls.want(wanted)

    def _has_room_for_starter(self) -> bool:
        memory = maybe_total_memory()
        folder = next(p for p in (self._settings.models, *self._settings.models.parents) if p.exists())
        return (memory is None or memory >= STARTER_MEMORY) and shutil.disk_usage(folder).free >= STARTER_DISK

    def _pull_and_explain(self, model: LocalModel) -> PorticoError:
        full_name = f"local/{model.name}"
        if not model.pullable:
            return ProviderNotConfigured(f"{full_name}: the file {model.files[0].path} is not there.")
        state = self._store.state(model)
        coming = state.state == "pulling" or self._pulls.is_wanted(model.name)
        if not coming and self._settings.starter_pull == "off":
            return ProviderNotConfigured(
                f"{full_name} is not on this machine: run `portico models pull {model.name}`, "
                "or set PORTICO_STARTER_PULL=auto."
            )
        if not coming:
            if state.error and time.monotonic() - self._pull_tried.get(model.name, -PULL_AGAIN_S) < PULL_AGAIN_S:
                return ProviderOvercapacity(
                    f"{full_name} could not be pulled: {state.error}", retry_after_s=PULL_AGAIN_S
                )
            self._pull_tried[model.name] = time.monotonic()
            self._pulls.want([model.name])
        percent = 100 * state.done_bytes // max(1, state.size_bytes)
        other = self.best_chat_model() if model.kind == "chat" else None
        meanwhile = f" Meanwhile local/{other} answers." if other else ""
        return LocalModelBusy(
            f"{full_name} is being pulled: {percent}% of {state.size_bytes / 1e6:.0f} MB.{meanwhile}",
            retry_after_s=PULL_RETRY_S,
        )

    def _status(self, model: LocalModel) -> LocalModelStatus:
        row = self._store.state(model)
        state: LocalState = row.state
        resident = self._residents.get(model.name)
        if resident is not None:
            state = "loaded" if resident.endpoint else "restarting"
        elif model.name in self._loading:
            state = "loading"
        elif model.kind == "rerank" and all(name in self._residents for name in model.needs):
            state = "loaded"
        elif state != "ready" and self._pulls.is_wanted(model.name):
            state = "pulling"
        failed = self._failed.get(model.name)
        return LocalModelStatus(
            model.name,
            model.kind,
            state,
            row.size_bytes,
            row.done_bytes,
            resident.active if resident else 0,
            row.error or (read_failure(model, failed[1]).message if failed else ""),
        )
