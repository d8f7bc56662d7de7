"""Answers of `generateContent` to the documented shape: whole, or frame by frame (HC-01, HC-06, HC-10).

One `Reader` per turn; it stands in `turn.reader` and knows what the frames so far have shown.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from portico.server.errors import ProviderUnknown
from portico.server.kit.ascii_json import ascii_encode
from portico.server.providers.base import Members, Turn
from portico.server.providers.chunks import ChunkWriter, call_member, whole_answer
from portico.server.providers.counts import guess
from portico.server.providers.gemini.errors import google_error
from portico.server.providers.gemini.finish import details_of, finish_of, tokens_of
from portico.server.providers.gemini.grounding import Grounding, citations, links
from portico.server.providers.gemini.shapes import ANSWER, Answer, Candidate, Chances, FunctionCall, Part
from portico.server.providers.gemini.signatures import Signatures
from portico.wire.requests import NULL

Json = dict[str, Any]
IMPOSSIBLE = -9999.0
"""OpenAI's own number for a token that could not come."""


class Choice:
    """One candidate of a turn, as far as it has come. `texts` are kept only where citations may need them."""

    __slots__ = ("calls", "finish", "grounding", "index", "message", "texts", "writer")

    def __init__(self, index: int, writer: ChunkWriter, *, keep_texts: bool) -> None:
        self.index = index
        self.writer = writer
        self.texts: list[str] | None = [] if keep_texts else None
        self.finish = ""
        self.message = ""
        self.calls = 0
        self.grounding: Grounding | None = None


