"""What an adapter is asked: pure translation between the documented shapes and one provider's protocol.

An adapter never opens a connection. `write_*` makes an `Outgoing`, the transport sends it, `read_*` reads the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from portico.server.errors import NotImplementedYet, ProviderError
from portico.wire.requests import (
    NULL,
    ChatRequest,
    EmbeddingRequest,
    File,
    ImageRequest,
    RerankRequest,
    ResponsesRequest,
    SpeechRequest,
    TranscriptionRequest,
    VideoRequest,
    VideoStatusRequest,
)
from portico.wire.sse import SSEDecoder

Members = dict[str, Any]
"""A JSON object of which each member is still raw (msgspec.Raw) or is already a value of ours."""
Header = tuple[str, str]


class Credential(msgspec.Struct, frozen=True, cache_hash=True):
    """What a provider wants to see: a key (or an access token, or a JSON document), and where it is reached.

    `base_url` has no trailing slash: `http://127.0.0.1:9000/v1`. `options` are settings of the adapter's own
    (`region`, `api_version`, `project`), lower case. `id` tells one of several keys from the others, never its text.
    """

    base_url: str
    key: str = ""
    options: tuple[Header, ...] = ()
    id: str = ""

    def option(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.options if key == name), default)

    def __repr__(self) -> str:
        return f"Credential({self.base_url!r}, key=***, id={self.id!r})"


class Endpoint(msgspec.Struct, frozen=True, cache_hash=True):
    """Where a request goes and what every request there carries. Made from a credential by `Adapter.endpoint`."""

    base_url: str
    headers: tuple[Header, ...] = ()

    @classmethod
    def with_key(cls, base_url: str, key: str = "") -> Endpoint:
        """An address whose key goes out as `Authorization: Bearer`."""
        return cls(base_url, (("authorization", f"Bearer {key}"),) if key else ())

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, headers=***)"


@dataclass(frozen=True, slots=True)
class Reached:
    """An endpoint found for one request; `release` is called once, when the request is over."""

    endpoint: Endpoint
    release: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Traits:
    """What an adapter has to know of a model, as the catalogue tells it; counts are tokens, 0 where unknown.

    `thinking_mode`, `effort_default`, `budget_min`, `budget_max` and `can_disable`: rules of the gateway, section 1.
    `api`: the upstream API that serves it; `tools_with_reasoning`: the one that takes function tools beside an effort
    other than none.
    """

    max_output: int = 0
    thinking_mode: Literal["none", "budget", "adaptive", "adaptive_always", "level"] = "none"
    effort_values: tuple[str, ...] = ()
    effort_default: str = ""
    budget_min: int = 0
    budget_max: int = 0
    can_disable: bool = True
    api: Literal["chat", "responses"] = "chat"
    tools_with_reasoning: Literal["chat", "responses"] = "chat"
    tool_calling: bool = True
    streaming: bool = True
    structured_output: bool = True
    input_types: tuple[str, ...] = ()
    dimensions: int = 0


NO_TRAITS = Traits()


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a provider leaves the OpenAI protocol that it speaks otherwise; a table of its catalogue entry."""

    max_tokens_member: Literal["", "max_tokens", "max_completion_tokens"] = ""
    """The member that limits the answer there; the other name is rewritten to it. "": both pass as they came."""
    drops: tuple[str, ...] = ()
    """Members of a chat request that it refuses: left out, with a note in `Turn.adjusted`."""
    stream_usage: Literal["stream_options", "always", "none"] = "stream_options"
    """How a stream is made to tell its usage: by `stream_options.include_usage`; unasked; not at all."""
    effort_member: str = "reasoning_effort"
    """Where `ChatRequest.effort` goes; "": it takes none."""
    thinking_style: Literal["", "type", "enable_thinking", "reasoning", "template"] = ""
    """How thinking is switched (effort none, budget 0: off; any other effort or budget: on), beside the effort.

    "": by the effort alone. type: `thinking: {"type": "enabled" | "disabled"}`. enable_thinking: a boolean of this
    name, and `thinking_budget: N` for a budget above 0. reasoning: `reasoning: {"enabled": bool}`. template:
    `chat_template_kwargs: {"enable_thinking": bool}`.
    """


NO_QUIRKS = Quirks()


@dataclass(frozen=True, slots=True)
class Target:
    """One way to have a model answered: an adapter, a credential, and the model's name over there.

    `endpoint` is None when the adapter finds it anew for each request (`Adapter.reach`), as the embedded models do and
    providers whose access tokens run out.
    """

    provider: str
    model: str
    upstream_model: str
    adapter: Adapter
    endpoint: Endpoint | None
    credential: Credential = Credential("")
    traits: Traits = NO_TRAITS
    quirks: Quirks = NO_QUIRKS


