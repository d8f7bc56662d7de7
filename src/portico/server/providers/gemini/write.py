"""A chat request to the body of `generateContent`: what it generates, how it thinks, and what had to be left out.

In: a ChatRequest and its target. Out: JSON; what was dropped or clamped stands in `turn.adjusted`.
"""

from __future__ import annotations

import re
from typing import Any

from portico.server.providers.base import Target, Turn
from portico.server.providers.conversation import read_conversation, read_schema, read_stop, read_tools, read_value
from portico.server.providers.gemini.contents import Route, write_contents, write_system
from portico.server.providers.gemini.schema import reduce_schema
from portico.server.providers.gemini.signatures import Signatures
from portico.server.providers.gemini.tools import write_tools
from portico.server.providers.unsupported import note_dropped
from portico.wire.requests import NULL, ChatRequest

Json = dict[str, Any]
STOP_SEQUENCES = 5
_AS_THEY_ARE = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "n": "candidateCount",
}
_GOOGLE_MEMBERS = ("safetySettings", "cachedContent", "labels")
_LACKING = ("logit_bias", "prediction", "audio", "verbosity")
_BUDGETS = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}
"""What Google's own OpenAI endpoint makes of an effort: https://ai.google.dev/gemini-api/docs/openai#thinking."""
_GENERATION = re.compile(r"gemini-(\d+)")


def route_of(target: Target, *, sends_ids: bool) -> Route:
    """Signatures are demanded from the third generation on, whatever the catalogue knows of a model."""
    model = target.upstream_model
    found = _GENERATION.match(model.rpartition("/")[2])
    demanded = target.traits.thinking_mode == "level" or (found is not None and int(found[1]) >= 3)
    return Route(f"{target.provider}/{model}", demanded, sends_ids)


def write_body(
    request: ChatRequest, target: Target, turn: Turn, signatures: Signatures, route: Route, *, json_schema: bool
) -> Json:
    conversation, tools = read_conversation(request), read_tools(request)
    body: Json = {"contents": write_contents(conversation, route, signatures)}
    system = write_system(conversation)
    if system is not None:
        body["systemInstruction"] = system
    search = read_value(request, "web_search_options") is not None
    body.update(write_tools(tools, json_schema=json_schema, web_search=search, adjusted=turn.adjusted))
    generation = _generation(request, target, turn, json_schema=json_schema)
    if generation:
        body["generationConfig"] = generation
    for name in _GOOGLE_MEMBERS:
        if _has(request, name):
            body[name] = request.members[name]
    note_dropped(request, _LACKING, turn)
    return body


def _generation(request: ChatRequest, target: Target, turn: Turn, *, json_schema: bool) -> Json:
    config: Json = {name: request.members[ours] for ours, name in _AS_THEY_ARE.items() if _has(request, ours)}
    for name in ("max_completion_tokens", "max_tokens"):
        if _has(request, name):
            config["maxOutputTokens"] = request.members[name]
            break
    stop = read_stop(request)
    if len(stop) > STOP_SEQUENCES:
        turn.adjusted.append(f"stop {len(stop)}->{STOP_SEQUENCES}")
    if stop:
        config["stopSequences"] = stop[:STOP_SEQUENCES]
    if read_value(request, "logprobs"):
        config["responseLogprobs"] = True
        if _has(request, "top_logprobs"):
            config["logprobs"] = request.members["top_logprobs"]
    config.update(_answer_form(request, turn, json_schema=json_schema))
    thinking = write_thinking(request, target, turn)
    if thinking:
        config["thinkingConfig"] = thinking
    return config


def _answer_form(request: ChatRequest, turn: Turn, *, json_schema: bool) -> Json:
    """Structured output (HC-23), and pictures where a model makes them."""
    form: Json = {}
    kind, schema, _ = read_schema(request)
    if kind:
        form["responseMimeType"] = "application/json"
    if schema and json_schema:
        form["responseJsonSchema"] = schema
    elif schema:
        form["responseSchema"], dropped = reduce_schema(schema)
        if dropped:
            turn.adjusted.append(f"response_format: {' '.join(dropped)} dropped")
    modalities = read_value(request, "modalities")
    wanted = modalities if isinstance(modalities, list) else ()
    if "image" in wanted:
        form["responseModalities"] = ["TEXT", "IMAGE"]
    if "audio" in wanted:
        turn.adjusted.append("modalities audio dropped")
    return form


def write_thinking(request: ChatRequest, target: Target, turn: Turn) -> Json:
    """A budget or a level, never both (gateway rules, 1). Thoughts are shown to who asked for thinking."""
    traits, effort, budget = target.traits, request.effort, request.budget
    if (not effort and budget is None) or traits.thinking_mode not in ("budget", "level"):
        return {}
    off = effort == "none" or (budget == 0 and not effort)
    if traits.thinking_mode == "budget":
        if budget is None:
            budget = 0 if off else _BUDGETS.get(effort, traits.budget_max or -1)
            budget = _within(budget, traits.budget_min, traits.budget_max)
        if budget == 0 and not traits.can_disable:
            budget = traits.budget_min
            turn.adjusted.append(f"thinking off->{budget} tokens")
        return {"thinkingBudget": budget, "includeThoughts": True} if budget else {"thinkingBudget": 0}
    level = _lowest(traits.effort_values) if off else effort
    if off and level:
        turn.adjusted.append(f"reasoning_effort none->{level}")
    return {"thinkingLevel": level.upper(), "includeThoughts": True} if level else {"includeThoughts": True}


def _within(budget: int, least: int, most: int) -> int:
    if budget <= 0:
        return budget
    return max(least, min(budget, most) if most else budget)


def _lowest(values: tuple[str, ...]) -> str:
    return next((value for value in ("minimal", "low", "medium", "high") if value in values), "")


def _has(request: ChatRequest, name: str) -> bool:
    return request.members.get(name, NULL) != NULL