class Reader:
    """`grounded`: sources may come; `as_json`: the text is JSON, to which no list of links may be added."""

    __slots__ = (
        "_answer_id", "_as_json", "_choices", "_created", "_first", "_grounded", "_model", "_route", "_signatures",
    )  # fmt: skip

    def __init__(
        self, model: str, route: str, signatures: Signatures, *, grounded: bool = False, as_json: bool = False
    ) -> None:
        self._model = model
        self._route = route
        self._signatures = signatures
        self._grounded = grounded
        self._as_json = as_json
        self._answer_id = ""
        self._created = int(time.time())
        self._first: Choice | None = None
        self._choices: dict[int, Choice] = {}

    # streams ----------------------------------------------------------------------------------------------

    def read_frame(self, data: bytes, turn: Turn) -> Sequence[bytes]:
        answer = decode(data)
        chunks = self._read(answer, turn)
        if answer.usageMetadata is not None:
            turn.tokens = tokens = tokens_of(answer.usageMetadata)
            if not turn.finish_reason:  # for a stream that ends here: what was seen of it, at least
                tokens.estimated = True
                tokens.output_visible = tokens.output_visible or turn.seen_tokens
        return chunks

    def _read(self, answer: Answer, turn: Turn) -> Sequence[bytes]:
        choice = self._first or self._begin(answer)
        candidates = answer.candidates
        if candidates is None:
            self._take_feedback(choice, answer, turn)
            return ()
        if len(candidates) == 1 and choice.texts is None and (text := _only_text(candidates[0])):
            turn.seen_tokens += guess(text)
            return (choice.writer.text(text),)
        return [chunk for candidate in candidates for chunk in self._candidate(candidate, turn)]

    def end_frames(self, turn: Turn) -> Sequence[bytes]:
        """What is owed at the end: sources, citations, and the reason of each candidate, once (HC-10)."""
        chunks: list[bytes] = []
        if not turn.finish_reason or self._first is None:
            return chunks
        turn.finish_reason = finish_of(self._first.finish, called=self._first.calls > 0)
        if turn.tokens is not None:
            turn.usage_members = details_of(turn.tokens)
        for choice in self._choices.values():
            chunks += [_placed(chunk, choice) for chunk in self._closing(choice, turn)]
        return chunks

    def _begin(self, answer: Answer) -> Choice:
        self._answer_id = answer.responseId or "gemini"
        self._model = answer.modelVersion.rpartition("/")[2] or self._model
        self._first = self._choice(0)
        return self._first

    def _choice(self, index: int) -> Choice:
        choice = self._choices.get(index)
        if choice is None:
            writer = ChunkWriter(self._answer_id, self._model, self._created)
            choice = self._choices[index] = Choice(index, writer, keep_texts=self._grounded)
        return choice

    def _take_feedback(self, choice: Choice, answer: Answer, turn: Turn) -> None:
        feedback = answer.promptFeedback
        if feedback is not None and feedback.blockReason:
            choice.message = feedback.blockReasonMessage or f"the provider blocked the prompt: {feedback.blockReason}"
            choice.finish = "SAFETY"
            turn.finish_reason = "content_filter"

    def _candidate(self, candidate: Candidate, turn: Turn) -> Iterator[bytes]:
        choice = self._choice(candidate.index)
        parts = candidate.content.parts if candidate.content is not None else None
        chunks = [chunk for part in parts or () for chunk in self._part(part, choice, turn)]
        if chunks and candidate.logprobsResult is not None:
            chunks[-1] = _with_logprobs(chunks[-1], candidate.logprobsResult)
        for chunk in chunks:
            yield _placed(chunk, choice)
        self._note_end(candidate, choice, turn)

    def _note_end(self, candidate: Candidate, choice: Choice, turn: Turn) -> None:
        if candidate.groundingMetadata is not None:
            choice.grounding = candidate.groundingMetadata
        if not candidate.finishReason:
            return
        # a stop that is told again behind a harder reason does not soften it
        if choice.finish in ("", "STOP"):
            choice.finish, choice.message = candidate.finishReason, candidate.finishMessage
        if choice.index == 0:
            turn.finish_reason = finish_of(choice.finish, called=choice.calls > 0)

    def _part(self, part: Part, choice: Choice, turn: Turn) -> Iterator[bytes]:
        writer = choice.writer
        if part.functionCall is not None:
            turn.seen_tokens += guess(bytes(part.functionCall.args))
            call_id, extra = self._call(part, part.functionCall, choice)
            yield writer.begin_call(call_id, part.functionCall.name, extra)
            yield writer.arguments(_argument_text(part.functionCall))
        elif part.thought:
            if part.text:
                turn.seen_tokens += guess(part.text)
                yield writer.reasoning(part.text)
        elif part.inlineData is not None:
            yield writer.members({"images": [_image(part)]})
        elif text := _text(part):
            turn.seen_tokens += guess(text)
            if choice.texts is not None:
                choice.texts.append(text)
            yield writer.text(text)

    def _closing(self, choice: Choice, turn: Turn) -> Iterator[bytes]:
        grounding = choice.grounding
        if grounding is not None:
            text = "".join(choice.texts or ())
            if tail := self._links(grounding):
                yield choice.writer.text(tail)
            if found := citations(grounding, text):
                yield choice.writer.members({"annotations": found})
        reason = finish_of(choice.finish, called=choice.calls > 0)
        if choice.message and choice.finish != "STOP" and reason in ("content_filter", "stop"):
            yield choice.writer.members({"refusal": choice.message})
        yield choice.writer.finish(reason)

    # whole answers ----------------------------------------------------------------------------------------

    def read_whole(self, data: bytes, turn: Turn) -> Members:
        answer = decode(data)
        if answer.usageMetadata is not None:
            turn.tokens = tokens_of(answer.usageMetadata)
            turn.usage_members = details_of(turn.tokens)
        choice = self._begin(answer)
        if not answer.candidates:
            self._take_feedback(choice, answer, turn)
            if not turn.finish_reason:
                raise ProviderUnknown("the provider's answer holds no candidate")
            return self._whole(choice, Candidate(), turn)
        wholes = [self._whole(self._choice(candidate.index), candidate, turn) for candidate in answer.candidates]
        if len(wholes) > 1:
            wholes[0]["choices"] = _joined(wholes, answer.candidates)
        return wholes[0]

    def _whole(self, choice: Choice, candidate: Candidate, turn: Turn) -> Members:
        self._note_finish(candidate, choice, turn)
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[Members] = []
        images: list[Json] = []
        for part in (candidate.content.parts if candidate.content is not None else None) or ():
            if part.functionCall is not None:
                call_id, extra = self._call(part, part.functionCall, choice)
                calls.append(call_member(call_id, part.functionCall.name, _argument_text(part.functionCall), extra))
            elif part.thought:
                thoughts.append(part.text or "")
            elif part.inlineData is not None:
                images.append(_image(part))
            else:
                texts.append(_text(part))
        text = "".join(texts)
        more: Members = {"images": images} if images else {}
        if choice.grounding is not None:
            if found := citations(choice.grounding, text):
                more["annotations"] = found
            text += self._links(choice.grounding)
        reason = finish_of(choice.finish, called=bool(calls))
        if choice.message and choice.finish != "STOP" and reason in ("content_filter", "stop"):
            more["refusal"] = choice.message
        if choice.index == 0:
            turn.finish_reason = reason
        members = whole_answer(
            self._answer_id,
            self._model,
            content=text,
            finish_reason=reason,
            calls=calls,
            reasoning="".join(thoughts),
            more=more,
        )
        if candidate.logprobsResult is not None:
            logprobs = b',"logprobs":%b}]' % ascii_encode(_logprobs(candidate.logprobsResult))
            members["choices"] = msgspec.Raw(bytes(members["choices"])[:-2] + logprobs)
        return members

    def _note_finish(self, candidate: Candidate, choice: Choice, turn: Turn) -> None:
        if not candidate.finishReason and not choice.finish:
            candidate.finishReason = "STOP"
        self._note_end(candidate, choice, turn)

    # both -------------------------------------------------------------------------------------------------

    def _call(self, part: Part, call: FunctionCall, choice: Choice) -> tuple[str, Members | None]:
        """Its id, Google's own or one that follows from the answer; its signature to take along, and kept (HC-06)."""
        call_id = call.id or self._made_id(call, choice)
        choice.calls += 1
        if not part.thoughtSignature:
            return call_id, None
        self._signatures.keep(call_id, call.name, self._route, part.thoughtSignature)
        return call_id, {"google": {"thought_signature": part.thoughtSignature}}

    def _made_id(self, call: FunctionCall, choice: Choice) -> str:
        told = f"{self._answer_id}:{choice.index}:{choice.calls}:{call.name}:".encode() + bytes(call.args)
        return "call_" + hashlib.blake2b(told, digest_size=12).hexdigest()

    def _links(self, grounding: Grounding) -> str:
        return "" if self._as_json else links(grounding)


