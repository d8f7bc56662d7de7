"""Cases of the suite: what a request becomes on its way to the provider."""

from __future__ import annotations

import base64
import json
import zlib
from itertools import pairwise
from typing import Any

import pytest

from tests.providers.stage import TOOL, Stage, user
from tests.upstream import Asked, Reply

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
JSON_TEXT = '{"city":"São Paulo","people":12}'
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"
IMAGE_PATH = "/plate.png"
IMAGE_URL = f"https://images.example.com{IMAGE_PATH}"


def png() -> bytes:
    """A picture of one red point."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
        + chunk(b"IEND", b"")
    )


IMAGE = Reply(200, png(), {"Content-Type": "image/png"})


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


class RequestCases(Stage):
    # messages -------------------------------------------------------------------------------------------------

    def test_hc20_system_texts_go_to_the_system_slot_in_order(self) -> None:
        said = [{"role": "system", "content": "Be brief."}, {"role": "developer", "content": "Be kind."}, user("Hi")]
        self.ask_well(said)
        heard = self.heard
        assert 0 <= heard.system.find("Be brief.") < heard.system.find("Be kind.")
        assert [(turn.role, turn.text) for turn in heard.turns] == [("user", "Hi")]

    def test_hc20_a_system_message_in_the_middle_is_not_lost(self) -> None:
        said = [
            user("Hi"),
            {"role": "assistant", "content": "Yes?"},
            {"role": "system", "content": "Be kind."},
            user("Go"),
        ]
        self.ask_well(said)
        heard = self.heard
        assert "Be kind." in heard.system or any("Be kind." in turn.text for turn in heard.turns)
        assert "Go" in heard.turns[-1].text

    def test_hc20_an_empty_system_message_is_left_out(self) -> None:
        self.ask_well([{"role": "system", "content": ""}, user("Hi")])
        assert self.heard.system == ""
        assert [turn.text for turn in self.heard.turns] == ["Hi"]

    def test_hc20_neighbours_of_one_role(self) -> None:
        said = [user("one"), user("two"), {"role": "assistant", "content": "three"}, user("four"), user("five")]
        self.ask_well(said)
        heard = self.heard
        assert [part.text for part in heard.parts("text")] == ["one", "two", "three", "four", "five"]
        if self.fake.alternates:
            assert [turn.role for turn in heard.turns] == ["user", "assistant", "user"]
            assert all(a.role != b.role for a, b in pairwise(heard.turns))

    def test_hc20_empty_texts_are_left_out(self) -> None:
        parts = [{"type": "text", "text": ""}, {"type": "text", "text": "Hi"}]
        self.ask_well([user(parts), {"role": "assistant", "content": ""}, user("there")])
        assert all(part.text for part in self.heard.parts("text"))
        assert [part.text for part in self.heard.parts("text")] == ["Hi", "there"]

    def test_hc20_stop_sequences_of_blanks_are_left_out(self) -> None:
        self.ask_well(stop=["END", " \n"])
        assert self.heard.stop == ("END",)
        self.ask_well(stop="END")
        assert self.heard.stop == ("END",)

    # numbers --------------------------------------------------------------------------------------------------

    def test_hc21_max_tokens(self) -> None:
        for asked, heard in (
            ({"max_tokens": 77}, 77),
            ({"max_completion_tokens": 88}, 88),
            ({"max_tokens": 77, "max_completion_tokens": 88}, 88),
        ):
            self.ask_well(**asked)
            assert self.heard.max_tokens == heard, asked

    def test_hc21_max_tokens_by_default(self) -> None:
        """The model's own limit where the protocol demands one, else nothing."""
        self.ask_well()
        if self.fake.max_tokens_needed:
            assert (self.heard.max_tokens or 0) >= 4096
        else:
            assert self.heard.max_tokens is None

    def test_hc22_sampling_passes(self) -> None:
        answer = self.ask(temperature=0.5, top_p=0.25)
        assert answer.status == 200, answer.body
        assert (self.heard.temperature, self.heard.top_p) == (0.5, 0.25)
        assert self.adjusted(answer) == ""

    def test_hc22_temperature_is_clamped_and_said(self) -> None:
        answer = self.ask(temperature=1.75)
        assert answer.status == 200, answer.body
        largest = self.fake.largest_temperature
        assert self.heard.temperature == min(1.75, largest)
        assert ("temperature" in self.adjusted(answer)) is (largest < 1.75)

    def test_hc22_what_the_provider_lacks_is_dropped_and_said(self) -> None:
        for name, value in self.fake.unsupported:
            answer = self.ask(**{name: value})
            assert answer.status == 200, answer.body
            assert name not in json.dumps(self.heard.raw)
            assert name in self.adjusted(answer)

    def test_hc22_platform_members_stay_here(self) -> None:
        self.ask_well(variables=[{"key": "a", "value": "b"}], threadId="t-1", revision=1, filters=[])
        sent = json.dumps(self.heard.raw)
        assert not any(name in sent for name in ("variables", "threadId", "revision", "filters"))

    def test_hc22_unknown_members_pass_in_the_same_dialect_only(self) -> None:
        self.ask_well(prompt_cache_key="k-1", x_unknown_member={"a": [1]})
        sent = json.dumps(self.heard.raw)
        assert ("prompt_cache_key" in sent, "x_unknown_member" in sent) == (self.fake.same_dialect,) * 2

    # structured output ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
    def test_hc23_json_schema(self, streamed: bool) -> None:
        self.plays(self._answer_json)
        form = {"type": "json_schema", "json_schema": {"name": "town", "schema": SCHEMA, "strict": True}}
        self._expect_json(streamed, form)
        told = self.heard.schema or next((tool.schema for tool in self.heard.tools), None)
        assert told is not None and set(told["properties"]) == {"city", "people"}

    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
    def test_hc23_json_object(self, streamed: bool) -> None:
        self.plays(self._answer_json)
        self._expect_json(streamed, {"type": "json_object"})

    def _answer_json(self, asked: Asked) -> Reply:
        return self.fake.speak(self.fake.structured(JSON_TEXT, asked), asked)

    def _expect_json(self, streamed: bool, form: dict[str, Any]) -> None:
        said = [user("Which town? Answer in JSON.")]
        if streamed:
            read = self.stream_well(said, response_format=form)
            message, finish = read.message(), read.finishes
        else:
            (choice,) = self.ask_well(said, response_format=form)["choices"]
            message, finish = choice["message"], [choice["finish_reason"]]
        assert json.loads(message["content"]) == json.loads(JSON_TEXT)
        assert finish == ["stop"]
        assert not message.get("tool_calls")

    # images and files -----------------------------------------------------------------------------------------

    def test_hc25_an_image_as_data_url(self) -> None:
        parts = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": data_url("image/png", png())}},
        ]
        self.ask_well([user(parts)], model=self.fake.vision_model or self.fake.model)
        (image,) = self.heard.parts("image")
        assert (image.mime, image.data) == ("image/png", png())
        assert [part.text for part in self.heard.parts("text")] == ["What is this?"]

    def test_hc25_an_image_by_its_address(self) -> None:
        """The address where the provider fetches it, else what lies behind it."""
        url = IMAGE_URL if self.fake.fetches_images else f"{self.upstream.root}{IMAGE_PATH}"
        chat = self.upstream.script
        self.upstream.script = lambda asked: IMAGE if asked.path == IMAGE_PATH else chat(asked)
        parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is this?"}]
        self.ask_well([user(parts)], model=self.fake.vision_model or self.fake.model)
        (image,) = self.heard.parts("image")
        assert (image.url, image.data) == ((url, b"") if self.fake.fetches_images else ("", png()))

    def test_hc25_a_pdf(self) -> None:
        file = {"filename": "menu.pdf", "file_data": data_url("application/pdf", PDF)}
        parts = [{"type": "file", "file": file}, {"type": "text", "text": "What is this?"}]
        self.ask_well([user(parts)], model=self.fake.file_model or self.fake.model)
        (document,) = self.heard.parts("file")
        assert (document.mime, document.data) == ("application/pdf", PDF)

    # headers --------------------------------------------------------------------------------------------------

    def test_hc27_no_header_of_the_caller_goes_on(self) -> None:
        mine = {
            "Cookie": "a=b",
            "X-Api-Key": "mine",
            "saia-conversation-id": "c1",
            "X-Saia-User-Id": "u",
            "TE": "trailers",
        }
        assert self.ask(headers=mine).status == 200
        sent = self.asked[-1].headers
        assert not {"cookie", "saia-conversation-id", "x-saia-user-id", "te"} & sent.keys()
        assert "mine" not in sent.values()
        assert not any(self.server.token() in value for value in sent.values()), "the caller's own token"
        assert sent["content-length"] and sent.get("accept-encoding", "identity") == "identity"

    def test_hc27_a_stream_is_neither_kept_nor_buffered(self) -> None:
        headers = self.stream_well(tools=[TOOL]).answer.headers
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
        assert "content-length" not in headers and "content-encoding" not in headers
