"""The core under suspicion: who pays what, what is kept, and what is left behind on every way out."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from portico.server.catalog.entry import Price
from portico.server.edge.forms import read_data_url, read_form
from portico.server.errors import (
    BadInputText,
    OutOfRange,
    PatternMismatch,
    ProviderError,
    ProviderTimeout,
    RequestCancelled,
)
from portico.server.gateway.answers import Stream
from portico.server.gateway.audio import AudioGateway
from portico.server.gateway.chat import ChatGateway
from portico.server.gateway.chat_cache import Replayed
from portico.server.gateway.guardrails import Verdict
from portico.server.gateway.guardrails.around import GuardedStream
from portico.server.gateway.limits.policy import Policy, Ticket
from portico.server.gateway.metering import Meter
from portico.server.gateway.once import Verb, answer_once
from portico.server.gateway.routing import Attempt, Choice, Route
from portico.server.kit.drive import Drive
from portico.server.providers.base import Endpoint, Outgoing, Quirks
from portico.server.providers.http1 import INFLATED_LIMIT_BYTES
from portico.server.providers.http1 import Reply as ProviderReply
from portico.wire.requests import (
    NO_LABELS,
    EmbeddingRequest,
    File,
    SpeechRequest,
    TranscriptionRequest,
)
from tests.server.gateway.gateway_house import CALLER, REF, House, chat_request, choice_of, drive, read_stream, whole
from tests.upstream import Reply, Upstream, answer_well, chunk, sse, stream, usage_chunk
from tests.upstream import whole as json_reply

pytestmark = pytest.mark.anyio
CHEAP, DEAR = Price(1, 1, 1), Price(1_000, 1_000, 1_000)
FAILED = json_reply({"error": {"message": "overloaded"}}, 500)


@pytest.fixture
def first() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


@pytest.fixture
def second() -> Iterator[Upstream]:
    with Upstream() as upstream:
        yield upstream


def two(first: Upstream, second: Upstream, kind: Any = "Chat") -> House:
    """A cheap model, and a dear one that answers when it fails."""
    return House(
        choice_of("cheap", first.url, CHEAP, kind=kind), choice_of("dear", second.url, DEAR, tier=1, kind=kind)
    )


# prices ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("include_usage", [True, False])
@pytest.mark.parametrize("in_one_piece", [True, False])
async def test_a_short_stream_of_a_fallback_costs_what_the_fallback_costs(
    first: Upstream, second: Upstream, include_usage: bool, in_one_piece: bool
) -> None:
    """Its end may come with its beginning, before anybody has noted who answered."""
    first.replies(FAILED)
    if in_one_piece:
        second.replies(json_reply())
    async with two(first, second) as house:
        chunks = await house.stream(include_usage=include_usage)
        assert (house.line.model, house.line.attempts) == ("dear", 2)
        assert house.line.cost_picousd == 15 * 1_000
        if include_usage:
            assert chunks[-1]["usage"]["total_cost"] == pytest.approx(15e-9)
        assert house.is_at_rest()


async def test_an_answer_in_one_piece_is_streamed_in_ascii(first: Upstream) -> None:
    """The vendor's reader splits lines at U+2028 and its like, and would lose the whole text."""
    told = {"role": "assistant", "content": "sol\u2028\u00f1"}
    body = {"choices": [{"index": 0, "message": told, "finish_reason": "stop"}]}
    first.replies(Reply(200, msgspec.json.encode(body), {"Content-Type": "application/json"}))
    async with House(choice_of("m", first.url, CHEAP)) as house:

        async def go() -> list[bytes]:
            answer = await house.chat.answer(CALLER, chat_request(stream=True), "r")
            assert isinstance(answer, Stream)
            return await read_stream(answer)

        taken = await drive(go())
    assert taken and all(one.isascii() for one in taken)


