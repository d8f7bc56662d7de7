"""What every fake provider can do: speak a `Say` in its own dialect, and tell what it `Heard` in neutral words.

A fake is checked with the provider's official SDK, and the suite checks our adapter against the fake.
"""

from __future__ import annotations

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import msgspec

from tests.upstream import Asked, Reply

Finish = Literal["stop", "length", "tool_calls", "content_filter"]
ErrorKind = Literal[
    "wrong_key", "forbidden", "not_found", "rate_limit", "quota", "overloaded", "too_long", "bad_request", "html"
]
KINDS: tuple[ErrorKind, ...] = (
    "wrong_key",
    "forbidden",
    "not_found",
    "rate_limit",
    "quota",
    "overloaded",
    "too_long",
    "bad_request",
    "html",
)
RETRY_AFTER_S = 90
"""Longer than the servers of the suites try again."""
INNER_URL = "http://10.1.2.3:8443/internal/v1"
HTML = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


@dataclass(frozen=True)
class Call:
    """A tool call. `arguments` are the pieces of the JSON text as the provider sends them; none means no input.

    Protocols with argument objects write the joined text into the object as it stands, character by character.
    """

    name: str
    arguments: tuple[str, ...] = ()
    id: str = "call_1"
    signature: str = ""

    @property
    def text(self) -> str:
        """The whole argument text, `{}` when there is no input."""
        return "".join(self.arguments) or "{}"


@dataclass(frozen=True)
class Counts:
    """Tokens, disjoint: `input` are those not read from a cache, `output` those that can be seen."""

    input: int = 8
    cached: int = 0
    output: int = 5
    reasoning: int = 0

    @property
    def prompt(self) -> int:
        return self.input + self.cached

    @property
    def completion(self) -> int:
        return self.output + self.reasoning


@dataclass(frozen=True)
class Say:
    """What a fake is to answer: thoughts first, then text, then calls. Each piece goes out in a frame of its own."""

    text: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    signature: str = ""
    calls: tuple[Call, ...] = ()
    finish: Finish = "stop"
    counts: Counts = Counts()

    @property
    def whole_text(self) -> str:
        return "".join(self.text)

    @property
    def whole_reasoning(self) -> str:
        return "".join(self.reasoning)


@dataclass(frozen=True)
class Part:
    """One piece of a turn. `value` are the arguments of a call, parsed with their order; `text` is that of a result.

    `id` ties a result to its call, "" in protocols without ids (there `name` does, or the order).
    """

    kind: Literal["text", "reasoning", "call", "result", "image", "file"]
    text: str = ""
    id: str = ""
    name: str = ""
    value: Any = None
    signature: str = ""
    mime: str = ""
    data: bytes = b""
    url: str = ""


@dataclass(frozen=True)
class Spoken:
    """One turn as the provider received it. Results may stand in a turn of role `tool` or `user`, as is native."""

    role: Literal["user", "assistant", "tool", "system"]
    parts: tuple[Part, ...] = ()

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if part.kind == "text")


@dataclass(frozen=True)
class Tool:
    name: str
    schema: Any = None
    description: str = ""
    strict: bool | None = None


