"""The server that the options name, as the SDK's low-level clients: JSON in, JSON out. The one file that opens it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from portico.sdk.call import Answer, Call
from portico.sdk.call import Options as Behaviour
from portico.sdk.clients.chat import ChatClient
from portico.sdk.clients.embeddings import EmbeddingsClient
from portico.sdk.clients.llm import LlmClient
from portico.sdk.clients.status import StatusClient
from portico.sdk.clients.tokens import TokensClient
from portico.sdk.credentials import Credentials, find_credentials, read_profiles
from portico.sdk.errors import ApiError, ConfigurationError
from portico.sdk.transport import ByteStream, Transport

from .options import Options
from .output import note

_NOWHERE = Path(os.devnull) / "none"
_NOT_CONFIGURED = 1001


@dataclass(frozen=True, slots=True)
class Remote:
    """A server, and the clients that talk to it."""

    credentials: Credentials
    chat: ChatClient
    embeddings: EmbeddingsClient
    llm: LlmClient
    status: StatusClient
    tokens: TokensClient

    def local_models(self, kind: str | None = None) -> list[str]:
        """Full names of the local models of a type, the best first; none where the server has no local models."""
        try:
            answer = self.llm.list_models("local", **({"type": kind} if kind else {}))  # type: ignore[arg-type]
        except ApiError as error:
            if error.status_code == 404:
                return []
            raise
        return [str(model["fullName"]) for model in answer.get("models", [])]


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
    transport = (_TellingTransport if options.verbose else Transport)(credentials, behaviour)
    try:
        yield Remote(
            credentials,
            ChatClient(transport),
            EmbeddingsClient(transport),
            LlmClient(transport),
            StatusClient(transport),
            TokensClient(transport),
        )
    finally:
        transport.close()


def chosen_credentials() -> Credentials:
    """What --base-url, --alias and --credentials say, completed as the SDK does it. Raises ConfigurationError."""
    options = Options.current()
    if options.credentials is None:
        return find_credentials(base_url=options.base_url, alias=options.alias)
    file, name = options.credentials.expanduser(), options.alias or "default"
    profiles = read_profiles(file)
    if not profiles.get(name):
        there = ", ".join(profile for profile, entries in profiles.items() if entries) or "none"
        raise ConfigurationError(f"There is no profile {name!r} in {file}.", hint=f"There are: {there}.")
    # The one profile of the one file stands for the environment, and no other file is looked at.
    environ = {entry.upper(): value for entry, value in profiles[name].items()}
    found = find_credentials(base_url=options.base_url, environ=environ, home=_NOWHERE, data_dir=_NOWHERE)
    return replace(found, source=f"{file} [{name}]")


def is_not_ready(error: Exception) -> bool:
    """True for a refusal that another model may not give: being pulled, too busy, or not set up."""
    if not isinstance(error, ApiError):
        return False
    return error.status_code == 503 or any(number == _NOT_CONFIGURED for number, _ in error.errors)


def reason_of(error: Exception) -> str:
    """What the server said, without what the SDK puts around it."""
    texts = [text for _, text in error.errors if text] if isinstance(error, ApiError) else []
    return "; ".join(texts) or str(error)


class _TellingTransport(Transport):
    """Says on standard error what is sent where and how it went; of the credentials, only where they came from."""

    def __init__(self, credentials: Credentials, behaviour: Behaviour) -> None:
        super().__init__(credentials, behaviour)
        note(f"credentials: {credentials.source}")

    def send(self, call: Call) -> Answer:
        started = time.monotonic()
        answer = super().send(call)
        self._tell(call, answer, started)
        return answer

    def open(self, call: Call) -> ByteStream:
        started = time.monotonic()
        stream = super().open(call)
        self._tell(call, stream.head, started)
        return stream

    def _tell(self, call: Call, answer: Answer, started: float) -> None:
        took = f"{(time.monotonic() - started) * 1000:.0f} ms"
        sent = f", {len(call.body)} bytes" if call.body else ""
        where = f"{call.method} {self.credentials.base_url}{call.path}{sent}"
        note(f"{where}: HTTP {answer.status} in {took}, request {answer.request_id or '-'}")