def decode(data: bytes) -> Answer:
    """Raises ProviderError for an error told with status 200 (HC-13), ProviderUnknown for what is no answer."""
    try:
        answer = ANSWER.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise ProviderUnknown("the provider's answer is not one of generateContent") from None
    if len(answer.error) and answer.error != NULL:
        error = msgspec.json.decode(answer.error)
        error = error if isinstance(error, dict) else {"message": str(error)}
        code = error.get("code")
        raise google_error(code if isinstance(code, int) and 400 <= code < 600 else 502, {}, error)
    return answer


def _only_text(candidate: Candidate) -> str | None:
    """The text of a frame that holds nothing else for the first candidate: nearly all of them are so."""
    content = candidate.content
    if candidate.finishReason or candidate.index or content is None or not content.parts or len(content.parts) > 1:
        return None
    part = content.parts[0]
    if part.thought or candidate.logprobsResult is not None or candidate.groundingMetadata is not None:
        return None
    return part.text


def _text(part: Part) -> str:
    """The text of a part; code that the model ran, and its output, as Markdown."""
    if part.executableCode is not None:
        code = part.executableCode
        return f"\n```{code.language.lower()}\n{code.code.rstrip()}\n```\n"
    if part.codeExecutionResult is not None:
        return f"\n```\n{part.codeExecutionResult.output.rstrip()}\n```\n"
    return part.text or ""


def _argument_text(call: FunctionCall) -> str:
    """The object as it was sent; only line breaks of a pretty-printed answer go."""
    args = bytes(call.args)
    if b"\n" in args:
        args = msgspec.json.format(args, indent=-1)
    return args.decode("utf-8", "replace") if args not in (b"", b"null") else "{}"


def _image(part: Part) -> Json:
    blob = part.inlineData
    assert blob is not None
    return {"type": "image_url", "image_url": {"url": f"data:{blob.mimeType};base64,{blob.data}"}}


def _placed(chunk: bytes, choice: Choice) -> bytes:
    """The chunk at its candidate's index; the writer knows of one choice only."""
    if choice.index == 0:
        return chunk
    return chunk.replace(b'"choices":[{"index":0,', b'"choices":[{"index":%d,' % choice.index, 1)


def _with_logprobs(chunk: bytes, chances: Chances) -> bytes:
    return b'%b,"logprobs":%b}]}' % (chunk.removesuffix(b"}]}"), ascii_encode(_logprobs(chances)))


def _logprobs(chances: Chances) -> Json:
    tops = chances.topCandidates or ()
    content = []
    for position, chosen in enumerate(chances.chosenCandidates or ()):
        top = tops[position].candidates or () if position < len(tops) else ()
        entry = _chance(chosen.token, chosen.logProbability)
        content.append({**entry, "top_logprobs": [_chance(one.token, one.logProbability) for one in top]})
    return {"content": content, "refusal": None}


def _chance(token: str, logprob: float | str) -> Json:
    if isinstance(logprob, str):  # "-Infinity", as protobuf writes it
        logprob = IMPOSSIBLE
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _joined(wholes: Sequence[Members], candidates: Sequence[Candidate]) -> msgspec.Raw:
    """The choices of several candidates in one list, each with its own index."""
    texts = [bytes(whole["choices"])[1:-1] for whole in wholes]
    placed = [
        text.replace(b'{"index":0,', b'{"index":%d,' % candidate.index, 1)
        for text, candidate in zip(texts, candidates, strict=True)
    ]
    return msgspec.Raw(b"[%b]" % b",".join(placed))
