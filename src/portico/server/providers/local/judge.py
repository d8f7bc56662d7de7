"""A chat model as judge of search results: does this document answer the query? A probability of 0 to 1 out.

Talks to the child of the chat model on loopback; its address and key come with each request, for they change.
"""

from __future__ import annotations

import asyncio
import http.client
import math
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from .child_http import Headers, Refusal
from .child_shapes import JUDGE_KEY, JUDGE_URL

TIMEOUT_S = 120.0
CHARACTERS = 2_000
"""Of a document and of a query: about 500 tokens of English, which take a small model some seconds to read."""
NEVER = -20.0
"""Logarithm of the probability of a word that is not among the likeliest."""
_SYSTEM = "You judge search results. Reply with exactly one word: yes if the document answers the query, otherwise no."


class Verdict(NamedTuple):
    """`yes`: how likely the answer is yes rather than no. `tokens` of the prompt."""

    yes: float
    tokens: int


class _Likely(msgspec.Struct):
    token: str
    logprob: float


class _Token(msgspec.Struct):
    top_logprobs: list[_Likely] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] = []


class _Choice(msgspec.Struct):
    logprobs: _Logprobs | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage = msgspec.field(default_factory=_Usage)


_decode = msgspec.json.Decoder(_Completion).decode


class Judge:
    """The child of one chat model."""

    def __init__(self, url: str, authorization: str) -> None:
        self._url, self._authorization = urlsplit(url), authorization

    @classmethod
    def maybe_from(cls, headers: Headers) -> Judge | None:
        """The judge that a request names."""
        url, key = headers.get(JUDGE_URL.encode()), headers.get(JUDGE_KEY.encode(), b"")
        return cls(url.decode("latin-1"), key.decode("latin-1")) if url else None

    async def ask(self, query: str, document: str) -> Verdict:
        """Raises Refusal (503) when the child is away or does not answer."""
        body = msgspec.json.encode(write_question(query, document))
        try:
            status, answer = await asyncio.to_thread(self._post, body)
        except (OSError, http.client.HTTPException) as error:
            raise Refusal(503, f"the judging model does not answer: {error or type(error).__name__}") from None
        if status != 200:
            raise Refusal(503, f"the judging model refused a document with HTTP {status}")
        return read_verdict(answer)

    def _post(self, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(str(self._url.hostname), self._url.port, timeout=TIMEOUT_S)
        try:
            headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
            connection.request("POST", f"{self._url.path}/chat/completions", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def write_question(query: str, document: str) -> dict[str, object]:
    """A chat request whose one token is the verdict."""
    text = (
        f"Document: {document[:CHARACTERS]}\nQuery: {query[:CHARACTERS]}\nDoes the document answer the query? yes or no"
    )
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": text}]
    return {"messages": messages, "max_tokens": 1, "temperature": 0, "logprobs": True, "top_logprobs": 20}


def read_verdict(answer: bytes) -> Verdict:
    """Raises Refusal (503) for an answer without probabilities."""
    try:
        completion = _decode(answer)
        logprobs = completion.choices[0].logprobs
        likely = logprobs.content[0].top_logprobs if logprobs else []
    except (msgspec.DecodeError, IndexError):
        raise Refusal(503, "the judging model gave no verdict") from None
    best = {"yes": NEVER, "no": NEVER}
    for one in likely:
        word = one.token.strip().lower()
        if word in best:
            best[word] = max(best[word], one.logprob)
    return Verdict(1 / (1 + math.exp(best["no"] - best["yes"])), completion.usage.prompt_tokens)
