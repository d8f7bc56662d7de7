"""Chats whose texts go to the request log: the question before, the answer behind, however it ends.

Only for those who want it: without the log no chat passes here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

import msgspec

from portico.server.access.caller import Caller
from portico.server.gateway.answers import Answer, Stream
from portico.server.gateway.requests.log import RequestLog
from portico.server.gateway.requests.texts import StreamedText, read_output, read_question
from portico.server.kit.drive import Signal
from portico.wire.requests import NULL, ChatRequest


class _Body(msgspec.Struct):
    choices: msgspec.Raw = NULL


_read_body = msgspec.json.Decoder(_Body).decode


async def keep_texts(
    log: RequestLog, caller: Caller, request: ChatRequest, request_id: str, answering: Awaitable[Answer | Stream]
) -> Answer | Stream:
    """Awaits the answer and gives it back; its texts are kept when it is whole, or when its stream ends."""
    prompt, question = read_question(bytes(request.members.get("messages", NULL)))
    if request.assistant is not None and request.assistant.said:  # the question stands in a prompt among quotations
        prompt, question = question, request.assistant.said[-1]
    try:
        answer = await answering
    except BaseException:
        log.append(request_id, caller, prompt, question, "")
        raise
    if isinstance(answer, Stream):
        return _KeptStream(answer, log, caller, request_id, prompt, question)
    log.append(request_id, caller, prompt, question, read_output(bytes(_read_body(answer.body).choices)))
    return answer


class _KeptStream(Stream):
    """A stream that remembers its text, up to the limit of the log."""

    def __init__(
        self, inner: Stream, log: RequestLog, caller: Caller, request_id: str, prompt: str, question: str
    ) -> None:
        self.headers, self.cache, self.framed, self.end = inner.headers, inner.cache, inner.framed, inner.end
        self._inner = inner
        self._log = log
        self._kept = (request_id, caller, prompt, question)
        self._text = StreamedText(log.limit_bytes)
        self._closed = False

    def take(self) -> Sequence[bytes] | None:
        taken = self._inner.take()
        if taken:
            self._text.feed(taken)
        return taken

    def more(self) -> Signal:
        return self._inner.more()

    def close(self, error: BaseException | None = None) -> None:
        self._inner.close(error)
        if not self._closed:
            self._closed = True
            self._log.append(*self._kept, self._text.text)
