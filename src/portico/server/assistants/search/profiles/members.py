"""Bodies of the profile API to values: what clients send in their several ways becomes the members of the reference.

Source: RAG reference, "The profile object"; the models and the command line of the official client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from portico.server.access.refusals import NameEmpty
from portico.server.access.tenancy import LONGEST_NAME, clean_text
from portico.server.assistants.members import read_welcome
from portico.server.assistants.refusals import UnexpectedAssistantStatus
from portico.server.assistants.search.questions.tuning import tell_guardrails
from portico.server.assistants.search.reading import (
    Json,
    choice,
    clean,
    flag,
    maybe_flag,
    maybe_number,
    number,
    read_members,
    section,
    text,
    whole,
)
from portico.server.assistants.search.refusals import ProfileInvalid, PromptIncomplete
from portico.server.retrieval.filters import read_filters
from portico.wire.guardrails import NAMES

LONGEST_PROMPT = 100_000
LONGEST_TEXT = 10_000
LONGEST_OPTIONS = 512 * 1024
"""Bytes of all options as JSON."""
MOST_PASSAGES = 1_000
_BIG = 2**31 - 1
_RETRIEVERS = (
    "vectorStore", "multiQuery", "selfQuery", "hyde", "contextualCompression", "scoreThreshold", "graph", "awsKB",
)  # fmt: skip
_FLAGS = {
    "promptInjectionGuardrail": "prompt-injection-guardrail",
    "inputModerationGuardrail": "input-moderation-guardrail",
    "llmOutputGuardrail": "llm-output-guardrail",
}
"""As assistants spell them, beside the list of the reference."""


@dataclass(frozen=True, slots=True)
class GivenProfile:
    """A body. None: not said. `keys` are those of the profile's own endpoints, by section ("" takes one back);
    `welcome_data` absent erases what is stored."""

    name: str | None = None
    description: str | None = None
    template: str | None = None
    enabled: bool | None = None
    search: Json = field(default_factory=dict)
    index: Json = field(default_factory=dict)
    welcome_data: Json | None = None
    keys: Mapping[str, str] = field(default_factory=dict)


def read_new(body: Mapping[str, Any]) -> GivenProfile:
    """With a name. Raises NameEmpty (2007), UnexpectedAssistantStatus (2032), ProfileInvalid (2024)."""
    name = body.get("name")
    if name is not None and not isinstance(name, str):
        raise ProfileInvalid("name", "send a text")
    given = _read(body, with_index=True)
    return GivenProfile(_read_name(name or ""), *_fields(given)[1:])


def read_change(body: Mapping[str, Any]) -> GivenProfile:
    """Name and index options are not looked at. Raises as `read_new`."""
    return _read(body, with_index=False)


def _fields(given: GivenProfile) -> tuple[Any, ...]:
    return tuple(getattr(given, name) for name in GivenProfile.__slots__)


def _read(body: Mapping[str, Any], *, with_index: bool) -> GivenProfile:
    body = {_camel(name): value for name, value in body.items()}
    search = _read_object(body, "searchOptions", _SEARCH_OPTIONS)
    index = _read_object(body, "indexOptions", _INDEX_OPTIONS) if with_index else {}
    keys = {name: search[name].pop("apiKey") for name in ("llm", "embeddings") if "apiKey" in search.get(name, {})}
    check_size({"searchOptions": search, "indexOptions": index})
    page = read_welcome(body)
    return GivenProfile(
        description=_read_text(body, "description"),
        template=_read_text(body, "template") or None,
        enabled=_read_status(body.get("status")),
        search=search,
        index=index,
        welcome_data=None if page is None else msgspec.json.decode(page, type=Json),
        keys=keys,
    )


def check_size(options: Json) -> None:
    """Raises ProfileInvalid when options are longer than anybody's."""
    if len(msgspec.json.encode(options)) > LONGEST_OPTIONS:
        raise ProfileInvalid("searchOptions", f"at most {LONGEST_OPTIONS} bytes of JSON")


def _camel(name: str) -> str:
    return {
        "search_options": "searchOptions", "index_options": "indexOptions", "welcome_data": "welcomeData",
    }.get(name, name)  # fmt: skip


def _read_name(given: str) -> str:
    name = clean_text(given)
    if not name:
        raise NameEmpty(param="name")
    if len(name) > LONGEST_NAME:
        raise ProfileInvalid("name", f"at most {LONGEST_NAME} characters")
    if "/" in name or name in (".", ".."):  # it has to stand in an address
        raise ProfileInvalid("name", "a name with a slash, and a name of dots, cannot stand in an address")
    return name


def _read_text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    read = text(LONGEST_TEXT, keep_empty=True)
    return None if value is None else read(value, name)


def _read_status(value: Any) -> bool | None:
    """1 is enabled, 2 is disabled; true and false, too."""
    if value is None or value == "":
        return None
    told = value.strip().lower() if isinstance(value, str) else value
    if told is True or told is False or told in ("true", "false"):
        return maybe_flag(told)
    found = maybe_number(told)
    if found not in (1, 2):
        raise UnexpectedAssistantStatus("The status value is unexpected: send 1 or 2", param="status")
    return found == 1


