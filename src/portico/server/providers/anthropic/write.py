"""A chat request to the body of the Messages API. Pure: the same request gives the same bytes (HC-05)."""

from __future__ import annotations

import msgspec

from portico.server.providers.anthropic.blocks import write_messages, write_system
from portico.server.providers.anthropic.marks import read_marks
from portico.server.providers.anthropic.thinking import Thinking, read_thinking
from portico.server.providers.anthropic.tools import write_offer
from portico.server.providers.base import Members, Target, Traits, Turn
from portico.server.providers.conversation import read_conversation, read_stop, read_value
from portico.server.providers.unsupported import SAMPLING_EXTRAS, note_dropped
from portico.wire.requests import NULL, ChatRequest

WITHOUT_SAMPLING = "2026-10-21"
"""The first version of the API that refuses temperature, top_p and top_k altogether."""
_SAMPLING = ("temperature", "top_p", "top_k")
_LACKING = (*SAMPLING_EXTRAS, "audio", "modalities", "prediction", "verbosity")
_OWN = ("cache_control", "container")
"""Members of the Messages API that have no other name in a chat request; they pass as they came. Those that change the
price (`speed`, `inference_geo`) or send the model to other hosts (`mcp_servers`) do not."""
_TIERS = (b'"auto"', b'"standard_only"')
_LEAST_TOP_P = 0.95  # with thinking


def write_body(request: ChatRequest, target: Target, turn: Turn) -> tuple[Members, bool]:
    """The members of the body without `model` and `stream`, and whether the answer comes as a call to be unwrapped."""
    members = request.members
    conversation = read_conversation(request)
    thinking = read_thinking(request, target.traits, conversation, turn)
    marks = read_marks(request)
    offer = write_offer(request, target.traits, conversation, thinking.manual, turn)
    body: Members = {"max_tokens": thinking.max_tokens}
    if conversation.system or offer.instruction:
        body["system"] = write_system(conversation, marks)
        if offer.instruction:
            body["system"].append({"type": "text", "text": offer.instruction})
    body["messages"] = write_messages(conversation, marks, turn)
    if offer.tools:
        body["tools"] = offer.tools
        if offer.choice is not None:
            body["tool_choice"] = offer.choice
    if thinking.config is not None:
        body["thinking"] = thinking.config
    output: Members = {"effort": thinking.effort} if thinking.effort else {}
    if offer.form is not None:
        output["format"] = offer.form
    if output:
        body["output_config"] = output
    if len(members) > 1:
        if target.credential.option("version") >= WITHOUT_SAMPLING:
            note_dropped(request, _SAMPLING, turn)
        else:
            _write_numbers(body, request, target.traits, thinking, turn)
        _write_others(body, request, turn)
    return body, offer.unwrap


def _write_numbers(body: Members, request: ChatRequest, traits: Traits, thinking: Thinking, turn: Turn) -> None:
    members = request.members
    top_p = members.get("top_p", NULL)
    if members.get("temperature", NULL) != NULL:
        _write_temperature(body, members["temperature"], thinking, top_p == NULL, turn)
    if top_p != NULL:
        if thinking.on and not (thinking.manual and msgspec.json.decode(top_p) >= _LEAST_TOP_P):
            turn.adjusted.append("top_p dropped: thinking is on")
        elif "temperature" in body and traits.thinking_mode != "none":  # Claude 4.1 and later take one of the two
            turn.adjusted.append("top_p dropped: temperature is given")
        else:
            body["top_p"] = top_p
    if members.get("top_k", NULL) != NULL:
        if thinking.on:
            turn.adjusted.append("top_k dropped: thinking is on")
        else:
            body["top_k"] = members["top_k"]


def _write_temperature(body: Members, raw: msgspec.Raw, thinking: Thinking, alone: bool, turn: Turn) -> None:
    """From 0 to 1; 1 is what the API takes when nothing is said, so it gives way to `top_p`."""
    value = msgspec.json.decode(raw)
    if thinking.on and value != 1:
        turn.adjusted.append("temperature dropped: thinking is on")
    elif value > 1:
        turn.adjusted.append(f"temperature {value:g}->1")
        body["temperature"] = 1
    elif alone or value != 1:
        body["temperature"] = raw


def _write_others(body: Members, request: ChatRequest, turn: Turn) -> None:
    members = request.members
    if "stop" in members and (stop := read_stop(request)):
        body["stop_sequences"] = stop
    user = members.get("user", NULL)
    if user != NULL:
        body["metadata"] = {"user_id": read_value(request, "user")}
    tier = members.get("service_tier", NULL)
    if bytes(tier) in _TIERS:
        body["service_tier"] = tier
    elif tier != NULL:
        turn.adjusted.append("service_tier dropped")
    for name in _OWN:
        if members.get(name, NULL) != NULL:
            body[name] = members[name]
    note_dropped(request, _LACKING, turn)
