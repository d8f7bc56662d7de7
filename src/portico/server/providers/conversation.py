"""The `messages` of a chat request as values, for adapters of another dialect: system text apart, turns in order.

In: a ChatRequest whose messages the edge has checked. Out: a `Conversation`; nothing of one provider stands here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from portico.server.errors import BadInputText, MediaNotSupported, OutOfRange, PatternMismatch
from portico.server.kit.data_urls import DATA_URL
from portico.wire.requests import NULL, ChatRequest, Members

TEXTUAL = frozenset({"application/json", "application/xml", "application/yaml", "application/x-yaml"})
"""Types of texts that do not say so themselves."""
_OLD = "function "
"""Before the name of a function in what maps ids to names: its last call in OpenAI's older form, which has no ids."""
_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav"}


class Text(msgspec.Struct, frozen=True):
    text: str


class Media(msgspec.Struct, frozen=True):
    """An attached file: base64 `data` with its type, or a `url` that is still to be fetched; `name` as it came."""

    media_type: str
    data: str = ""
    url: str = ""
    name: str = ""

    @property
    def kind(self) -> str:
        """image, audio, video, application, text."""
        return self.media_type.partition("/")[0]


class Call(msgspec.Struct, frozen=True):
    """A tool call of the assistant; `arguments` is JSON text as the model wrote it. `extra` is `extra_content`."""

    id: str
    name: str
    arguments: str
    extra: dict[str, Any] = {}


class Result(msgspec.Struct, frozen=True):
    """What a tool answered to the call `id`; `name` is the tool's, found by the call. `failed`: it says so itself."""

    id: str
    name: str
    parts: tuple[Text | Media, ...]
    failed: bool = False

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


class Thought(msgspec.Struct, frozen=True):
    """A block of reasoning that goes back as it came: with its signature, or redacted (`data`)."""

    text: str = ""
    signature: str = ""
    data: str = ""


Part = Text | Media | Call | Result | Thought


