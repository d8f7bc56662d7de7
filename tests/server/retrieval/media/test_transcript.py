"""Answers of transcriptions to segments, and segments to blocks and chunks with their times."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.audio import TranscriptionDiarized

from portico.server.errors import PatternMismatch
from portico.server.retrieval.blocks import Parsed
from portico.server.retrieval.chunk import split
from portico.server.retrieval.media.options import MediaOptions
from portico.server.retrieval.media.transcript import Segment, read_segments, write_blocks
from portico.server.retrieval.profile import ChunkRules
from tests.recordings import said


def test_segments_lie_where_their_piece_lies() -> None:
    answer = said((0.5, 2.0, "Good morning."), (2.0, 4.5, "Let us begin."))
    assert read_segments(answer, 300.0, 10.0) == [
        Segment("Good morning.", 300.5, 302.0),
        Segment("Let us begin.", 302.0, 304.5),
    ]


def test_a_plain_answer_is_one_segment_as_long_as_its_piece() -> None:
    assert read_segments({"text": " Good\0  morning. "}, 120.0, 60.0) == [Segment("Good morning.", 120.0, 180.0)]
    assert read_segments({"text": "Good morning."}, 0.0, 0.0) == [Segment("Good morning.")], "nobody knows its length"
    assert read_segments({"text": "Good", "duration": 7.5}, 0.0, 0.0) == [Segment("Good", 0.0, 7.5)]


def test_speakers_are_kept() -> None:
    answer = {
        "task": "transcribe", "duration": 5.0, "text": "Hi. Hello.",
        "segments": [
            {"type": "transcript.text.segment", "id": "a", "start": 0.0, "end": 1.0, "text": "Hi.", "speaker": "A"},
            {"type": "transcript.text.segment", "id": "b", "start": 1.0, "end": 2.0, "text": "Hello.", "speaker": "B"},
        ],
    }  # fmt: skip
    assert TranscriptionDiarized.model_validate(answer)
    segments = read_segments(answer, 0.0, 5.0)
    assert [block.text for block in write_blocks(segments, None)] == ["A: Hi.", "B: Hello."]
    assert [block.text for block in write_blocks(segments, 0)] == ["A: Hi.\nB: Hello."]


@pytest.mark.parametrize(
    "answer",
    [
        {}, {"text": None}, {"text": "  "}, {"segments": []}, {"segments": "no"}, {"segments": [1, {"text": ""}]},
        {"text": "Thank you.", "segments": [{"text": "Thank you.", "no_speech_prob": 0.9, "avg_logprob": -1.4}]},
    ],
)  # fmt: skip
def test_where_nobody_speaks_there_are_none(answer: dict[str, Any]) -> None:
    assert read_segments(answer, 0.0, 10.0) == []


def test_times_that_cannot_be_are_brought_into_the_piece() -> None:
    odd = [
        {"text": "a", "start": 5.0, "end": 3.0},
        {"text": "b", "start": 29.0, "end": 999.0},
        {"text": "c", "start": "x", "end": float("inf")},
    ]
    found = read_segments({"segments": odd}, 100.0, 30.0)
    assert [(one.start_s, one.end_s) for one in found] == [(105.0, 105.0), (129.0, 130.0), (100.0, 100.0)]


def sentences(count: int, *, pause_after: int = -1) -> list[Segment]:
    gap = 0.0
    made = []
    for number in range(count):
        made.append(
            Segment(f"This is sentence {number} of a talk about lamps.", gap + number * 4, gap + number * 4 + 4)
        )
        gap += 5.0 if number == pause_after else 0.0
    return made


def test_paragraphs_end_with_sentences_and_at_pauses() -> None:
    blocks = write_blocks(sentences(20, pause_after=2), None)
    assert (blocks[0].start_s, blocks[0].end_s) == (0, 12) and blocks[1].start_s == 17
    assert all(block.text.endswith(".") and len(block.text) <= 600 for block in blocks)
    assert [block.line_from for block in blocks] == [*range(1, len(blocks) + 1)]
    assert " ".join(block.text for block in blocks) == " ".join(one.text for one in sentences(20))


@pytest.mark.parametrize(("merge", "count"), [(1, 20), (3, 7), (0, 1), (99, 1)])
def test_merge_says_how_many_segments_make_a_part(merge: int, count: int) -> None:
    assert len(write_blocks(sentences(20), merge)) == count
    assert write_blocks([], merge) == []


@pytest.mark.parametrize("rules", [ChunkRules(size=500, overlap=100), ChunkRules(size=1000, parent=True)])
def test_chunks_say_when_and_not_on_which_line(rules: ChunkRules) -> None:
    chunks = split(Parsed(tuple(write_blocks(sentences(60), None)), 1), rules)
    assert len(chunks) > 4 and all(chunk.line_from == 0 for chunk in chunks)
    times = [chunk.metadata or {} for chunk in chunks if not chunk.is_parent]
    assert times[0]["startTime"] == 0 and times[-1]["endTime"] == 240
    for chunk, told in zip([one for one in chunks if not one.is_parent], times, strict=True):
        first = int(chunk.text.partition("sentence ")[2].split()[0])
        assert told["startTime"] <= max(first, 0) * 4 + 20 and told["startTime"] < told["endTime"]


def test_a_chunk_of_a_text_has_no_times() -> None:
    from portico.server.retrieval.blocks import Block

    [chunk] = split(Parsed((Block("text", "Words.", line_from=3, line_to=3),), 1), ChunkRules())
    assert (chunk.metadata, chunk.line_from) == (None, 3)


def test_parameters() -> None:
    assert MediaOptions.read({}) == MediaOptions("", True, None)
    told = {"model": "openai/whisper-1", "dialogue": False, "merge": 0, "whisperModel": "small"}
    assert MediaOptions.read(told) == MediaOptions("openai/whisper-1", False, 0)
    with pytest.raises(PatternMismatch) as caught:
        MediaOptions.read({"merge": 1.5})
    assert caught.value.param == "merge"
