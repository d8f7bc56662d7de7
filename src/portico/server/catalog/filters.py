"""Query parameters of the LLM API to checked values; a wrong one is 400, id 8, with the parameter's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args

from portico.server.catalog.entry import Model, ModelType
from portico.server.errors import OutOfRange

Detail = Literal["Summary", "Full"]
_TYPES: Mapping[str, ModelType] = {name.lower(): name for name in get_args(ModelType)}
_DETAILS: Mapping[str, Detail] = {"summary": "Summary", "full": "Full"}
T = TypeVar("T")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a model must be to be listed; None asks nothing."""

    type: ModelType | None = None
    streaming: bool | None = None
    multimodal: bool | None = None
    tool_calling: bool | None = None
    function_calling: bool | None = None

    @property
    def any(self) -> bool:
        return self != _NOTHING_ASKED

    def admit(self, model: Model) -> bool:
        return (
            (self.type is None or model.type == self.type)
            and (self.streaming is None or model.streaming == self.streaming)
            and (self.multimodal is None or model.multimodal == self.multimodal)
            and (self.tool_calling is None or model.tool_calling == self.tool_calling)
            and (self.function_calling is None or model.function_calling == self.function_calling)
        )


_NOTHING_ASKED = Filters()


def read_filters(query: Mapping[str, str]) -> Filters:
    """`type`, `streaming`, `multimodal`, `toolCalling`, `functionCalling`. Raises OutOfRange."""
    return Filters(
        type=_one_of(query, "type", _TYPES),
        streaming=_one_of(query, "streaming", _BOOLEANS),
        multimodal=_one_of(query, "multimodal", _BOOLEANS),
        tool_calling=_one_of(query, "toolCalling", _BOOLEANS),
        function_calling=_one_of(query, "functionCalling", _BOOLEANS),
    )


def read_detail(query: Mapping[str, str]) -> Detail:
    """`detail`, `Full` when absent. Raises OutOfRange."""
    return _one_of(query, "detail", _DETAILS) or "Full"


def read_include_models(query: Mapping[str, str]) -> bool:
    """Whether `include=models` is asked. Raises OutOfRange."""
    return _one_of(query, "include", {"models": True}) or False


def _one_of(query: Mapping[str, str], name: str, values: Mapping[str, T]) -> T | None:
    written = query.get(name, "").strip()
    if not written:
        return None
    value = values.get(written.lower())
    if value is None:
        raise OutOfRange(name)
    return value
