"""What was said, and when: the answer of a transcription to segments, and segments to blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import msgspec

from portico.server.retrieval.blocks import Block
from portico.server.retrieval.parsing.pile import clean

LONG = 250
"""Characters after which a paragraph ends with the next sentence."""
LONGEST = 600
PAUSE_S = 2.0
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_NOBODY, _UNSURE = 0.6, -1.0
"""Whisper's own bounds for what it has made up: likely no speech, and words it is not sure of."""


class Segment(msgspec.Struct, frozen=True, array_like=True):
    """A few words, or all where no times are told. Seconds from the beginning; `end_s` 0: not known."""

    text: str
    start_s: float = 0.0
    end_s: float = 0.0
    speaker: str = ""


def read_segments(answer: dict[str, Any], start_s: float, seconds: float) -> list[Segment]:
    """Of an answer of any of the formats that are JSON, for a recording that begins at `start_s` of the whole one and
    lasts so many `seconds` (0: not known). Blank ones are left out."""
    told = answer.get("segments")
    listed = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if not listed:
        text = _text(answer)
        end_s = start_s + (seconds or _number(answer.get("duration")))
        return [Segment(text, start_s, end_s if end_s > start_s else 0.0)] if text else []
    return [one for raw in listed if (one := _maybe_segment(raw, start_s, seconds)) is not None]


def _maybe_segment(raw: dict[str, Any], start_s: float, seconds: float) -> Segment | None:
    text = _text(raw)
    if not text or (_number(raw.get("no_speech_prob")) > _NOBODY and _number(raw.get("avg_logprob")) < _UNSURE):
        return None
    first, last = _number(raw.get("start")), _number(raw.get("end"))
    if seconds:  # models lose themselves in what they hear
        first, last = min(first, seconds), min(last, seconds)
    speaker = raw.get("speaker")
    return Segment(text, start_s + first, start_s + max(first, last), speaker if isinstance(speaker, str) else "")


def _text(members: dict[str, Any]) -> str:
    text = members.get("text")
    return " ".join(clean(text).split()) if isinstance(text, str) else ""


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else 0.0


def write_blocks(segments: Sequence[Segment], merge: int | None) -> list[Block]:
    """One for each `merge` segments; 0: one for all; None: paragraphs, which end with a sentence, at a pause, or when
    another one speaks. The lines of the blocks are their numbers."""
    blocks = []
    for number, group in enumerate(_groups(segments, merge), start=1):
        first, last = group[0], group[-1]
        blocks.append(
            Block(
                "text", _write(group), line_from=number, line_to=number, start_s=first.start_s,
                end_s=max(last.end_s, first.start_s),
            )
        )  # fmt: skip
    return blocks


def _write(group: Sequence[Segment]) -> str:
    """Who speaks is named where that changes."""
    turns = []
    for speaker, said in groupby(group, key=lambda segment: segment.speaker):
        text = " ".join(segment.text for segment in said)
        turns.append(f"{speaker}: {text}" if speaker else text)
    return "\n".join(turns) if len(turns) > 1 else turns[0]


def _groups(segments: Sequence[Segment], merge: int | None) -> Iterator[Sequence[Segment]]:
    if merge is None:
        yield from _paragraphs(segments)
        return
    size = merge or max(len(segments), 1)
    for start in range(0, len(segments), size):
        yield segments[start : start + size]


def _paragraphs(segments: Sequence[Segment]) -> Iterator[Sequence[Segment]]:
    held: list[Segment] = []
    length = 0
    for segment in segments:
        if held and _is_over(held[-1], segment, length):
            yield held
            held, length = [], 0
        held.append(segment)
        length += len(segment.text) + 1
    if held:
        yield held


def _is_over(last: Segment, following: Segment, length: int) -> bool:
    if last.speaker != following.speaker or length + len(following.text) > LONGEST:
        return True
    if last.end_s and following.start_s - last.end_s >= PAUSE_S:
        return True
    return length >= LONG and last.text.endswith(_ENDS)
