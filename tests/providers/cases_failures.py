"""Cases of the suite: providers that refuse, stall, break off, and callers that leave."""

from __future__ import annotations

import json
import socket
from typing import Any, ClassVar

import pytest

from tests.live import Answer, wait_until, within_tries
from tests.providers.fakes.base import INNER_URL, KINDS, RETRY_AFTER_S, ErrorKind, Say
from tests.providers.stage import GAP_TIMEOUT_S, HELLO, KEEP_ALIVE_S, Stage, Streamed, user
from tests.usage import find_usage, list_usage

REFUSALS: dict[ErrorKind, tuple[int, int]] = {
    "wrong_key": (502, 150),
    "forbidden": (502, 150),
    "not_found": (404, 150),
    "rate_limit": (429, 151),
    "quota": (429, 152),
    "overloaded": (503, 153),
    "too_long": (400, 150),
    "bad_request": (400, 150),
    "html": (502, 150),
}
"""Kind to our status and id (HC-26; Chat API reference, 12)."""
ONCE: tuple[ErrorKind, ...] = ("wrong_key", "forbidden", "not_found", "quota", "too_long", "bad_request")
both = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
PARTED = Say(text=("Hel", "lo"))


class FailureCases(Stage):
    servers: ClassVar[dict[str, str]] = dict.fromkeys(
        (
            "hc14_behind_a_keep_alive_a_refusal_comes_as_an_event",
            "hc15_silence_is_broken_by_comments_between_frames",
            "hc15_a_silence_beyond_the_limit_is_an_error",
        ),
        "impatient_server",
    )

    def test_hc26_every_kind_has_its_answer(self) -> None:
        assert set(REFUSALS) == set(KINDS)

    @both
    @pytest.mark.parametrize("kind", KINDS)
    def test_hc26_a_refusal_becomes_ours(self, kind: ErrorKind, streamed: bool) -> None:
        self.says(self.fake.error(kind))
        answer = self._refused(streamed)
        status, number = REFUSALS[kind]
        body = answer.json()
        assert (answer.status, body["errors"][0]["id"]) == (status, number), body
        assert body["error"]["message"] and body["errors"][0]["description"]
        assert (body["success"], body["status"]) == (False, "failed")
        assert body["requestId"] == answer.headers["x-request-id"]
        assert answer.headers["content-type"].startswith("application/json")
        if kind == "too_long":
            assert body["error"]["code"] == "context_length_exceeded"
        if kind in ONCE:
            assert len(self.asked) == 1, "what cannot heal is tried once"

    @pytest.mark.parametrize("kind", KINDS)
    def test_hc26_no_key_and_no_address_in_a_message(self, kind: ErrorKind) -> None:
        self.says(self.fake.error(kind))
        said = self._refused(False).body.decode()
        self._keeps_secrets(said)

    def test_hc26_no_key_and_no_address_in_a_streamed_error(self) -> None:
        self.says(self.fake.error_in_stream("bad_request", PARTED))
        self._keeps_secrets(self.stream().answer.body.decode())

    def _keeps_secrets(self, said: str) -> None:
        host = self.upstream.root.removeprefix("http://")
        found = [text for text in (*self.fake.secrets, INNER_URL, "10.1.2.3", host, "<html") if text in said]
        assert found == []

    # errors in streams ----------------------------------------------------------------------------------------

    def test_hc13_an_error_before_any_output_is_an_http_error(self) -> None:
        self.says(self.fake.error_in_stream("overloaded"))
        answer = self._refused(True)
        assert answer.status == self.fake.stream_error_status
        assert answer.json()["errors"][0]["id"] in (150, 153)

    def test_hc13_an_error_before_any_output_may_heal(self) -> None:
        self.says(self.fake.error_in_stream("overloaded"), HELLO)
        streamed = self.stream_well()
        assert streamed.text == "Hello there"
        assert streamed.answer.headers["x-portico-attempts"] == "2"

    @pytest.mark.parametrize("at_once", [False, True], ids=["apart", "in one write"])
    def test_hc13_an_error_after_output_ends_the_stream_without_done(self, at_once: bool) -> None:
        """Text that came in the same bytes as the error goes out before it."""
        self.says(self.fake.error_in_stream("overloaded", PARTED, at_once=at_once))
        streamed = self.stream()
        self._broken(streamed)
        assert len(self.asked) == 1

    def test_hc19_a_broken_stream_is_an_error_and_no_second_answer(self) -> None:
        self.says(self.fake.broken_stream(PARTED), HELLO)
        streamed = self.stream()
        self._broken(streamed)
        assert len(self.asked) == 1, "nothing is tried again behind the first output"
        line = find_usage(self.server, streamed.answer.headers["x-request-id"])
        assert (line["status"], line["attempts"]) == ("failed", 1)
        assert line["estimated"] and line["output_visible"] > 0, "what was produced is billed"

    def _broken(self, streamed: Streamed) -> None:
        assert streamed.text == "Hello" and streamed.finishes == []
        assert not streamed.done
        assert streamed.error is not None and streamed.error["message"] and streamed.error["code"]
        assert len([event for event in streamed.events if "error" in event]) == 1

    # waiting --------------------------------------------------------------------------------------------------

    def test_hc14_a_late_refusal_keeps_its_status(self) -> None:
        late = self.fake.error("bad_request")
        late.delay_s = 0.05
        self.says(late)
        assert self._refused(True).status == 400

    def test_hc14_behind_a_keep_alive_a_refusal_comes_as_an_event(self) -> None:
        late = self.fake.error("bad_request")
        late.delay_s = 1.7 * KEEP_ALIVE_S
        self.says(late)

        def comes_as_an_event() -> bool:
            """Or with its status, when the server stood still while it was silent."""
            answer = self.ask(stream=True)
            if answer.status != 200:
                return False
            streamed = Streamed.read(answer)
            assert streamed.answer.body.startswith(b": keep-alive\n\n")
            assert not streamed.done and streamed.error is not None
            return True

        within_tries(comes_as_an_event, "a refusal behind a keep-alive", 10)

    def test_hc15_silence_is_broken_by_comments_between_frames(self) -> None:
        self.says(self.fake.silent_stream(PARTED, 3.2 * KEEP_ALIVE_S))

        def is_broken() -> bool:
            """When the machine stands still meanwhile, the silence may be too long, or over at once."""
            streamed = self.stream()
            blocks = streamed.answer.body.decode().split("\n\n")
            if not streamed.done:
                return False
            assert streamed.error is None and streamed.text == "Hello"
            assert all(block == ": keep-alive" or block.startswith("data: ") for block in blocks if block)
            return blocks.count(": keep-alive") >= 2

        within_tries(is_broken, "a silence with comments in it", 10)

    def test_hc15_a_silence_beyond_the_limit_is_an_error(self) -> None:
        self.says(self.fake.silent_stream(PARTED, 10 * GAP_TIMEOUT_S))
        streamed = self.stream()
        assert not streamed.done and streamed.error is not None
        assert streamed.error["code"] == 100
        assert streamed.text == "Hello"

    # leaving --------------------------------------------------------------------------------------------------

    @both
    def test_hc16_a_caller_who_leaves_cancels_the_provider(self, streamed: bool) -> None:
        known = {line["request_id"] for line in list_usage(self.server)}
        long = self.fake.stream(Say(text=tuple(f"{i} " for i in range(1_200))), gap_s=0.05)
        if not streamed:
            long = self.fake.whole(HELLO)
            long.body, long.gap_s = [b" " * 65_536] * 1_200, 0.05
        self.says(long)
        body = json.dumps({"model": self.fake.model, "messages": [user("Hi")], "stream": streamed}).encode()
        client = socket.create_connection(("127.0.0.1", self.server.port))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.token()}\r\n"
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        if streamed:
            assert client.recv(4096)
        else:
            wait_until(lambda: self.asked, "the provider was asked")
        client.close()
        wait_until(lambda: self.upstream.hang_ups == 1, "the provider saw the connection end")

        def told() -> list[tuple[Any, ...]]:
            lines = [line for line in list_usage(self.server) if line["request_id"] not in known]
            return [(line["status"], line["http_status"], line["stream"]) for line in lines]

        wait_until(lambda: ("cancelled", 499, streamed) in told(), "the usage line of a cancelled answer")

    # trying again ---------------------------------------------------------------------------------------------

    @both
    def test_hc17_what_may_heal_is_tried_again(self, streamed: bool) -> None:
        self.says(self.fake.error("overloaded"), HELLO)
        answer = self.ask(stream=streamed)
        assert answer.status == 200, answer.body
        assert answer.headers["x-portico-attempts"] == "2"
        assert len(self.asked) == 2
        assert find_usage(self.server, answer.headers["x-request-id"])["attempts"] == 2

    def test_hc17_a_refused_request_is_not_tried_again(self) -> None:
        self.says(self.fake.error("bad_request"), HELLO)
        answer = self.ask()
        assert answer.status == 400
        assert answer.headers.get("x-portico-attempts", "1") == "1"
        assert len(self.asked) == 1

    @both
    def test_hc18_retry_after_reaches_the_caller(self, streamed: bool) -> None:
        self.says(self.fake.error("rate_limit"))
        answer = self._refused(streamed)
        assert (answer.status, answer.json()["errors"][0]["id"]) == (429, 151)
        assert 1 <= int(answer.headers["retry-after"]) <= RETRY_AFTER_S
        assert len(self.asked) <= 1, "a wait beyond the budget is the caller's"

    def _refused(self, streamed: bool) -> Answer:
        return self.ask(stream=streamed)
