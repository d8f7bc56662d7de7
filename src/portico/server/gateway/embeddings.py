"""Embeddings: texts become vectors, batch by batch; each batch is JSON before the next one is asked for."""

from __future__ import annotations

import base64
from array import array
from collections.abc import Sequence
from typing import Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.errors import InvalidType, MediaNotSupported, OutOfRange, ProviderUnknown
from portico.server.gateway.metering import BYTES_PER_TOKEN, Meter
from portico.server.gateway.routing import Attempt, Executor, Targets
from portico.server.providers.base import Outgoing, Target, Tokens, Turn
from portico.server.storage.journal import Journal
from portico.wire.model_ref import BareModel, DirectModel
from portico.wire.requests import EmbeddingRequest

_encode = msgspec.json.Encoder().encode
_PICTURES = ("data:image/", "image/png;base64,", "image/jpeg;base64,")
BATCH = 256
"""Texts per call to a provider: well under the limits of all (OpenAI takes 2048, Cohere 96 by its own adapter)."""
PASSAGE_DEFAULTS = {"nvidia": "passage", "cohere": "search_document"}


class WholeEmbeddings(Attempt[tuple[list[Any], int]]):
    """One batch: the vectors in the order of the inputs, and the tokens they took."""

    __slots__ = ("_inputs", "_request")

    def __init__(self, request: EmbeddingRequest, inputs: Sequence[str]) -> None:
        self._request = request
        self._inputs = inputs

    def write(self, target: Target) -> Outgoing:
        return target.adapter.write_embeddings(self._request, self._inputs, target)

    def read(self, target: Target, body: bytes) -> tuple[list[Any], int]:
        return target.adapter.read_embeddings(body, len(self._inputs))


class EmbeddingGateway:
    """The embedding verb of the switchboard. One per process."""

    def __init__(self, targets: Targets, executor: Executor, journal: Journal) -> None:
        self._targets = targets
        self._executor = executor
        self._journal = journal

    async def answer(self, caller: Caller, request: EmbeddingRequest, request_id: str) -> bytes:
        """The whole answer as JSON. Raises an error of our tree; then nothing was delivered, and it is metered so."""
        meter = Meter(self._journal, caller, request_id, "embedding")
        meter.turn = Turn(keep_usage=True)
        meter.admit()  # not metered: there is no room for its line
        try:
            model, targets = self._find(request)
            meter.model, meter.target = model, targets[0]
            parts = await self._embed(request, targets, meter)
            body = self._whole(parts, model, meter)
        except BaseException as error:
            meter.fail(error)
            raise
        meter.close("completed", 200)
        return body

    def _find(self, request: EmbeddingRequest) -> tuple[Model, Sequence[Target]]:
        ref = request.ref
        if not isinstance(ref, DirectModel | BareModel):
            raise InvalidType("Invalid Type: embeddings take provider/model", param="model")
        model, targets = self._targets.find(ref, "Embedding")
        if request.dimensions is not None and not model.flexible_dimensions:
            if model.dimensions and request.dimensions != model.dimensions:
                raise OutOfRange("dimensions", f"model '{model.full_name}' gives {model.dimensions} numbers, no others")
            request.dimensions = None
        if not model.multimodal and any(text.startswith(_PICTURES) for text in request.inputs):
            raise MediaNotSupported(param="input")
        if request.input_type is None:
            request.input_type = PASSAGE_DEFAULTS.get(model.provider.lower())
        return model, targets

    async def _embed(self, request: EmbeddingRequest, targets: Sequence[Target], meter: Meter) -> list[bytes]:
        """One JSON text per batch, in order; their usage added up in the meter."""
        parts: list[bytes] = []
        total = Tokens()
        for start in range(0, len(request.inputs), BATCH):
            inputs = request.inputs[start : start + BATCH]
            vectors, tokens = await self._batch(request, inputs, targets, meter)
            if not tokens:  # a provider that counts nothing: estimated, and marked so
                tokens = max(1, sum(map(len, inputs)) // BYTES_PER_TOKEN)
                total.estimated = True
            total.input_uncached += tokens
            parts.append(_encode_batch(vectors, start, request.encoding_format))
            assert meter.turn is not None
            meter.turn.tokens = total  # what was embedded is counted even when a later batch fails
        return parts

    async def _batch(
        self, request: EmbeddingRequest, inputs: Sequence[str], targets: Sequence[Target], meter: Meter
    ) -> tuple[list[Any], int]:
        answered = await self._executor.send(targets, WholeEmbeddings(request, inputs))
        self._executor.end(answered)
        meter.attempts += answered.attempts
        meter.target = answered.target
        meter.mark_first_byte()
        return answered.value

    @staticmethod
    def _whole(parts: list[bytes], model: Model, meter: Meter) -> bytes:
        name, usage, request_id = _encode(model.name), _encode(meter.usage()), _encode(meter.request_id)
        return b'{"object":"list","model":%b,"data":[%b],"usage":%b,"requestId":%b}' % (
            name, b",".join(parts), usage, request_id,
        )  # fmt: skip


def _encode_batch(vectors: Sequence[Any], start: int, encoding_format: str) -> bytes:
    convert = _as_base64 if encoding_format == "base64" else _as_numbers
    items = [
        {"object": "embedding", "index": start + i, "embedding": convert(vector)} for i, vector in enumerate(vectors)
    ]
    return _encode(items)[1:-1]


def _as_numbers(vector: list[float] | str) -> list[float]:
    if isinstance(vector, list):
        return vector
    try:
        return array("f", base64.b64decode(vector, validate=True)).tolist()
    except ValueError:
        raise ProviderUnknown("the provider's embedding is not base64 of 32-bit numbers") from None


def _as_base64(vector: list[float] | str) -> str:
    """Little-endian float32, as the embeddings reference has it (HC-28)."""
    return vector if isinstance(vector, str) else base64.b64encode(array("f", vector).tobytes()).decode()