@dataclass(frozen=True)
class Heard:
    """A request in neutral words. None and "" mean: not said.

    `tool_choice` is auto, none, required, or the name of the one tool. `turns` are without the system slot, `system`
    is its text. `thinking` is False when the request turns it off, True when it turns it on.
    """

    model: str = ""
    stream: bool = False
    system: str = ""
    turns: tuple[Spoken, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    parallel: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    effort: str = ""
    budget: int | None = None
    thinking: bool | None = None
    schema: Any = None
    json_object: bool = False
    raw: Any = field(default=None, repr=False)

    @property
    def thought(self) -> str:
        """How much to think, in one word: an effort, else a budget in tokens, else none, on, or "" when not said."""
        if self.effort or self.budget is not None:
            return self.effort or str(self.budget)
        return "" if self.thinking is None else ("on" if self.thinking else "none")

    def parts(self, *kinds: str) -> list[Part]:
        """All parts of these kinds in the order of the conversation; all of them without kinds."""
        return [part for turn in self.turns for part in turn.parts if not kinds or part.kind in kinds]


class Fake(ABC):
    """One provider. `model` and `reasoning_model` are full names out of the catalogue, both of type Chat."""

    provider: ClassVar[str]
    """The name in the catalogue, as in `X-Portico-Provider` and in usage lines."""
    variant: ClassVar[str] = ""
    """Which of its protocols this is, when a provider has another suite for its usual one."""
    model: ClassVar[str]
    reasoning_model: ClassVar[str] = ""
    vision_model: ClassVar[str] = ""
    """A model that takes images, when `model` does not; `file_model` likewise for PDF."""
    file_model: ClassVar[str] = ""
    key: ClassVar[str] = "sk-fake-0123456789abcdefghij"
    content_type: ClassVar[str] = "text/event-stream"
    request_id: ClassVar[str] = ""
    """The provider's own id of a request, as `headers()` sends it; "" when it sends none."""
    call_id: ClassVar[re.Pattern[str]] = re.compile(r".+", re.S)
    """What a call id must look like at this provider; the whole id matches."""
    has_call_ids: ClassVar[bool] = True
    same_dialect: ClassVar[bool] = False
    """True when it speaks OpenAI's own dialect: what we do not know is handed on (HC-22)."""
    alternates: ClassVar[bool] = False
    """True when two turns in a row may not have the same role (HC-20)."""
    call_ids: ClassVar[tuple[str, str]] = ("call_a1", "call_b2")
    """Two ids as this provider makes them."""
    signs_thoughts: ClassVar[bool] = False
    """True when thoughts have a signature that must come back with them (HC-05)."""
    fetches_images: ClassVar[bool] = True
    """False when it takes images as data only: the gateway fetches those that are named by address (HC-25)."""
    largest_temperature: ClassVar[float] = 2.0
    max_tokens_needed: ClassVar[bool] = False
    """True when the protocol demands a limit, so that we fill in the model's own (HC-21)."""
    efforts: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Pairs at `reasoning_model`: `reasoning_effort` as asked, and `Heard.thought` of it. None of them is clamped."""
    clamped_efforts: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Likewise, of values that the model does not take; the answer says so in X-Portico-Adjusted."""
    unsupported: ClassVar[tuple[tuple[str, Any], ...]] = ()
    """Members of the OpenAI request that this provider lacks; dropped, and named in X-Portico-Adjusted."""
    stream_error_status: ClassVar[int] = 503
    """Our status for `error_frame("overloaded")` before any output."""

    @property
    def setting(self) -> str:
        return f"PORTICO_PROVIDER_{self.provider.upper().replace('-', '_')}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that may stand in no message: the key, and its parts where they are secret by themselves."""
        return (self.key,)

    def environ(self, url: str) -> dict[str, str]:
        """Settings that point the server to the fake at `url` (scheme, host and port, no path)."""
        return {f"{self.setting}_API_KEY": self.key, f"{self.setting}_BASE_URL": url}

    # what each dialect writes ---------------------------------------------------------------------------------

    @abstractmethod
    def answer(self, say: Say) -> bytes:
        """The body of a whole answer."""

    @abstractmethod
    def begin_frames(self, say: Say) -> list[bytes]:
        """The opening of a stream and all pieces of `say`, one frame each, up to before its finish."""

    @abstractmethod
    def end_frames(self, say: Say) -> list[bytes]:
        """Finish, usage and end of the stream."""

    @abstractmethod
    def error(self, kind: ErrorKind) -> Reply:
        """The provider's own refusal. `rate_limit` says to wait 7 s; `bad_request` carries `self.leak`."""

    @abstractmethod
    def error_frame(self, kind: ErrorKind) -> bytes:
        """The provider's own error inside a stream of status 200."""

    @abstractmethod
    def heard(self, asked: Asked) -> Heard:
        """A request of this dialect in neutral words."""

    def told(self, counts: Counts) -> Counts:
        """What this protocol can tell of the counts; some have no field for cached tokens or for thoughts."""
        return counts

    def aside(self, asked: Asked) -> Reply | None:
        """The answer to a request that is no chat (a token to fetch, a list of models); None for a chat."""
        return None

    # replies made of it ---------------------------------------------------------------------------------------

    @property
    def leak(self) -> str:
        """Ends a provider's sentence with what must not reach a caller."""
        return f"(key {self.key} at {INNER_URL})"

    def headers(self) -> dict[str, str]:
        """Headers of every good answer."""
        return {}

    def whole(self, say: Say) -> Reply:
        return Reply(200, self.answer(say), {"Content-Type": "application/json", **self.headers()})

    def stream(self, say: Say, *, bytewise: bool = False, gap_s: float = 0.0) -> Reply:
        """The answer as a stream, one frame after the other, or byte by byte."""
        return self._flow([*self.begin_frames(say), *self.end_frames(say)], bytewise=bytewise, gap_s=gap_s)

    def silent_stream(self, say: Say, gap_s: float) -> Reply:
        """All pieces, a silence, and the end."""
        return self._flow([b"".join(self.begin_frames(say)), b"".join(self.end_frames(say))], gap_s=gap_s)

    def error_in_stream(self, kind: ErrorKind, say: Say | None = None, *, at_once: bool = False) -> Reply:
        """A stream of status 200 that ends with an error, behind the pieces of `say` if any; `at_once` in one write."""
        frames = [*(self.begin_frames(say) if say else ()), self.error_frame(kind)]
        return self._flow([b"".join(frames)] if at_once else frames)

    def broken_stream(self, say: Say) -> Reply:
        """The connection is cut behind the pieces of `say`."""
        reply = self._flow(self.begin_frames(say))
        reply.cut = True
        return reply

    def speak(self, say: Say, asked: Asked) -> Reply:
        """Whole or streamed, as the request wants it."""
        return self.stream(say) if self.heard(asked).stream else self.whole(say)

    def structured(self, text: str, asked: Asked) -> Say:
        """JSON text as the provider gives it: as content, or as the arguments of a tool it was forced to call."""
        heard = self.heard(asked)
        forced = heard.tool_choice not in ("", "auto", "none")
        if heard.tools and forced and heard.schema is None and not heard.json_object:
            return Say(calls=(Call(heard.tools[0].name, (text[:5], text[5:])),), finish="tool_calls")
        return Say(text=(text[:5], text[5:]))

    def _flow(self, frames: Iterable[bytes], *, bytewise: bool = False, gap_s: float = 0.0) -> Reply:
        pieces = list(frames)
        if bytewise:
            body = b"".join(pieces)
            pieces = [body[i : i + 1] for i in range(len(body))]
        return Reply(200, pieces, {"Content-Type": self.content_type, **self.headers()}, gap_s=gap_s)


def dumps(value: Any) -> bytes:
    """JSON without blanks; `msgspec.Raw` inside goes out as it stands, other text as UTF-8."""
    return msgspec.json.encode(value)


def verbatim(call: Call) -> msgspec.Raw:
    """The arguments of a call as a JSON value, character by character."""
    return msgspec.Raw(call.text.encode())


def json_reply(status: int, body: Any, **headers: str) -> Reply:
    """A JSON answer; underscores in header names become hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, dumps(body), {"Content-Type": "application/json", **named})


def html_reply() -> Reply:
    """What a proxy in front of a provider answers."""
    return Reply(502, HTML, {"Content-Type": "text/html"})


def read_data_url(url: str) -> tuple[str, bytes]:
    """Media type and bytes of a data URL; raises ValueError for anything else."""
    found = re.fullmatch(r"data:([^;,]*);base64,(.*)", url, re.S)
    if found is None:
        raise ValueError(f"no data URL: {url[:40]}")
    try:
        return found[1], base64.b64decode(found[2], validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from None
