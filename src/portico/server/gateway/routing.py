"""Which targets answer a model, and one executor that tries them: all retries lie before the first byte of output.

In: a Model and what to write for a target. Out: the first answer that holds, and how many tries it took.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import msgspec

from portico.server.catalog.entry import Model, ModelType, Provider
from portico.server.catalog.find import Catalog
from portico.server.errors import InvalidType, NotImplementedYet, ProviderError, ProviderNotConfigured
from portico.server.providers.base import Adapter, Endpoint, Outgoing, Target
from portico.server.providers.http1 import Reply
from portico.server.providers.transport import Transport
from portico.wire.model_ref import BareModel, DirectModel

T = TypeVar("T")
BACKOFF_S = 0.2


class Targets:
    """Model to targets, from the catalog and the operator's keys and addresses. Answers are kept: a hot look-up."""

    def __init__(
        self,
        catalog: Catalog,
        adapters: Mapping[str, Adapter],
        keys: Mapping[str, str],
        urls: Mapping[str, str],
    ) -> None:
        self.catalog = catalog
        self._adapters = adapters
        self._keys = keys
        self._urls = urls
        self.missing = catalog.missing_settings(keys, urls)
        """Providers that cannot be called yet, each with the setting it waits for."""
        self._known: dict[tuple[DirectModel | BareModel, str], tuple[Model, tuple[Target, ...]]] = {}

    def find(self, ref: DirectModel | BareModel, wanted: ModelType) -> tuple[Model, tuple[Target, ...]]:
        """The model of a request, which must be of the type `wanted`, and where it is answered.

        Raises ModelNotFound, InvalidModelName, InvalidType, ProviderNotConfigured, NotImplementedYet.
        """
        known = self._known.get((ref, wanted))
        if known is not None:
            return known
        if isinstance(ref, DirectModel):
            model = self.catalog.resolve(ref.provider, ref.name, wanted)
        else:
            model = self.catalog.resolve_bare(ref.name)
        if model.type != wanted:
            kinds = f"model '{model.full_name}' is of type {model.type}, not {wanted}"
            raise InvalidType(f"Invalid Type: {kinds}", param="model")
        found = (model, (self._target(model),))
        if len(self._known) < 10_000:  # open providers take any name: a bound keeps a hostile caller cheap
            self._known[ref, wanted] = found
        return found

    def _target(self, model: Model) -> Target:
        provider = self.catalog.find_provider(model.provider)
        setting = self.missing.get(provider.name)
        if setting:  # before what is missing in us: this the operator can mend
            raise ProviderNotConfigured(
                f"Provider Configuration Error: provider '{provider.name}' is not set up on this server; "
                f"set {setting} and start it again",
                param="model",
            )
        adapter = self._adapters.get(provider.adapter)
        if adapter is None:
            raise NotImplementedYet(
                f"Not Implemented: provider '{provider.name}' speaks the protocol '{provider.adapter}', "
                "which this version does not offer yet"
            )
        upstream = model.upstream_name or model.name
        if type(adapter).reach is not Adapter.reach:
            return Target(provider.name, model.name, upstream, adapter, None)
        return Target(provider.name, model.name, upstream, adapter, self._endpoint(provider))

    def _endpoint(self, provider: Provider) -> Endpoint:
        name = provider.name.lower().replace("-", "_")
        key = self._keys.get(name, "")
        base_url = self._urls.get(name) or provider.base_url
        return Endpoint(base_url.rstrip("/"), str(key))


class Answered(msgspec.Struct, Generic[T]):
    """What the executor brings back: the target that answered, its open reply, and what `begin` made of it."""

    target: Target
    reply: Reply
    value: T
    release: Callable[[], None] | None
    attempts: int


class Attempt(Generic[T]):
    """One verb for one request, as the executor tries it: what to write for a target, how to read its answer."""

    __slots__ = ()

    def write(self, target: Target) -> Outgoing:
        raise NotImplementedError

    def read(self, target: Target, body: bytes) -> T:
        """A whole answer."""
        raise NotImplementedError

    async def begin(self, target: Target, reply: Reply) -> T:
        """A streamed answer, up to its first output."""
        raise NotImplementedError


class Executor:
    """Sends to the targets in order; retries what may heal, within a number of tries and a budget of time (HC-17)."""

    def __init__(self, transport: Transport, *, retries: int, retry_budget_s: float) -> None:
        self._transport = transport
        self._retries = retries
        self._budget_s = retry_budget_s

    async def send(self, targets: Sequence[Target], attempt: Attempt[T]) -> Answered[T]:
        """What `attempt` raises before its first output may be tried again, at the next target if there is one.

        The error that is raised in the end carries `attempts`. The caller must `end()` the answer.
        """
        started = time.monotonic()
        tries = 0
        while True:
            target = targets[tries % len(targets)]
            tries += 1
            try:
                answered = await self._ask(target, attempt)
            except ProviderError as error:
                wait = self._pause(error, tries)
                late = time.monotonic() - started + wait > self._budget_s
                if not error.retryable or tries > self._retries or late:
                    error.attempts = tries
                    raise
                await asyncio.sleep(wait)
            else:
                answered.attempts = tries
                return answered

    async def _ask(self, target: Target, attempt: Attempt[T]) -> Answered[T]:
        endpoint, release = target.endpoint, None
        if endpoint is None:
            reached = await target.adapter.reach(target)
            endpoint, release = reached.endpoint, reached.release
        reply: Reply | None = None
        try:
            outgoing = attempt.write(target)
            transport = self._transport
            while True:
                reply = transport.maybe_send(endpoint, outgoing) or await transport.send(endpoint, outgoing)
                await reply.signal
                if not reply.untouched:
                    break
                # the provider closed an idle connection just as we took it: nothing was read of the request
                transport.end(reply)
            reply.raise_error()
            if reply.status >= 400:
                raise target.adapter.read_error(reply.status, reply.headers, await reply.read_all())
            value = await attempt.begin(target, reply) if outgoing.stream else attempt.read(target, reply.whole())
            return Answered(target, reply, value, release, 1)
        except BaseException:
            if reply is not None:
                self._transport.end(reply)
            if release is not None:
                release()
            raise

    def end(self, answered: Answered[T]) -> None:
        """The answer is over, whole or not."""
        self._transport.end(answered.reply)
        if answered.release is not None:
            answered.release()

    @staticmethod
    def _pause(error: ProviderError, attempt: int) -> float:
        if error.retry_after_s is not None:
            return error.retry_after_s
        return BACKOFF_S * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)
