"""The Messages API of Anthropic: documented chat requests in, documented answers out.

Thoughts come as `reasoning_content` and `thinking_blocks`; who sends the blocks back gets them before the tool calls,
as the API wants them. Blocks without a signature are left out. A block signed for another model or account cannot be
told from a good one: what the API does with it is the API's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from portico.server.errors import PatternMismatch, ProviderError
from portico.server.providers.anthropic.errors import read_error
from portico.server.providers.anthropic.paused import join_answers, write_rest
from portico.server.providers.anthropic.stream import Reader
from portico.server.providers.anthropic.thinking import most_tokens
from portico.server.providers.anthropic.whole import read_whole
from portico.server.providers.anthropic.write import write_body
from portico.server.providers.base import Adapter, Credential, Endpoint, Header, Members, Outgoing, Target, Turn
from portico.wire.requests import NULL, ChatRequest

VERSION = "2023-06-01"
"""Not the newest: the one of 2026-10-21 has nothing for us, and no sampling parameters."""
_encode = msgspec.json.Encoder().encode


class Anthropic(Adapter):
    """Options of a credential: `version` of the API, `beta` (names of beta features, with commas)."""

    name = "anthropic"
    request_id_headers = (b"request-id",)
    fetches = frozenset({"http", "https"})

    def endpoint(self, credential: Credential) -> Endpoint:
        headers: list[Header] = [("anthropic-version", credential.option("version", VERSION))]
        if credential.key:
            headers.append(("x-api-key", credential.key))
        if credential.option("beta"):
            headers.append(("anthropic-beta", credential.option("beta")))
        return Endpoint(credential.base_url.removesuffix("/v1"), tuple(headers))

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        body, unwrap = write_body(request, target, turn)
        turn.reader = Reader(unwrap)
        if request.stream:
            body["stream"] = True
        sent = _encode({"model": target.upstream_model, **body})
        return Outgoing("/v1/messages", sent, request.stream, headers=_betas(request, target))

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        return read_whole(body, _reader(turn).unwrap, turn)

    def most_output(self, request: ChatRequest, target: Target) -> int:
        return most_tokens(request, target.traits)

    def write_rest(self, outgoing: Outgoing, answers: Sequence[bytes]) -> Outgoing:
        return write_rest(outgoing, answers)

    def join_answers(self, answers: Sequence[bytes]) -> bytes:
        return join_answers(answers)

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        reader = turn.reader
        return (reader if type(reader) is Reader else _reader(turn)).read(data, turn)

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        return read_error(status, headers, body)


def _betas(request: ChatRequest, target: Target) -> tuple[Header, ...]:
    """The beta features that the caller names, beside those of the credential; the last header of a name counts."""
    raw = request.members.get("anthropic_beta", NULL)
    if raw == NULL:
        return ()
    try:
        wanted = msgspec.json.decode(raw, type=list[str])
    except (msgspec.DecodeError, RecursionError):
        raise PatternMismatch("anthropic_beta", "send an array of strings") from None
    names = [*target.credential.option("beta").split(","), *wanted]
    return (("anthropic-beta", ",".join(dict.fromkeys(name.strip() for name in names if name.strip()))),)


def _reader(turn: Turn) -> Reader:
    if not isinstance(turn.reader, Reader):
        turn.reader = Reader()
    return turn.reader