def _read_object(body: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Json:
    value = body.get(name)
    return {} if value is None else read_members(value, schema, name)


def _read_prompt(value: Any, where: str) -> str | None:
    prompt = text(LONGEST_PROMPT, keep_empty=True)(value, where)
    if prompt and not all(one in prompt.lower() for one in ("{context}", "{question}")):
        raise PromptIncomplete
    return str(prompt)


def _read_guardrails(value: Any, where: str) -> list[str]:
    """A list, or one name; an empty one switches all off."""
    names = [value] if isinstance(value, str) and value else value or []
    if not isinstance(names, list) or not all(isinstance(one, str) and one in NAMES for one in names):
        raise ProfileInvalid(where, f"send a list of {', '.join(NAMES)}")
    return [one for one in NAMES if one in names]


def _read_llm(value: Any, where: str) -> Json | None:
    """The three flags of assistants are the list of guardrails, where that is not sent."""
    if not isinstance(value, dict):
        raise ProfileInvalid(where, "send an object")
    told = {name: flag(value[name], f"{where}.{name}") for name in _FLAGS if value.get(name) is not None}
    rest = {name: one for name, one in value.items() if name not in _FLAGS}
    if rest.get("guardrails") is None and None not in told.values() and told:
        rest["guardrails"] = [_FLAGS[name] for name, on in told.items() if on]
    found: Json | None = _LLM(rest, where)
    return found


def _read_metadata(value: Any, where: str) -> Json:
    """An object, or the text of one. Its fixed filters are read now: who asks later could not mend them."""
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value.encode("utf-8", "replace")) if value.strip() else {}
        except (msgspec.DecodeError, RecursionError):
            raise ProfileInvalid(where, "the text is no JSON object") from None
    if not isinstance(value, dict):
        raise ProfileInvalid(where, "send an object, or the text of one")
    read_filters(value.get("filter"), f"{where}.filter")
    read_metadata_search(value, where)
    # A guardrail of a wrong name would be one that is off.
    _read_guardrails(tell_guardrails(value), f"{where}.chat.search.llm.guardrails")
    return dict(clean(value, where))


def read_metadata_search(metadata: Mapping[str, Any], where: str) -> Json:
    """What profile metadata says of the search itself. Raises ProfileInvalid."""
    chat = metadata.get("chat")
    told = chat.get("search") if isinstance(chat, dict) else None
    if not isinstance(told, dict):
        return {}
    named = {name: told[name] for name in _METADATA_SEARCH if name in told}
    return read_members(named, _METADATA_SEARCH, f"{where}.chat.search")


def _read_anything(value: Any, where: str) -> Json | None:
    """An object of which nothing is looked at."""
    if not isinstance(value, dict):
        raise ProfileInvalid(where, "send an object")
    return dict(clean(value, where)) or None


_NAMES = {"providerName": "provider", "provider_name": "provider", "model": "modelName"}
_ENDPOINT = {"apiKey": text(10_000, keep_empty=True), "endpoint": text(2_000, keep_empty=True)}
_EMBEDDINGS = section(
    {
        "provider": text(200),
        "modelName": text(200),
        "useProxy": flag,
        "cache": flag,
        "mode": choice("", "multimodal"),
        "type": text(100, keep_empty=True),
        "batchSize": whole(1, 2_048),
        "dimensions": whole(1, 16_000, zero_is_absent=True),
        **_ENDPOINT,
    },
    _NAMES,
)
_LLM = section(
    {
        "provider": text(200),
        "modelName": text(200),
        "temperature": number(0, 2),
        "maxTokens": whole(1, _BIG),
        "topP": number(0, 1),
        "n": whole(1, 128),
        "frequencyPenalty": number(-2, 2),
        "presencePenalty": number(-2, 2),
        "stream": flag,
        "verbose": flag,
        "cache": flag,
        "type": choice("", "json_object"),
        "guardrails": _read_guardrails,
        **_ENDPOINT,
    },
    _NAMES,
)
_METADATA_SEARCH = {
    "type": choice("similarity", "mmr"),
    "fetchK": whole(1, MOST_PASSAGES),
    "lambda": number(0, 1),
    "returnSourceDocuments": flag,
}
_SEARCH = section(
    {
        **_METADATA_SEARCH,
        "k": whole(1, MOST_PASSAGES),
        "prompt": _read_prompt,
        "template": text(LONGEST_PROMPT, keep_empty=True),
        "scoreThreshold": number(0, 1),
    },
    {"lambda_": "lambda"},
)
_RETRIEVER = section(
    {
        "type": choice(*_RETRIEVERS),
        "searchType": choice("similarity", "similarity_hybrid", "semantic_hybrid"),
        "step": choice("all", "documents"),
        "prompt": text(LONGEST_PROMPT, keep_empty=True),
        "metadata": _read_metadata,
    }
)
_SEARCH_OPTIONS = {
    "historyCount": whole(0, 1_000),
    "embeddings": _EMBEDDINGS,
    "llm": _read_llm,
    "search": _SEARCH,
    "retriever": _RETRIEVER,
    "chain": _read_anything,
    "ingestion": _read_anything,
}
_CHUNKS = {"chunkSize": whole(20, 100_000), "chunkOverlap": whole(0, 50_000)}
_INDEX_OPTIONS = {
    "chunks": section(_CHUNKS),
    "useParentDocument": flag,
    "childDocument": section(
        {
            "childK": whole(1, MOST_PASSAGES),
            "child": section({**_CHUNKS, "contentProcessing": choice("", "clean")}),
        }
    ),
}
