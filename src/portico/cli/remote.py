"""The server that the options name, as the SDK's low-level clients: JSON in, JSON out. The one file that opens it.

The asynchronous clients, because Ctrl-C cancels what they wait for at once, hangs up, and leaves them fit for the
next call; the commands themselves stay plain functions and `run` what they ask.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from portico.sdk.call import Answer, Call, JsonObject
from portico.sdk.call import Options as Behaviour
from portico.sdk.clients import AsyncLowLevel
from portico.sdk.clients.base import read_object
from portico.sdk.credentials import REFRESH_TOKEN, Credentials, Secret, check_base_url, find_credentials, read_profiles
from portico.sdk.errors import ApiError, ConfigurationError, MissingCredentials
from portico.sdk.transport import AsyncByteStream, AsyncTransport

from .options import Options
from .output import note

if TYPE_CHECKING:
    from portico.sdk.clients.llm import ModelKind

_NOWHERE = Path(os.devnull) / "none"
_NOT_CONFIGURED = 1001

T = TypeVar("T")


class Remote(AsyncLowLevel):
    """A server, and the clients that talk to it; each is imported when a command asks for it."""

    def __init__(self, transport: AsyncTransport, runner: asyncio.Runner) -> None:
        super().__init__(transport)
        self.credentials = transport.credentials
        self._runner = runner
        self.patience_s: float | None = None  # when given, the longest time of a call as a whole

    def send(self, call: Call) -> JsonObject:
        """What one call answers, for the few that belong to no client."""
        return read_object(self.run(self._transport.send(call)))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What the call answers. Ctrl-C cancels it and raises KeyboardInterrupt."""
        return self._runner.run(work if self.patience_s is None else asyncio.wait_for(work, self.patience_s))

    def local_models(self, kind: ModelKind | None = None) -> list[str]:
        """Full names of the local models of a type, the best first; none where the server has no local models."""
        try:
            answer = self.run(self.llm.list_models("local", type=kind))
        except ApiError as error:
            if error.status_code == 404:
                return []
            raise
        return [str(model["fullName"]) for model in answer.get("models", [])]

    def local_states(self) -> dict[str, str]:
        """What the server says about its local models: full name to `ready`, `loaded`, `pulling`, `absent` ..."""
        found = self.run(self.status.get_status()).get("localModels") or []
        return {f"local/{model['name']}": str(model["state"]) for model in found}


@contextmanager
def opened(
    credentials: Credentials | None = None, *, max_retries: int = 2, timeout_s: float | None = None
) -> Iterator[Remote]:
    """The server that the options name, or that of the given credentials; closed at the end.

    `timeout_s`, when given, goes before --timeout.
    """
    options = Options.current()
    credentials = credentials or chosen_credentials()
    behaviour = Behaviour(max_retries=max_retries)
    if seconds := timeout_s or options.timeout_s:
        behaviour = replace(behaviour, timeout_s=seconds, connect_timeout_s=min(seconds, behaviour.connect_timeout_s))
    transport = (_TellingTransport if options.verbose else AsyncTransport)(credentials, behaviour)
    with asyncio.Runner() as runner:
        try:
            yield Remote(transport, runner)
        finally:
            runner.run(transport.close())


def chosen_credentials() -> Credentials:
    """What --base-url, --alias and --credentials say, completed as the SDK does it. Raises ConfigurationError."""
    options = Options.current()
    # First of all, so that an address that holds a password is refused and not shown in another error.
    base_url = check_base_url(options.base_url) if options.base_url else None
    if options.credentials is None:
        return find_credentials(base_url=base_url, alias=options.alias)
    file, name = options.credentials.expanduser(), options.alias or "default"
    profiles = read_profiles(file)
    if not profiles.get(name):
        there = ", ".join(profile for profile, entries in profiles.items() if entries) or "none"
        raise ConfigurationError(f"There is no profile {name!r} in {file}.", hint=f"There are: {there}.")
    # The one profile of the one file stands for the environment, and no other file is looked at.
    environ = {entry.upper(): value for entry, value in profiles[name].items()}
    found = find_credentials(base_url=base_url, environ=environ, home=_NOWHERE, data_dir=_NOWHERE)
    found = replace(found, source=f"{file} [{name}]")
    refresh_token = profiles[name].get(REFRESH_TOKEN.lower())
    if found.access_token and refresh_token:
        return replace(found, refresh_token=Secret(refresh_token), place=(file, name))
    return found


def credentials_or_address() -> Credentials:
    """As `chosen_credentials`; with --base-url alone, that address without a token."""
    base_url = Options.current().base_url
    try:
        return chosen_credentials()
    except MissingCredentials:
        if base_url is None:
            raise
        return Credentials(check_base_url(base_url))


def is_not_ready(error: Exception) -> bool:
    """True for a refusal that another model may not give: being pulled, too busy, or not set up."""
    if not isinstance(error, ApiError):
        return False
    return error.status_code == 503 or any(number == _NOT_CONFIGURED for number, _ in error.errors)


def reason_of(error: Exception) -> str:
    """What the server said, without what the SDK puts around it."""
    texts = [text for _, text in error.errors if text] if isinstance(error, ApiError) else []
    return "; ".join(texts) or str(error)


class _TellingTransport(AsyncTransport):
    """Says on standard error what is sent where and how it went; of the credentials, only where they came from."""

    def __init__(self, credentials: Credentials, behaviour: Behaviour) -> None:
        super().__init__(credentials, behaviour)
        note(f"credentials: {credentials.source}")

    async def send(self, call: Call) -> Answer:
        started = time.monotonic()
        answer = await super().send(call)
        self._tell(call, answer, started)
        return answer

    async def open(self, call: Call) -> AsyncByteStream:
        started = time.monotonic()
        stream = await super().open(call)
        self._tell(call, stream.head, started)
        return stream

    def _tell(self, call: Call, answer: Answer, started: float) -> None:
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        sent = f", {len(call.body)} bytes" if call.body else ""
        where = f"{call.method} {self.credentials.base_url}{call.path}{sent}"
        note(f"{where}: HTTP {answer.status} in {took}, request {answer.request_id or '-'}")