class Outgoing(msgspec.Struct, frozen=True):
    """A request as it goes to a provider: `path` is appended to the endpoint's base URL.

    `headers` come on top of the endpoint's. `timeout_s` shortens the longest wait for a plain answer.
    """

    path: str
    body: bytes
    stream: bool = False
    timeout_s: float | None = None
    headers: tuple[Header, ...] = ()
    content_type: str = "application/json"
    method: Literal["POST", "GET"] = "POST"


class Tokens(msgspec.Struct):
    """Disjoint counts (HC-24): nothing is in two fields. The sum of the inputs is the prompt.

    `audio` are audio tokens of the answer; `audio_in` of the prompt; `images` counts pictures made; `units` what is
    billed otherwise: search units of a reranker, characters of a speech, seconds of a video or of a recording.
    """

    input_uncached: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output_visible: int = 0
    reasoning: int = 0
    audio: int = 0
    images: int = 0
    estimated: bool = False
    audio_in: int = 0
    units: int = 0

    @property
    def prompt(self) -> int:
        return self.input_uncached + self.cache_read + self.cache_write_5m + self.cache_write_1h + self.audio_in

    @property
    def completion(self) -> int:
        return self.output_visible + self.reasoning + self.audio


class Turn(msgspec.Struct):
    """What is learnt while one answer passes: tokens, how it ended, how much of it was seen.

    `seen_tokens` is a guess at the tokens of what has passed (`counts.guess`), for answers that nobody counts.

    `reader` belongs to the adapter (state between frames); `keep_usage` says whether the caller asked for usage.
    `adjusted` lists what was clamped or dropped on the way in: "temperature dropped", "reasoning_effort xhigh->high".
    `paused`: the answer stopped in the middle, to be gone on with by `Adapter.write_rest`.
    """

    keep_usage: bool
    seen_tokens: int = 0
    finish_reason: str = ""
    tokens: Tokens | None = None
    usage_members: Members | None = None
    reader: Any = None
    adjusted: list[str] = []
    paused: bool = False


class ResponsesEvent(msgspec.Struct):
    """One event of the Responses API's stream, in that API's own shape. `response` is only set in the last one: the
    members of the whole response, to which usage is still to be added; `members` are then those around it."""

    type: str
    data: bytes
    members: Members = {}
    response: Members | None = None


class Frame(Protocol):
    """One event of a provider's stream: its data, and whether it is the end."""

    @property
    def data(self) -> bytes: ...
    @property
    def done(self) -> bool: ...


class Decoder(Protocol):
    """Bytes of a stream to whole frames, however they were cut. `close` gives what was left at the end.

    Both raise `portico.wire.sse.FrameTooLarge` for a frame beyond bounds, ProviderUnknown for garbage.
    """

    def feed(self, data: bytes) -> Sequence[Frame]: ...
    def close(self) -> Sequence[Frame]: ...


def read_limit(request: ChatRequest) -> int | None:
    """The tokens that a chat request allows an answer; None when it does not say. Of two limits the newer counts."""
    for name in ("max_completion_tokens", "max_tokens"):
        raw = request.members.get(name)
        if raw is not None and raw != NULL:
            return int(msgspec.json.decode(raw))
    return None