@pytest.mark.parametrize("count", [-5, 10**13, 10**30])
@pytest.mark.parametrize("streamed", [False, True])
async def test_nonsense_in_the_providers_counts_is_neither_income_nor_a_crash(
    first: Upstream, count: int, streamed: bool
) -> None:
    usage = {"prompt_tokens": count, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": -7}}
    async with House(choice_of("m", first.url, Price(3_000_000, 3_000_000, 3_000_000))) as house:
        if streamed:
            first.replies(stream(sse(chunk({"content": "a"}, "stop"), {**usage_chunk(), "usage": usage}, "[DONE]")))
            await house.stream()
        else:
            choice = {"index": 0, "message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}
            first.replies(json_reply({"choices": [choice], "usage": usage}))
            await whole(house.chat.answer(CALLER, chat_request(), "r"))
        line = house.line
        assert line.status == "completed" and 0 <= line.cost_picousd < 2**63
        assert min(line.input_uncached, line.cache_read, line.output_visible) >= 0
        assert max(line.input_uncached, line.cache_read, line.output_visible) < 2**63


# embeddings ------------------------------------------------------------------------------------------------------


async def test_hc30_vectors_of_a_fallback_are_not_kept_as_those_of_the_model(first: Upstream, second: Upstream) -> None:
    first.replies(FAILED)
    async with two(first, second, "Embedding") as house:
        request = EmbeddingRequest(REF, ["a", "b"], cache=True)
        await whole(house.embeddings.answer(CALLER, request, "r"))
        assert house.cache.entries == {}


async def test_hc19_all_vectors_of_an_answer_are_of_one_model(first: Upstream, second: Upstream) -> None:
    """Vectors of two models have nothing in common: whoever has made the first batch makes the others."""
    async with two(first, second, "Embedding") as house:
        first.replies(FAILED)
        for choice in house.choices:
            choice.target.adapter.embeddings_batch = 1

        def recover(asked: Any) -> Any:
            first.script = answer_well  # the first model is back for the second batch
            return answer_well(asked)

        second.script = recover
        await whole(house.embeddings.answer(CALLER, EmbeddingRequest(REF, ["a", "b", "c"]), "r"))
        assert [asked.body["input"] for asked in second.asked] == [["a"], ["b"], ["c"]]
        assert house.line.cost_picousd == 9 * 1_000


async def test_hc30_vectors_are_kept_by_the_address_of_their_model_in_every_batch(first: Upstream) -> None:
    async with House(choice_of("m", first.url, kind="Embedding")) as house:
        cast(Any, house.choices[0].target.adapter).embeddings_batch = 1
        await whole(house.embeddings.answer(CALLER, EmbeddingRequest(REF, ["a", "b", "c"], cache=True), "r"))
        assert [*house.cache.entries] == [f"openai/m {text} {first.url}".encode() for text in "abc"]


async def test_the_time_of_a_request_is_that_of_all_its_batches(first: Upstream) -> None:
    async with House(choice_of("m", first.url, kind="Embedding")) as house:
        adapter = cast(Any, house.choices[0].target.adapter)
        adapter.embeddings_batch = 1
        written, given = adapter.write_embeddings, []

        def write(request: EmbeddingRequest, *rest: Any) -> Outgoing:
            given.append(request.timeout_s)
            return cast(Outgoing, written(request, *rest))

        adapter.write_embeddings = write
        request = EmbeddingRequest(REF, ["a", "b"], timeout_s=20)
        await whole(house.embeddings.answer(CALLER, request, "r"))
        assert 20 > given[0] > given[1] > 0
        with pytest.raises(ProviderTimeout):
            await whole(house.embeddings.answer(CALLER, EmbeddingRequest(REF, ["a"], timeout_s=1e-9), "r"))


async def test_the_model_that_made_the_vectors_is_named(first: Upstream, second: Upstream) -> None:
    first.replies(FAILED)
    async with two(first, second, "Embedding") as house:
        body = await whole(house.embeddings.answer(CALLER, EmbeddingRequest(REF, ["a"]), "r"))
        assert (body["model"], house.line.model) == ("dear", "dear")


# strict parameters -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
async def test_hc22_what_the_protocol_has_no_place_for_is_refused_where_that_is_set(
    first: Upstream, streamed: bool
) -> None:
    choice = choice_of("m", first.url)
    choice.target = dataclasses.replace(choice.target, quirks=Quirks(drops=("seed",)))
    async with House(choice) as house:
        strict = ChatGateway(dataclasses.replace(house.board, strict=True))
        with pytest.raises(ProviderError, match="'seed' is not supported") as refused:
            await drive(strict.answer(CALLER, chat_request(stream=streamed, seed=7), "r"))
        assert refused.value.status == 400 and not first.asked
        assert house.is_at_rest()


# secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["whole", "first", "later"])
async def test_hc26_a_key_in_the_words_of_an_error_with_status_200_is_not_told(first: Upstream, way: str) -> None:
    error = {"error": {"message": "bad key the-key-of-this-house", "code": 400}}
    async with House(choice_of("m", first.url)) as house:
        with pytest.raises(ProviderError) as caught:
            if way == "whole":
                first.replies(json_reply(error))
                await whole(house.chat.answer(CALLER, chat_request(), "r"))
            else:
                before = [chunk({"content": "a"})] if way == "later" else []
                first.replies(stream([sse(one) for one in (*before, error)], gap_s=0.05))
                await house.stream()
        assert "the-key-of-this-house" not in caught.value.message
        assert "bad key" in caught.value.message
        assert house.is_at_rest() and house.line.status == "failed"


# audio -----------------------------------------------------------------------------------------------------------

RECORDING = Reply(200, b"ID3sound", {"Content-Type": "audio/mpeg"})
CUES = "WEBVTT\n\n00:00.000 --> 00:01.500\nHello\n\n01:00:01.500 --> 01:00:03.250\nthere\n"
BY_TOKENS, BY_UNIT = Price(1_000, 1_000, 1_000, audio_input=1_000, audio_output=1_000), Price(unit=1_000)


def recording(form: str) -> TranscriptionRequest:
    return TranscriptionRequest(REF, File(b"x" * 9_000, "audio/mpeg", "a.mp3"), form)


@pytest.mark.parametrize("price", [BY_TOKENS, BY_UNIT])
@pytest.mark.parametrize("as_object", [True, False])
async def test_a_speech_is_not_free_because_it_is_only_sound(first: Upstream, price: Price, as_object: bool) -> None:
    """Models that are paid by tokens say nothing of them in a recording."""
    first.replies(RECORDING)
    async with House(choice_of("tts", first.url, price, kind="Audio")) as house:
        request = SpeechRequest(REF, "Good morning, all of you there.", "alloy")
        await drive(AudioGateway(house.board).speak(CALLER, request, "r", NO_LABELS, as_object=as_object))
    line = house.line
    assert line.cost_picousd == (50_000 if price is BY_TOKENS else 31_000_000)
    assert line.estimated and line.units == 31


@pytest.mark.parametrize("price", [BY_TOKENS, BY_UNIT])
@pytest.mark.parametrize(
    ("form", "answer", "seconds", "said"),
    [("text", "Hello there. " * 15, 13, 48), ("vtt", CUES, 3_604, 18), ("json", '{"text": "Hello there"}', 1, 2)],
)
async def test_a_transcription_is_not_free_because_it_is_only_text(
    first: Upstream, price: Price, form: str, answer: str, seconds: int, said: int
) -> None:
    first.replies(Reply(200, answer.encode(), {"Content-Type": "text/plain"}))
    async with House(choice_of("stt", first.url, price, kind="Audio")) as house:
        await drive(AudioGateway(house.board).transcribe(CALLER, recording(form), "r", NO_LABELS))
    line = house.line
    assert (line.units, line.estimated) == (seconds, True)
    assert line.cost_picousd == (seconds * 1_000_000 if price is BY_UNIT else (seconds * 10 + said) * 1_000)


async def test_what_a_provider_says_of_a_transcription_is_not_estimated(first: Upstream) -> None:
    first.replies(json_reply({"text": "Hello", "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 3}}))
    async with House(choice_of("stt", first.url, BY_TOKENS, kind="Audio")) as house:
        await drive(AudioGateway(house.board).transcribe(CALLER, recording("json"), "r", NO_LABELS))
    assert (house.line.cost_picousd, house.line.estimated) == (17_000, False)


# what comes from outside -----------------------------------------------------------------------------------------


def form_of(head: bytes, data: bytes = b"x") -> bytes:
    return b"--B\r\n" + head + b"\r\n\r\n" + data + b"\r\n--B--\r\n"


def test_a_charset_that_there_is_not_is_the_callers_mistake() -> None:
    body = form_of(b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=klingon')
    with pytest.raises(BadInputText):
        read_form(body, "multipart/form-data; boundary=B")


def test_the_type_of_a_file_in_a_form_begins_no_header_of_its_own() -> None:
    body = form_of(b'Content-Disposition: form-data; name="f"; filename="a"\r\nContent-Type: image/png\rX-Y: z')
    form = read_form(body, "multipart/form-data; boundary=B")
    assert form.files["f"][0].content_type == "application/octet-stream"


def test_the_type_in_a_data_url_is_ascii() -> None:
    with pytest.raises(PatternMismatch):
        read_data_url("data:image/p\u00f1g;base64,aGk=", "image")


@pytest.mark.parametrize("streamed", [True, False])
async def test_hc11_an_answer_that_unpacks_to_too_much_is_none(first: Upstream, streamed: bool) -> None:
    """A quarter of a megabyte may hold two hundred and fifty of nothing."""
    bomb = gzip.compress(b" " * 100_000_000, 6)
    kind = "text/event-stream" if streamed else "application/json"
    first.replies(Reply(200, bomb, {"Content-Type": kind, "Content-Encoding": "gzip"}))
    async with House(choice_of("m", first.url)) as house:
        most = 0

        def unpack(self: Any, data: bytes) -> None:
            nonlocal most
            on_body(self, data)
            most = max(most, self._size)

        on_body = ProviderReply._on_body
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ProviderReply, "_on_body", unpack)
            with pytest.raises(ProviderError):
                await (house.stream() if streamed else whole(house.chat.answer(CALLER, chat_request(), "r")))
        assert most <= 2 * INFLATED_LIMIT_BYTES


async def test_a_connection_made_just_as_a_request_is_cancelled_is_closed(first: Upstream) -> None:
    """Cancelled by somebody else, not by a caller that leaves: another error, at the same moment."""
    async with House(choice_of("m", first.url)) as house:
        made: list[Any] = []
        ended: list[BaseException | None] = []

        async def go() -> None:
            await house.chat.answer(CALLER, chat_request(), "r")

        running = Drive(go(), lambda _, error: ended.append(error))

        def cancel(task: Any) -> None:
            made.append(task.result())
            running.cancel(RequestCancelled())

        class Eager(dict[Any, Any]):
            def __setitem__(self, task: Any, pool: Any) -> None:
                task.add_done_callback(cancel)
                super().__setitem__(task, pool)

        house.transport._connecting = Eager()
        running.step()
        while not ended:
            await asyncio.sleep(0.01)
        assert isinstance(ended[0], RequestCancelled)
        assert made[0].transport.is_closing()
        assert house.is_at_rest() and house.line.status == "cancelled"


# callers that leave ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [True, False])
async def test_hc16_a_request_that_is_left_while_its_target_works_has_cost_its_prompt(
    first: Upstream, streamed: bool
) -> None:
    """Else whoever leaves before the first byte, again and again, has prompts read for nothing, beyond any limit."""
    first.replies(Reply(delay_s=30.0))
    async with House(choice_of("m", first.url, Price(1_000, 1_000, 1_000))) as house:
        ended: list[BaseException | None] = []

        async def go() -> None:
            await house.chat.answer(CALLER, chat_request(stream=streamed), "r")

        running = Drive(go(), lambda _, error: ended.append(error))
        running.step()
        while not first.asked:
            await asyncio.sleep(0.01)
        running.cancel()
        assert isinstance(ended[0], asyncio.CancelledError) and house.is_at_rest()
    line = house.line
    assert (line.status, line.http_status, line.attempts) == ("cancelled", 499, 1)
    assert (line.input_uncached, line.output_visible, line.estimated) == (10, 0, True)
    assert line.cost_picousd == 10_000


async def test_a_request_that_is_left_before_anybody_was_asked_costs_nothing(first: Upstream) -> None:
    first.replies(json_reply({"error": {"message": "slow down"}}, 429, **{"Retry-After": "30"}))
    choice = choice_of("m", first.url, DEAR)
    async with House(choice, retries=2) as house:
        work = asyncio.ensure_future(whole(house.chat.answer(CALLER, chat_request(), "r")))
        while not first.asked or choice.health.busy:  # until it has been refused, and waits to try again
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert (house.line.status, house.line.cost_picousd) == ("cancelled", 0)


async def test_an_estimate_is_not_larger_than_the_model(first: Upstream) -> None:
    """A picture of a megabyte is no quarter of a million tokens."""
    first.replies(stream(sse(chunk({"content": "a"}, "stop"), "[DONE]")))
    choice = choice_of("m", first.url)
    choice.model = dataclasses.replace(choice.model, context_window=8_000)
    async with House(choice) as house:
        request = chat_request()
        request.stream, request.body_bytes = True, 1_000_000

        async def go() -> None:
            answer = await house.chat.answer(CALLER, request, "r")
            assert isinstance(answer, Stream)
            await read_stream(answer)

        await drive(go())
    assert (house.line.input_uncached, house.line.estimated) == (8_000, True)


async def test_more_vectors_than_there_is_room_for_are_not_begun(first: Upstream) -> None:
    async with House(choice_of("m", first.url, kind="Embedding")) as house:
        with pytest.raises(OutOfRange):
            await whole(house.embeddings.answer(CALLER, EmbeddingRequest(REF, ["a"] * 10_001), "r"))
    assert not first.asked


# work that goes on over there ------------------------------------------------------------------------------------


class Begin(Attempt[bytes]):
    repeatable = False

    def write(self, choice: Choice) -> Outgoing:
        return Outgoing("/videos", b"{}")

    def read(self, choice: Choice, body: bytes, reply: ProviderReply) -> bytes:
        return body


@pytest.mark.parametrize(
    ("reply", "asked"),
    [
        (Reply(raw=b""), 1),  # taken, and lost
        (json_reply({"error": {"message": "oh"}}, 500), 1),
        (json_reply({"error": {"message": "oh"}}, 504), 1),
        (json_reply({"error": {"message": "slow down"}}, 429, **{"Retry-After": "0"}), 3),
        (json_reply({"error": {"message": "later"}}, 503, **{"Retry-After": "0"}), 3),
    ],
)
async def test_hc17_what_may_have_been_begun_is_not_begun_twice(first: Upstream, reply: Reply, asked: int) -> None:
    """A film that nobody gets is paid all the same."""
    first.replies(reply)
    choice = choice_of("m", first.url)
    async with House(choice, retries=2) as house:
        with pytest.raises(ProviderError):
            await drive(house.board.executor.send(Route(choice.model, (choice,)), Begin()))
    assert len(first.asked) == asked


# what goes to a provider -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "path"), [("\u043a\u043b\u044e\u0447-0000", ""), ("k", "/a b"), ("k", "/\u00fc")])
async def test_what_cannot_be_sent_is_an_error_of_the_providers_setting(first: Upstream, key: str, path: str) -> None:
    choice = choice_of("m", first.url)
    choice.target = dataclasses.replace(choice.target, endpoint=Endpoint.with_key(first.url + path, key))
    async with House(choice) as house:
        with pytest.raises(ProviderError) as caught:
            await whole(house.chat.answer(CALLER, chat_request(), "r"))
        assert key not in caught.value.message or key == "k"
        assert house.is_at_rest() and house.line.http_status == 502
    assert not first.asked


# streams within streams ------------------------------------------------------------------------------------------


class Same:
    """An output guard that finds nothing."""

    def feed(self, text: str) -> str:
        return text

    def finish(self) -> str:
        return ""


HOLDS_BACK: Any = SimpleNamespace(
    buffers=True, output=Same, mask_answer=lambda text: text, check_answer=lambda _: Verdict()
)


async def test_hc31_a_kept_answer_passes_a_guard_that_holds_it_back_to_the_end(first: Upstream) -> None:
    """The guard takes all and gives nothing yet: then there is nothing to wait for."""
    async with House(choice_of("m", first.url)) as house:
        meter = Meter(house.board.ledger, CALLER, "r", "chat", stream=True)
        given = [msgspec.json.encode(chunk({"content": "Hello"})), msgspec.json.encode(chunk({}, "stop"))]
        guarded = GuardedStream(HOLDS_BACK, Verdict(), Replayed(given, meter, []))
        told = await drive(read_stream(guarded))
    assert b"Hello" in b"".join(told)
    assert house.line.status == "completed"


async def test_hc31_a_guarded_stream_ends_with_the_providers_last_word(first: Upstream) -> None:
    """Not when the provider, much later, ends its connection."""
    words = sse(chunk({"content": "Hello"}), chunk({}, "stop"), usage_chunk(), "[DONE]")
    leave, waited = threading.Event(), []

    def body() -> Iterator[bytes]:
        yield words
        waited.append(not leave.wait(60))
        yield b": \n\n"

    first.replies(stream(body()))
    async with House(choice_of("m", first.url)) as house:

        async def go() -> list[bytes]:
            answer = await house.chat.answer(CALLER, chat_request(stream=True), "r")
            assert isinstance(answer, Stream)
            return await read_stream(GuardedStream(HOLDS_BACK, Verdict(), answer))

        told = await drive(go())
        assert not waited, "the connection is still open"
        leave.set()
    assert b"Hello" in b"".join(told)


async def test_hc29_what_is_taken_just_as_a_request_is_cancelled_is_given_back() -> None:
    """Cancelled by another request, in the moment between the ticket and the turn of the one that waits for it."""
    given_back: list[str] = []
    ended: list[BaseException | None] = []

    class Held(Ticket):
        def drop(self) -> None:
            given_back.append("ticket")

    class Slow(Policy):
        async def _take(self, worst_picousd: int, worst_tokens: int) -> Ticket:
            asyncio.get_running_loop().call_soon(running.cancel, RequestCancelled())
            return Held(())

    policy = Slow(cast(Any, None), time.time, (), (), cast(Any, None))
    running = Drive(policy.take(1, 1), lambda _, error: ended.append(error))
    running.step()
    async with asyncio.timeout(60):
        while not (ended and given_back):
            await asyncio.sleep(0)
    assert isinstance(ended[0], RequestCancelled)
    assert given_back == ["ticket"]


# what one caller can do to the others ----------------------------------------------------------------------------


class Hurried(Begin):
    repeatable = True

    def write(self, choice: Choice) -> Outgoing:
        return Outgoing("/embeddings", b"{}", timeout_s=0.1)


@pytest.mark.parametrize(
    ("reply", "attempt"),
    [
        (Reply(delay_s=60.0), Hurried()),
        (json_reply({"error": {"message": "another request holds the lock"}}, 409), Begin()),
    ],
)
async def test_a_caller_without_time_opens_no_circuit(first: Upstream, reply: Reply, attempt: Attempt[bytes]) -> None:
    """The health of a target is everybody's; how long one caller would wait, and what it asked, are not."""
    first.replies(reply)
    choice = choice_of("m", first.url)
    async with House(choice) as house:
        house.transport.start()
        with pytest.raises(ProviderError):
            await drive(house.board.executor.send(Route(choice.model, (choice,)), attempt))
    assert choice.health.failures == 0


async def test_a_film_that_was_begun_is_paid_also_when_its_caller_leaves(first: Upstream) -> None:
    first.replies(Reply(delay_s=30.0))
    verb = Verb[bytes](
        "video", "Video", lambda *_: Outgoing("/videos", b"{}"), lambda *_: b"", cast(Any, None), units=8
    )
    async with House(choice_of("m", first.url, BY_UNIT, kind="Video")) as house:
        work = asyncio.ensure_future(drive(answer_once(house.board, CALLER, REF, verb, "r")))
        while not first.asked:
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
    assert (house.line.status, house.line.units, house.line.cost_picousd) == ("cancelled", 8, 8_000_000)