class Turned(msgspec.Struct, frozen=True):
    """Neighbours of one side, merged. Of a user turn the tool results come first, then texts and files (HC-03)."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]


class Conversation(msgspec.Struct, frozen=True):
    """`system` are the system texts in their order; `turns` alternate."""

    system: tuple[str, ...]
    turns: tuple[Turned, ...]


class Tool(msgspec.Struct, frozen=True):
    """A function the model may call; `parameters` is its JSON schema, None when it has none."""

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tools(msgspec.Struct, frozen=True):
    """`functions`; `native` are tool objects of the provider's own, to be passed on. `choice` is auto, none, required,
    or named (then `name` says which)."""

    functions: tuple[Tool, ...] = ()
    native: tuple[dict[str, Any], ...] = ()
    choice: Literal["", "auto", "none", "required", "named"] = ""
    name: str = ""
    parallel: bool | None = None


def read_conversation(request: ChatRequest) -> Conversation:
    """Raises BadInputText, PatternMismatch naming the message that cannot be read.

    A system message behind the first turn is told as the user's text (HC-20): none of these providers has a place for
    it in the middle, and in front it would change what stood before signed thoughts and before what is cached there.
    """
    system: list[str] = []
    turns: list[tuple[Literal["user", "assistant"], list[Part]]] = []
    names: dict[str, str] = {}
    for index, message in enumerate(read_value(request, "messages")):
        role = message["role"]
        if role == "system" and not turns:
            system += [part.text for part in _content(message, index) if isinstance(part, Text)]
            continue
        side: Literal["user", "assistant"] = "assistant" if role == "assistant" else "user"
        parts = list(_parts(message, index, names))
        if not parts:
            continue
        if turns and turns[-1][0] == side:
            turns[-1][1].extend(parts)
        else:
            turns.append((side, parts))
    return Conversation(tuple(system), tuple(Turned(side, _ordered(parts)) for side, parts in turns))


def read_tools(request: ChatRequest) -> Tools:
    """The tools, how they are to be chosen, and whether several may be called at once (None: not said).

    Raises PatternMismatch for a tool or a choice that no provider could read.
    """
    functions: list[Tool] = []
    native: list[dict[str, Any]] = []
    tools = read_value(request, "tools") or []
    asked: Any = read_value(request, "tool_choice") or ""
    if isinstance(asked, dict) and asked.get("type") == "allowed_tools":
        asked, tools = allowed_tools(asked, tools)
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict):
            functions.append(_tool(function))
        else:
            native.append(tool)
    choice, name = asked, ""
    if isinstance(asked, dict):
        inner = asked.get("function")
        named = (inner if isinstance(inner, dict) else asked).get("name")
        if not isinstance(named, str) or not named:
            raise PatternMismatch("tool_choice", "name a function")
        choice, name = "named", named
    return Tools(tuple(functions), tuple(native), choice, name, read_value(request, "parallel_tool_calls"))


def allowed_tools(choice: dict[str, Any], tools: list[Any]) -> tuple[str, list[Any]]:
    """Of `{"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required", "tools": [...]}}` the mode, as the
    choice among the tools that are left. Raises PatternMismatch; OutOfRange where none is left."""
    inner = choice.get("allowed_tools")
    given: dict[str, Any] = inner if isinstance(inner, dict) else {}
    listed, mode = given.get("tools"), given.get("mode")
    if not isinstance(listed, list) or mode not in ("auto", "required"):
        raise PatternMismatch("tool_choice.allowed_tools", "send mode (auto or required) and tools")
    allowed = {_identity(tool) for tool in listed}
    kept = [tool for tool in tools if _identity(tool) in allowed]
    if not kept:
        raise OutOfRange("tool_choice.allowed_tools", "none of them is among the tools of the request")
    return mode, kept


def _identity(tool: Any) -> tuple[str, str]:
    """A function by its name, a tool of a provider by its type."""
    kind = str(tool.get("type")) if isinstance(tool, dict) else ""
    function = tool.get("function") if kind == "function" else None
    return kind, str(function.get("name")) if isinstance(function, dict) else ""


def _tool(function: dict[str, Any]) -> Tool:
    description, parameters, strict = (function.get(name) for name in ("description", "parameters", "strict"))
    if not isinstance(description, str | None):
        raise PatternMismatch("tools.function.description", "send a string")
    if not isinstance(parameters, dict | None):
        raise PatternMismatch("tools.function.parameters", "send a JSON schema")
    return Tool(function["name"], description or "", parameters, strict if isinstance(strict, bool) else None)


def read_value(request: ChatRequest, member: str) -> Any:
    """A member of the request as a value; None when it is absent or null. Raises BadInputText."""
    return read_member(request.members, member)


def read_member(members: Members, name: str) -> Any:
    """The same for members that stand alone; what the door passed since nobody had to look at it is refused here."""
    try:
        return msgspec.json.decode(members.get(name, NULL))
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadInputText(f"Bad Input Text: {name}: {error}") from None


def read_schema(request: ChatRequest) -> tuple[Literal["", "json_object", "json_schema"], dict[str, Any], str]:
    """What `response_format` asks for: its kind, the JSON schema (empty for any object), and the schema's name."""
    form = read_value(request, "response_format") or {}
    if form.get("type") == "json_object":
        return "json_object", {}, ""
    if form.get("type") == "json_schema":
        inner = form["json_schema"]
        schema = inner["schema"]  # `true`, which allows anything, is one, too
        return "json_schema", schema if isinstance(schema, dict) else {}, inner.get("name") or "answer"
    return "", {}, ""


def read_stop(request: ChatRequest) -> list[str]:
    """The stop sequences, without those of blanks alone, which several providers refuse (HC-20)."""
    value = read_value(request, "stop") or []
    return [text for text in ([value] if isinstance(value, str) else value) if text.strip()]


def text_of(media: Media) -> str:
    """The file as a text. Raises MediaNotSupported for what is none in UTF-8."""
    try:
        return base64.b64decode(media.data).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise MediaNotSupported(param="messages") from None


def fitting_id(given: str, pattern: str, longest: int, prefix: str = "call_") -> str:
    """A tool-call id as a provider accepts it: itself, or the same short hash of it every time (HC-04)."""
    if given and len(given) <= longest and re.fullmatch(pattern, given):
        return given
    digest = hashlib.blake2b(given.encode(), digest_size=16).hexdigest()
    return (prefix + digest)[:longest] if len(prefix) + 8 <= longest else digest[:longest]


def _ordered(parts: list[Part]) -> tuple[Part, ...]:
    results = [part for part in parts if isinstance(part, Result)]
    return (*results, *(part for part in parts if not isinstance(part, Result))) if results else tuple(parts)


