"""Recordings to blocks: in pieces and in order, each piece paid once, and every reason why it does not work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from portico.server.access.caller import Caller
from portico.server.errors import ContentUnreadable, MediaNotSupported, ProviderOvercapacity
from portico.server.retrieval.media import listen
from portico.server.retrieval.media.decoding import SoundBounds
from portico.server.retrieval.media.listen import FRAMES, Heard, Listener
from portico.server.retrieval.media.options import MediaOptions
from portico.server.retrieval.media.sounds import Decoder
from portico.server.retrieval.media.transcribe import PLAIN, TIMED, Chosen
from portico.server.retrieval.media.transcript import Segment
from portico.wire.model_ref import DirectModel
from portico.wire.requests import File
from tests.recordings import film, put_ffmpeg, said, silence, tone, wav
from tests.server.gateway.gateway_house import CALLER

pytestmark = pytest.mark.anyio
PLAIN_ORDER = MediaOptions()


class Writer:
    """A transcriber that says which piece it was given, and fails when it is told to."""

    def __init__(self, form: str = TIMED) -> None:
        self.form = form
        self.files: list[tuple[File, float]] = []
        self.errors: dict[int, Exception] = {}
        self.at_once = self.most_at_once = 0
        self.is_silent = False
        self.first_waits = False

    def choose(self, caller: Caller, told: str) -> Chosen:
        assert caller is CALLER
        return Chosen(DirectModel("openai", "whisper-1"), "openai/whisper-1", self.form)

    async def write_down(self, caller: Caller, chosen: Chosen, file: File, seconds: float) -> dict[str, Any]:
        number = len(self.files)
        self.files.append((file, seconds))
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            async with asyncio.timeout(60):
                while self.first_waits and len(self.files) < 2:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.02 if number % 2 else 0)
        finally:
            self.at_once -= 1
        if number in self.errors:
            raise self.errors.pop(number)
        chosen.used.cost += 0.25
        if self.is_silent:
            return {"text": ""}
        text = f"A piece of {seconds:.2f} s."
        return said((0.0, 1.0, text)) if self.form == TIMED else {"text": text}


class Notes:
    def __init__(self) -> None:
        self.kept: dict[str, Sequence[Segment]] = {}

    def maybe(self, place: str) -> Sequence[Segment] | None:
        return self.kept.get(place)

    async def keep(self, place: str, segments: Sequence[Segment]) -> None:
        assert place not in self.kept
        self.kept[place] = segments


class House:
    def __init__(self, folder: Path, decoder: Decoder | None = None, form: str = TIMED) -> None:
        self.path = folder / "upload"
        self.writer = Writer(form)
        self.listener = Listener(self.writer, SoundBounds(), lambda: decoder)  # type: ignore[arg-type]

    async def listen(
        self, content: bytes, name: str = "a.wav", options: MediaOptions = PLAIN_ORDER, notes: Notes | None = None
    ) -> Heard:
        self.path.write_bytes(content)
        return await self.listener.listen(CALLER, self.path, name, options, notes)


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "TIMED_PIECE_S", 10.0)
    monkeypatch.setattr(listen, "PLAIN_PIECE_S", 4.0)


async def test_a_short_recording_is_one_piece(tmp_path: Path) -> None:
    house = House(tmp_path)
    heard = await house.listen(wav(tone(3)))
    [block] = heard.parsed.blocks
    assert (block.text, block.start_s, block.end_s) == ("A piece of 3.00 s.", 0.0, 1.0)
    assert (heard.parsed.pages, heard.parsed.skipped, heard.used.cost) == (1, (), 0.25)
    [(file, seconds)] = house.writer.files
    assert (file.content_type, file.name, file.data, seconds) == ("audio/wav", "recording.wav", wav(tone(3)), 3.0)


async def test_a_long_one_is_many_pieces_in_their_order(tmp_path: Path, short_pieces: None) -> None:
    house = House(tmp_path)
    house.writer.first_waits = True  # for another one: they are written down side by side
    heard = await house.listen(wav(tone(75)), options=MediaOptions(merge=1))
    starts = [block.start_s for block in heard.parsed.blocks]
    assert starts == sorted(starts) and starts[-1] > 60
    lengths = [f"A piece of {later - start:.2f} s." for start, later in pairwise([*starts, 75.0])]
    assert [block.text for block in heard.parsed.blocks] == lengths, "each stands where it was said"
    assert 1 < house.writer.most_at_once <= listen.IN_FLIGHT
    assert heard.used.cost == 0.25 * len(starts)
    assert sum(seconds for _, seconds in house.writer.files) == pytest.approx(75)


async def test_without_times_the_pieces_are_shorter_and_give_theirs(tmp_path: Path, short_pieces: None) -> None:
    heard = await House(tmp_path, form=PLAIN).listen(wav(tone(10)), options=MediaOptions(merge=1))
    assert len(heard.parsed.blocks) >= 3
    assert heard.parsed.blocks[-1].end_s == pytest.approx(10)


async def test_silence_is_not_sent(tmp_path: Path, short_pieces: None) -> None:
    house = House(tmp_path)
    assert (await house.listen(wav(silence(30)))).parsed.blocks == ()
    assert house.writer.files == []


async def test_where_nobody_speaks_there_are_no_blocks(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.writer.is_silent = True
    heard = await house.listen(wav(tone(3)))
    assert (heard.parsed.blocks, heard.used.cost) == ((), 0.25), "it was paid all the same"


async def test_a_second_try_pays_for_no_piece_again(tmp_path: Path, short_pieces: None) -> None:
    house, notes = House(tmp_path), Notes()
    house.writer.errors[4] = ProviderOvercapacity()
    with pytest.raises(ProviderOvercapacity):
        await house.listen(wav(tone(75)), notes=notes)
    paid = len(notes.kept)
    assert 3 <= paid <= 5 and not house.writer.at_once
    asked = len(house.writer.files)
    heard = await house.listen(wav(tone(75)), options=MediaOptions(merge=1), notes=notes)
    assert len(house.writer.files) - asked == len(heard.parsed.blocks) - paid


async def test_who_no_longer_waits_ends_what_was_begun(tmp_path: Path, short_pieces: None) -> None:
    house = House(tmp_path)
    task = asyncio.create_task(house.listen(wav(tone(75))))
    while not house.writer.files:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = len(house.writer.files)
    await asyncio.sleep(0.1)
    assert len(house.writer.files) == asked


async def test_of_a_long_recording_the_rest_is_told(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.listener._bounds = SoundBounds(longest_s=2)
    heard = await house.listen(wav(tone(5)))
    assert "Only the first" in heard.parsed.skipped[0] and house.writer.files[0][1] == 2.0


async def test_the_sound_of_a_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", put_ffmpeg(tmp_path), prepend=":")
    house = House(tmp_path, "ffmpeg")
    heard = await house.listen(film(tone(3, 16_000), "mkv"), "talk.mkv")
    assert heard.parsed.skipped == (FRAMES,) and heard.parsed.blocks[0].text == "A piece of 3.00 s."


async def test_without_a_decoder_a_file_goes_as_it_is(tmp_path: Path) -> None:
    house = House(tmp_path)
    content = b"ID3" + bytes(2000)
    heard = await house.listen(content, "talk.mp3")
    assert [(file.data, file.name, seconds) for file, seconds in house.writer.files] == [
        (content, "recording.mp3", 0.0)
    ]
    assert heard.parsed.blocks[0].text == "A piece of 0.00 s."
    await house.listen(film(b"x" * 50), "talk.mp4")
    assert house.writer.files[1][0].name == "recording.mp4"


@pytest.mark.parametrize(
    ("content", "name"), [(film(b"x", "mkv"), "talk.mkv"), (b"\xff\xf1\x50\x80" + bytes(50), "talk.aac")]
)
async def test_without_a_decoder_others_say_what_to_install(tmp_path: Path, content: bytes, name: str) -> None:
    with pytest.raises(MediaNotSupported, match=r"pip install av.*ffmpeg"):
        await House(tmp_path).listen(content, name)


async def test_without_a_decoder_a_large_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "SENT_LIMIT", 1000)
    house = House(tmp_path)
    await house.listen(b"ID3" + bytes(997), "a.mp3")
    with pytest.raises(MediaNotSupported, match=r"pip install av"):
        await house.listen(b"ID3" + bytes(998), "a.mp3")


async def test_a_film_without_its_dialogue_has_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(MediaNotSupported, match="dialogue=false"):
        await House(tmp_path).listen(film(), "a.mp4", MediaOptions(dialogue=False))
    assert (await House(tmp_path).listen(wav(tone(1)), "a.wav", MediaOptions(dialogue=False))).parsed.blocks


@pytest.mark.parametrize("content", [b"%PDF-1.7", b"RIFF\0\0\0\0WAVEfmt "])
async def test_a_broken_file_says_why(tmp_path: Path, content: bytes) -> None:
    house = House(tmp_path)
    with pytest.raises(ContentUnreadable, match=r"no sound or film|damaged"):
        await house.listen(content)
    assert house.writer.files == []
