"""Recordings of a size that providers take to what was said in them, through the gateway like every other request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.errors import MediaNotSupported, PorticoError, ProviderRefused, ProviderUnknown
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.routing import Targets
from portico.server.kit.drive import run
from portico.server.kit.request_ids import new_request_id
from portico.wire.model_ref import DirectModel, ModelRef, ModelRefError, read_model_ref
from portico.wire.requests import NO_LABELS, File, TranscriptionRequest

FIRST_PROVIDER = "openai"
TIMED, SPOKEN, PLAIN = "verbose_json", "diarized_json", "json"
_NO_MODEL = (
    "No model for transcription is set up: give a provider that has one its key (PORTICO_PROVIDER_OPENAI_API_KEY), or"
    " name a model in PORTICO_TRANSCRIPTION_MODEL."
)
_decode = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(slots=True)
class Used:
    """What reading one file has cost, in USD, and the tokens of it."""

    cost: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A model for one recording, and the form that it answers in."""

    ref: ModelRef
    name: str
    form: str
    used: Used = field(default_factory=Used)

    @property
    def tells_times(self) -> bool:
        return self.form != PLAIN


class Transcriber:
    """One per process. `default` is provider/model, or empty: the first one that is set up for the caller."""

    def __init__(self, gateway: AudioGateway, targets: Targets, default: str) -> None:
        self._gateway = gateway
        self._targets = targets
        self._default = default
        self._without_times: set[str] = set()

    def choose(self, caller: Caller, told: str) -> Chosen:
        """`told` counts where it is a known model for sound: a document may name one for its pictures instead.

        Raises MediaNotSupported where there is none.
        """
        name = self._maybe_told(caller, told) or self._default or self._maybe_first(caller)
        if not name:
            raise MediaNotSupported(_NO_MODEL)
        return Chosen(read_model_ref(name), name, PLAIN if name in self._without_times else _form_of(name))

    async def write_down(self, caller: Caller, chosen: Chosen, file: File, seconds: float) -> dict[str, Any]:
        """The provider's answer; `seconds` 0: not known. Raises what the gateway raises."""
        form = PLAIN if chosen.name in self._without_times else chosen.form
        try:
            return await self._ask(caller, chosen, file, seconds, form)
        except ProviderRefused as refused:
            if form == PLAIN or "response_format" not in f"{refused.param} {refused.message}":
                raise
            self._without_times.add(chosen.name)
            return await self._ask(caller, chosen, file, seconds, PLAIN)

    async def _ask(self, caller: Caller, chosen: Chosen, file: File, seconds: float, form: str) -> dict[str, Any]:
        fields = {"chunking_strategy": "auto"} if form == SPOKEN else {}  # it has to be said for long ones
        request = TranscriptionRequest(chosen.ref, file, form, fields, seconds)
        answer = await run(self._gateway.transcribe(caller, request, new_request_id(), NO_LABELS))
        try:
            found = _decode(answer.body)
        except msgspec.DecodeError:
            raise ProviderUnknown("the provider's answer is not a transcription") from None
        usage = found.get("usage")
        if isinstance(usage, dict):
            chosen.used.cost += float(usage.get("total_cost") or 0)
            chosen.used.tokens += int(usage.get("total_tokens") or 0)
        return found

    def _maybe_told(self, caller: Caller, told: str) -> str:
        if not told:
            return ""
        try:
            ref = read_model_ref(told)
            if not isinstance(ref, DirectModel):
                return ""
            model = self._targets.find(ref, "Audio", caller).model
        except (ModelRefError, PorticoError):
            return ""
        listed = self._targets.catalog_of(caller).find_provider(model.provider).models
        return told if any(one.id == model.id for one in listed) else ""

    def _maybe_first(self, caller: Caller) -> str:
        """Of the models that tell times before the others, OpenAI's before those of others."""
        missing = self._targets.missing_of(caller)
        catalog = self._targets.catalog_of(caller)
        found = [
            model
            for provider in catalog.providers
            if provider.name not in missing
            for model in provider.models
            if model.type == "Audio" and model.status == "active" and _writes_down(model)
        ]
        found.sort(key=lambda one: (one.provider != FIRST_PROVIDER, "whisper" not in one.name, one.priority))
        return found[0].full_name if found else ""


def _writes_down(model: Model) -> bool:
    """The catalogue does not tell models that speak from those that listen."""
    return "whisper" in model.name or "transcribe" in model.name


def _form_of(name: str) -> str:
    """What a model of OpenAI's that is named so can answer in; other servers speak the protocol of the first one."""
    if "diarize" in name:
        return SPOKEN
    return PLAIN if "transcribe" in name else TIMED
