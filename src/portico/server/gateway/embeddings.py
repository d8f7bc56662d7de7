"""Embeddings: texts become vectors, batch by batch; each batch is JSON before the next one is asked for."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.errors import InvalidType, MediaNotSupported, OutOfRange, ProviderTimeout
from portico.server.gateway.answers import Answer, Headers, headers_of, provider_request_id
from portico.server.gateway.cache import Entry
from portico.server.gateway.chat_cache import find_entry
from portico.server.gateway.metering import BYTES_PER_TOKEN, Meter
from portico.server.gateway.routing import Attempt, Choice, Route
from portico.server.gateway.switchboard import Switchboard
from portico.server.gateway.vectors import encode_batch, pack
from portico.server.providers.base import Outgoing, Tokens, Turn
from portico.server.providers.http1 import Reply
from portico.wire.model_ref import BareModel, DirectModel
from portico.wire.requests import EmbeddingRequest

_encode = msgspec.json.Encoder().encode
_BARE = ("image/png;base64,", "image/jpeg;base64,", "image/gif;base64,", "image/webp;base64,")
_PICTURES = ("data:image/", *_BARE)
INPUTS_LIMIT = 10_000
"""The vectors of one answer are in memory together."""
PASSAGE_DEFAULTS = {"nvidia": "passage", "cohere": "search_document"}


class WholeEmbeddings(Attempt[tuple[list[Any], int]]):
    """One batch: the vectors in the order of the inputs, and the tokens they took."""

    __slots__ = ("_inputs", "_request")

    def __init__(self, request: EmbeddingRequest, inputs: Sequence[str]) -> None:
        self._request = request
        self._inputs = inputs

    def write(self, choice: Choice) -> Outgoing:
        return choice.target.adapter.write_embeddings(self._request, self._inputs, choice.target)

    def read(self, choice: Choice, body: bytes, reply: Reply) -> tuple[list[Any], int]:
        return choice.target.adapter.read_embeddings(body, len(self._inputs))


class EmbeddingGateway:
    """The embedding verb of the switchboard. One per process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def answer(self, caller: Caller, request: EmbeddingRequest, request_id: str) -> Answer:
        """The whole answer as JSON. Raises an error of our tree; then nothing was delivered, and it is metered so."""
        meter = Meter(self._board.ledger, caller, request_id, "embedding", labels=request.labels)
        meter.turn = Turn(keep_usage=True, tokens=Tokens())
        meter.admit()  # not metered: there is no room for its line
        try:
            route = self._find(request, caller)
            meter.aim_at(route)
            size = sum(map(len, request.inputs))
            await self._board.reserve(meter, caller, route, size * 4, 0)
            parts, headers = await self._embed(caller, request, route, meter)
            if meter.ticket is not None:
                headers += meter.ticket.headers()
            answer = Answer(self._whole(parts, meter), headers, meter.cache)
        except BaseException as error:
            meter.fail(error)
            raise
        meter.close("completed", 200)
        return answer

    def _find(self, request: EmbeddingRequest, caller: Caller) -> Route:
        ref = request.ref
        if not isinstance(ref, DirectModel | BareModel):
            raise InvalidType("Invalid Type: embeddings take provider/model", param="model")
        if len(request.inputs) > INPUTS_LIMIT:
            raise OutOfRange("input", f"at most {INPUTS_LIMIT} elements")
        route = self._board.targets.find(ref, "Embedding", caller)
        model = route.model
        if request.dimensions is not None and not model.flexible_dimensions:
            if model.dimensions and request.dimensions != model.dimensions:
                raise OutOfRange("dimensions", f"model '{model.full_name}' gives {model.dimensions} numbers, no others")
            request.dimensions = None
        if any(text.startswith(_PICTURES) for text in request.inputs):
            if not model.multimodal:
                raise MediaNotSupported(param="input")
            # the older text of the reference shows pictures without the scheme
            request.inputs = [f"data:{text}" if text.startswith(_BARE) else text for text in request.inputs]
        if request.input_type is None:
            request.input_type = PASSAGE_DEFAULTS.get(model.provider.lower())
        return route

    async def _embed(
        self, caller: Caller, request: EmbeddingRequest, route: Route, meter: Meter
    ) -> tuple[list[bytes], Headers]:
        """One JSON text per batch, in order; their usage added up in the meter. And the headers of the last one.

        Vectors of two models cannot be compared: the model of the first one makes all others (HC-19).
        """
        parts: list[bytes] = []
        headers: Headers = []
        asked = route.model
        targets = [choice.target for choice in route.choices]
        address = targets[0].credential.base_url
        size = min(target.adapter.embeddings_batch_of(target, request.inputs) for target in targets)
        for start in range(0, len(request.inputs), size):
            inputs = request.inputs[start : start + size]
            keys = self._keys(caller, request, asked, inputs, address)
            others = all(choice.model is not asked for choice in route.choices)  # a fallback has begun
            vectors = [None if others else await self._find_kept(key) for key in keys]
            missing = [place for place, vector in enumerate(vectors) if vector is None]
            if len(missing) < len(inputs):
                route = route.only(asked)
            if missing:
                found, headers = await self._batch(request, [inputs[place] for place in missing], route, meter)
                assert meter.model is not None
                route = route.only(meter.model)
                for place, vector in zip(missing, found, strict=True):
                    vectors[place] = vector
                    if meter.model is asked:
                        self._keep(keys[place], vector)
            if request.cache:
                meter.cache = "MISS" if missing or meter.cache == "MISS" else "HIT"
            parts.append(encode_batch(vectors, start, request.encoding_format))
        return parts, headers

    def _keys(
        self, caller: Caller, request: EmbeddingRequest, model: Model, inputs: Sequence[str], address: str
    ) -> list[bytes | None]:
        """Where each vector may be kept: nowhere, unless the caller asked for it. `address` is the model's: a provider
        of one's own may move to another model server under the same names."""
        if not request.cache:
            return [None] * len(inputs)
        cache, dimensions, input_type = self._board.cache, request.dimensions, request.input_type
        return [cache.embedding_key(caller, model, one, dimensions, input_type, address) for one in inputs]

    async def _find_kept(self, key: bytes | None) -> Any:
        """A vector that was made before, as base64; None when there is none."""
        entry = None if key is None else await find_entry(self._board.cache, key)
        return None if entry is None else base64.b64encode(entry.body).decode()

    def _keep(self, key: bytes | None, vector: Any) -> None:
        if key is not None:
            self._board.cache.store(key, Entry(pack(vector), Tokens()))

    async def _batch(
        self, request: EmbeddingRequest, inputs: Sequence[str], route: Route, meter: Meter
    ) -> tuple[list[Any], Headers]:
        answered = await self._board.executor.send(route, WholeEmbeddings(_in_time(request, meter), inputs))
        self._board.executor.end(answered)
        choice = answered.choice
        theirs = provider_request_id(choice, answered.reply)
        turn = meter.answered_by(choice, meter.attempts + answered.attempts, theirs)
        meter.mark_first_byte()
        vectors, tokens = answered.value
        total = turn.tokens = turn.tokens or Tokens()  # what was embedded is counted even when a later batch fails
        if not tokens:  # a provider that counts nothing: estimated, and marked so
            tokens = max(1, sum(map(len, inputs)) // BYTES_PER_TOKEN)
            total.estimated = True
        total.input_uncached += tokens
        return vectors, headers_of(choice, meter.attempts, turn, theirs)

    @staticmethod
    def _whole(parts: list[bytes], meter: Meter) -> bytes:
        assert meter.model is not None  # who answered, which need not be who was asked
        name, usage, request_id = _encode(meter.model.name), _encode(meter.usage()), _encode(meter.request_id)
        return b'{"object":"list","model":%b,"data":[%b],"usage":%b,"requestId":%b}' % (
            name, b",".join(parts), usage, request_id,
        )  # fmt: skip


def _in_time(request: EmbeddingRequest, meter: Meter) -> EmbeddingRequest:
    """The request with what is left of its time: it is that of all batches together. Raises ProviderTimeout."""
    if request.timeout_s is None:
        return request
    left_s = request.timeout_s - meter.age_s
    if left_s <= 0:
        raise ProviderTimeout
    return msgspec.structs.replace(request, timeout_s=left_s)