class Adapter:
    """One provider protocol. Offers the verbs that it overrides; every other verb is refused by name."""

    name = ""
    request_id_headers: tuple[bytes, ...] = (b"x-request-id",)
    """Where the provider tells its own id of the request; lower case."""
    fetches: frozenset[str] = frozenset()
    """URL schemes of attached files that the provider fetches itself; what has another one is fetched before."""

    def endpoint(self, credential: Credential) -> Endpoint | None:
        """Address and headers for all requests with this credential; None when `reach` finds them for each request.

        Raises ProviderNotConfigured for a credential that cannot be one, naming what to change.
        """
        return Endpoint.with_key(credential.base_url, credential.key)

    def decoder(self) -> Decoder:
        """A new decoder for one stream. Server-sent events unless the protocol has frames of its own."""
        return SSEDecoder()

    def write_chat(self, request: ChatRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("chat")

    def read_chat(self, body: bytes, request: ChatRequest, turn: Turn) -> Members:
        """A whole answer, in the documented shape; fills `turn`. Raises ProviderError for an answer that is none."""
        raise self._lacks("chat")

    def most_output(self, request: ChatRequest, target: Target) -> int | None:
        """The limit on the tokens of an answer as it goes out for a request that has been fitted to the model; None
        when none does. What is held of a budget is counted by it (HC-29): what may be less is told as the more."""
        return read_limit(request)

    def write_rest(self, outgoing: Outgoing, answers: Sequence[bytes]) -> Outgoing | None:
        """The request that lets an answer go on which has paused, given its parts so far. None: it cannot go on."""
        return None

    def join_answers(self, answers: Sequence[bytes]) -> bytes:
        """The parts of such an answer as one, for `read_chat`."""
        raise self._lacks("chat")

    def read_frame(self, data: bytes, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        """One event of a stream to JSON texts of documented chunks (none, one or several); fills `turn`."""
        raise self._lacks("chat")

    def end_frames(self, request: ChatRequest, turn: Turn) -> Sequence[bytes]:
        """Chunks that are owed at the regular end of the stream; may set `turn.finish_reason` and tokens."""
        return ()

    def write_embeddings(self, request: EmbeddingRequest, inputs: Sequence[str], target: Target) -> Outgoing:
        raise self._lacks("embeddings")

    def read_embeddings(self, body: bytes, count: int) -> tuple[list[Any], int]:
        """Vectors in the order of the inputs (lists of numbers, or base64 texts) and the prompt tokens."""
        raise self._lacks("embeddings")

    embeddings_batch = 256
    """Most inputs in one call to the provider; longer lists are split and joined again in order."""

    def embeddings_batch_of(self, target: Target, inputs: Sequence[str]) -> int:
        """The same for one model and the inputs of one request: some calls are bounded by their tokens."""
        return self.embeddings_batch

    def relays_responses(self, target: Target) -> bool:
        """Whether the target speaks the Responses API itself; chat requests are made for all others."""
        return False

    def write_responses(self, request: ResponsesRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("responses")

    def read_responses(self, body: bytes, turn: Turn) -> Members:
        """A whole response, as it came; fills `turn`. Raises ProviderError for one that failed."""
        raise self._lacks("responses")

    def read_responses_event(self, data: bytes, turn: Turn) -> ResponsesEvent:
        """One event of a stream, as it came; fills `turn`. Raises ProviderError for an error among them."""
        raise self._lacks("responses")

    def write_rerank(self, request: RerankRequest, target: Target) -> Outgoing:
        raise self._lacks("rerank")

    def read_rerank(self, body: bytes, request: RerankRequest, turn: Turn) -> list[tuple[int, float]]:
        """(position in the request, score 0..1) in any order; fills `turn.tokens` (`units` = search units)."""
        raise self._lacks("rerank")

    def write_image(self, request: ImageRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("images")

    def read_image(self, body: bytes, request: ImageRequest, turn: Turn) -> list[Members]:
        """One object with `b64_json` or `url` (and `revised_prompt`) per picture; fills `turn.tokens.images`."""
        raise self._lacks("images")

    def write_speech(self, request: SpeechRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("speech")

    def read_speech(self, body: bytes, content_type: str, request: SpeechRequest, turn: Turn) -> File:
        raise self._lacks("speech")

    def write_transcription(self, request: TranscriptionRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("transcription")

    def read_transcription(self, body: bytes, request: TranscriptionRequest, turn: Turn) -> Members:
        """`text`, and what else the provider tells (`segments`, `language`, `duration`)."""
        raise self._lacks("transcription")

    def write_video(self, request: VideoRequest, target: Target, turn: Turn) -> Outgoing:
        raise self._lacks("video")

    def read_video(self, body: bytes, request: VideoRequest, turn: Turn) -> str:
        """The provider's name of the operation that has begun."""
        raise self._lacks("video")

    def may_have_begun(self, operation: str, target: Target) -> bool:
        """False when the name of the operation says that it was begun elsewhere: with another key, of another model."""
        return True

    def write_video_status(self, request: VideoStatusRequest, target: Target) -> Outgoing:
        raise self._lacks("video")

    def read_video_status(self, body: bytes, request: VideoStatusRequest) -> Members:
        """`status` pending, completed or failed; `url` or `b64_json` when completed; `error` when failed."""
        raise self._lacks("video")

    def read_error(self, status: int, headers: dict[bytes, bytes], body: bytes) -> ProviderError:
        raise self._lacks("errors")

    async def reach(self, target: Target) -> Reached:
        """Where the target is right now. Only for adapters whose `endpoint` is None."""
        raise self._lacks("a fixed address")

    def _lacks(self, verb: str) -> NotImplementedYet:
        return NotImplementedYet(f"Not Implemented: provider protocol '{self.name}' does not offer {verb} yet")