def _parts(message: dict[str, Any], index: int, names: dict[str, str]) -> Iterator[Part]:
    if message["role"] in ("tool", "function"):
        given = str(message.get("tool_call_id") or message.get("name") or "")
        if message["role"] == "function":
            given = names.get(_OLD + given, given)
        name = names.get(given) or str(message.get("name") or given)
        content = tuple(part for part in _content(message, index) if isinstance(part, Text | Media))
        yield Result(given, name, content, message.get("is_error") is True)
        return
    if message["role"] != "assistant":
        yield from _content(message, index)
        return
    yield from _spoken(message, index)
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise PatternMismatch(f"messages[{index}].tool_calls", "send an array of function calls")
    for call in calls:
        if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
            raise PatternMismatch(f"messages[{index}].tool_calls", "send function calls")
        function = call["function"]
        given, name = str(call.get("id") or ""), str(function.get("name") or "")
        names[given] = name
        arguments = function.get("arguments")
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments or {}).decode()
        extra = call.get("extra_content")
        yield Call(given, name, text or "{}", extra if isinstance(extra, dict) else {})
    old = message.get("function_call")
    if isinstance(old, dict) and not calls:
        name = str(old.get("name") or "")
        given = names[_OLD + name] = f"call_{index}"
        names[given] = name
        yield Call(given, name, str(old.get("arguments") or "{}"))


def _spoken(message: dict[str, Any], index: int) -> Iterator[Part]:
    """Thoughts and texts of the assistant: `thinking_blocks` come first, those among the parts keep their place."""
    blocks = message.get("thinking_blocks")
    content = message.get("content")
    if isinstance(blocks, list) and blocks:
        yield from filter(None, map(_thought, blocks))
    elif isinstance(content, list):
        for position, part in enumerate(content):
            found = _thought(part) or _part(part, f"messages[{index}].content[{position}]")
            if found is not None:
                yield found
        return
    yield from _content(message, index)


def _thought(block: Any) -> Thought | None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "thinking":
        return Thought(str(block.get("thinking") or ""), str(block.get("signature") or ""))
    return Thought(data=str(block.get("data") or "")) if kind == "redacted_thinking" else None


def _content(message: dict[str, Any], index: int) -> Iterator[Text | Media]:
    """Texts and files; empty texts are left out (HC-20)."""
    content = message.get("content")
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    for position, part in enumerate(content or ()):
        found = _part(part, f"messages[{index}].content[{position}]")
        if found is not None:
            yield found


def _part(part: dict[str, Any], where: str) -> Text | Media | None:
    kind = part["type"]
    inner = part.get(kind)
    fields: dict[str, Any] = inner if isinstance(inner, dict) else {}
    match kind:
        case "text" | "refusal":
            return Text(inner) if isinstance(inner, str) and inner else None
        case "image_url" | "video_url":
            return _media(fields.get("url") or inner, where, "image/*" if kind == "image_url" else "video/*")
        case "input_audio":
            form = str(fields.get("format") or "wav")
            return Media(_FORMATS.get(form, f"audio/{form}"), _base64(str(fields.get("data") or ""), where))
        case "file":
            return _media(fields.get("file_data") or "", where, "application/pdf", str(fields.get("filename") or ""))
    return None


def _media(address: Any, where: str, otherwise: str, name: str = "") -> Media:
    if not isinstance(address, str) or not address:
        raise PatternMismatch(where, "send a data URL or an address")
    match = DATA_URL.match(address)
    if match is None:
        if "://" in address[:16]:
            return Media(otherwise, url=address, name=name)
        return Media(otherwise, _base64(address, where), name=name)
    data = address[match.end() :]
    if not match[2]:
        data = base64.b64encode(data.encode()).decode()
    media_type = (match[1] or "text/plain").lower()
    return Media("image/jpeg" if media_type == "image/jpg" else media_type, _base64(data, where), name=name)


def _base64(text: str, where: str) -> str:
    """The text itself when it is base64. Raises PatternMismatch: a provider's words about it would tell less."""
    try:
        binascii.a2b_base64(text[: 4 * 256], strict_mode=len(text) <= 4 * 256)
    except ValueError:  # binascii.Error, or characters that are not ASCII
        raise PatternMismatch(where, "send the file as base64") from None
    return text
