"""Bodies of the other lane's operations for the OpenAPI document, written by hand: their handlers take any JSON object.

Search, assistants, usage limits and access control. Keys are verb and path without its version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from portico.server.assistants.search.evaluations.question_sets import DEEPEST, METHODS, MOST_QUESTIONS
from portico.wire.guardrails import NAMES

Json = dict[str, Any]
_TEXT: Json = {"type": "string"}
_NAME: Json = {"type": "string", "minLength": 1}
_FLAG: Json = {"type": "boolean"}
_OBJECT: Json = {"type": "object"}
_AMOUNT: Json = {"type": "number", "minimum": 0}


def _object(*required: str, **properties: Json) -> Json:
    made: Json = {"type": "object", "properties": properties}
    return {**made, "required": list(required)} if required else made


def _list(items: Json, **more: Any) -> Json:
    return {"type": "array", "items": items, **more}


def _number(low: float, high: float) -> Json:
    return {"type": "number", "minimum": low, "maximum": high}


def _whole(low: int, high: int | None = None) -> Json:
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


def _one_of(*words: str) -> Json:
    return {"enum": list(words)}


def _form(schema: Json) -> Json:
    return {"multipart/form-data": {"schema": schema}, "application/octet-stream": {"schema": {}}}


_WELCOME = _object(
    title=_TEXT,
    description=_TEXT,
    features=_list(_object(title=_TEXT, description=_TEXT)),
    examplesPrompt=_list(_object(title=_TEXT, description=_TEXT, promptText=_TEXT)),
)
_SAMPLING: Json = {
    "temperature": _number(0, 2),
    "topP": _number(0, 1),
    "frequencyPenalty": _number(-2, 2),
    "presencePenalty": _number(-2, 2),
    "maxTokens": _whole(1, 2**31 - 1),
}
_STATUS: Json = {"enum": [1, 2], "description": "1 enabled, 2 disabled"}

# assistants -------------------------------------------------------------------------------------------------------

_REVISION: Json = {
    "description": _TEXT,
    "status": _STATUS,
    "revisionName": _TEXT,
    "revisionDescription": _TEXT,
    "llmSettings": _object(
        providerName=_TEXT,
        modelName=_TEXT,
        uploadFiles=_FLAG,
        llmOutputGuardrail=_FLAG,
        inputModerationGuardrail=_FLAG,
        promptInjectionGuardrail=_FLAG,
        **_SAMPLING,
    ),
    "welcomeData": _WELCOME,
    "openApi": {"type": ["object", "string"], "description": "Of type api: the document of the service"},
    "authentication": _object(type=_one_of("none", "apiKey"), authType=_one_of("Basic", "Bearer"), apiKeySecret=_TEXT),
}
_ACTIONS = _one_of("save", "saveNewRevision", "savePublishNewRevision", "publish")
_ASSISTANT = _object("name", "prompt", name=_NAME, prompt=_NAME, type=_one_of("text", "chat", "api"), **_REVISION)
_ASSISTANT_CHANGE = _object(name=_NAME, prompt=_NAME, action=_ACTIONS, revisionId=_whole(1), **_REVISION)

# search -----------------------------------------------------------------------------------------------------------

_ENDPOINT: Json = {"endpoint": _TEXT, "apiKey": _TEXT}
_SEARCH_OPTIONS = _object(
    historyCount=_whole(0, 1_000),
    embeddings=_object(
        provider=_TEXT,
        modelName=_TEXT,
        useProxy=_FLAG,
        cache=_FLAG,
        mode=_one_of("", "multimodal"),
        type=_TEXT,
        batchSize=_whole(1, 2_048),
        dimensions=_whole(0, 16_000),
        **_ENDPOINT,
    ),
    llm=_object(
        provider=_TEXT,
        modelName=_TEXT,
        n=_whole(1, 128),
        stream=_FLAG,
        verbose=_FLAG,
        cache=_FLAG,
        type=_one_of("", "json_object"),
        guardrails=_list(_one_of(*NAMES)),
        **_SAMPLING,
        **_ENDPOINT,
    ),
    search=_object(
        k=_whole(1, 1_000),
        type=_one_of("similarity", "mmr"),
        fetchK=_whole(1, 1_000),
        prompt={**_TEXT, "description": "With {context} and {question}"},
        template=_TEXT,
        returnSourceDocuments=_FLAG,
        scoreThreshold=_number(0, 1),
        **{"lambda": _number(0, 1)},
    ),
    retriever=_object(
        type=_one_of(
            "vectorStore",
            "multiQuery",
            "selfQuery",
            "hyde",
            "contextualCompression",
            "scoreThreshold",
            "graph",
            "awsKB",
        ),
        searchType=_one_of("similarity", "similarity_hybrid", "semantic_hybrid"),
        step=_one_of("all", "documents"),
        prompt=_TEXT,
        metadata={"type": ["object", "string"]},
    ),
    chain=_OBJECT,
    ingestion=_OBJECT,
)
_CHUNKS: Json = {"chunkSize": _whole(20, 100_000), "chunkOverlap": _whole(0, 50_000)}
_INDEX_OPTIONS = _object(
    chunks=_object(**_CHUNKS),
    useParentDocument=_FLAG,
    childDocument=_object(childK=_whole(1, 1_000), child=_object(contentProcessing=_one_of("", "clean"), **_CHUNKS)),
)
_PROFILE_CHANGE: Json = {
    "description": _TEXT,
    "template": _TEXT,
    "status": _STATUS,
    "searchOptions": _SEARCH_OPTIONS,
    "welcomeData": _WELCOME,
}
_QUESTION = _object("question", "expected", question=_NAME, expected=_list(_NAME, minItems=1))
_EVALUATION = _object(
    "questions",
    questions=_list(_QUESTION, minItems=1, maxItems=MOST_QUESTIONS),
    method=_one_of(*METHODS),
    k=_whole(1, DEEPEST),
    name=_TEXT,
)
_FILE: Json = {**_TEXT, "contentMediaType": "application/octet-stream"}

# usage limits and access control ----------------------------------------------------------------------------------

_RENEWAL = _one_of("Renewable", "NonRenewable")
_LIMIT = _object(
    "subscriptionType",
    "usageUnit",
    "softLimit",
    "hardLimit",
    subscriptionType=_one_of("Freemium", "Daily", "Weekly", "Monthly"),
    usageUnit=_one_of("Cost", "Requests"),
    softLimit=_AMOUNT,
    hardLimit=_AMOUNT,
    renewalStatus=_RENEWAL,
)
_LIMIT_CHANGE: Json = {
    **_object(hardLimit=_AMOUNT, softLimit=_AMOUNT, renewalStatus=_RENEWAL),
    "description": "The member that the path names",
}
_RATE = _object(tokenId=_TEXT, requestsPerMinute=_whole(1), tokensPerMinute=_whole(1))
_ROLE: Json = {"externalId": _TEXT, "assistants": _list(_NAME)}
_INVITED = _object("userEmail", userEmail=_NAME, roles=_list(_NAME))

_OF_ORGANIZATION = "/usageLimits/organizations/{organization}"
_OF_PROJECT = f"{_OF_ORGANIZATION}/projects/{{project}}"
_PROFILE = "/search/profile/{profile}"
BODIES: Mapping[tuple[str, str], Json] = {
    ("post", "/assistant"): _ASSISTANT,
    ("put", "/assistant/{assistant}"): _ASSISTANT_CHANGE,
    ("post", "/search/profile"): _object("name", name=_NAME, indexOptions=_INDEX_OPTIONS, **_PROFILE_CHANGE),
    ("put", _PROFILE): _object(**_PROFILE_CHANGE),
    ("post", f"{_PROFILE}/log"): _object(step=_TEXT, level=_whole(-1_000, 1_000), name=_TEXT, data=_TEXT),
    ("post", f"{_PROFILE}/evaluations"): _EVALUATION,
    ("post", f"{_OF_ORGANIZATION}/limits"): _LIMIT,
    ("post", f"{_OF_PROJECT}/limits"): _LIMIT,
    ("put", f"{_OF_ORGANIZATION}/limits/{{limit}}/{{member}}"): _LIMIT_CHANGE,
    ("put", f"{_OF_PROJECT}/limits/{{limit}}/{{member}}"): _LIMIT_CHANGE,
    ("put", f"{_OF_PROJECT}/rates"): _RATE,
    ("post", "/accessControl/organizations/members"): _INVITED,
    ("post", "/accessControl/projects/members"): _object(*_INVITED["required"], "roles", **_INVITED["properties"]),
    ("post", "/accessControl/projects/roles"): _object("name", name=_NAME, **_ROLE),
    ("put", "/accessControl/projects/roles/{role}"): _object(name=_NAME, **_ROLE),
}
UPLOADS: Mapping[tuple[str, str], tuple[Json, bool]] = {
    ("post", f"{_PROFILE}/document"): (_object("file", file=_FILE, metadata=_TEXT), True),
    ("put", f"{_PROFILE}/document"): (_object(file=_FILE, metadata=_TEXT), False),
}
"""Forms, or the bytes themselves; and whether there must be a body."""


def maybe_body(verb: str, path: str) -> Json | None:
    """The `requestBody` of an operation, if it has a row here."""
    key = verb, re.sub(r"^/v\d", "", path)
    if key in UPLOADS:
        schema, required = UPLOADS[key]
        return {"required": required, "content": _form(schema)}
    schema = BODIES.get(key, {})
    return {"required": True, "content": {"application/json": {"schema": schema}}} if schema else None
