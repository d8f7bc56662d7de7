"""The passages that an answer rests on, as lines on standard error or as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

from .errors import RequestFailed
from .output import note, one_line

Source = Mapping[str, Any]
_SHOWN = 200


def tell_sources(sources: Sequence[Source]) -> None:
    """A line for each place, once, in the order of the passages; nothing when there are none."""
    places: dict[str, list[str]] = {}
    for source in sources:
        places.setdefault(place_of(source), []).append(score_of(source))
    if places:
        note("Sources:")
    for number, (place, scores) in enumerate(places.items(), start=1):
        known = [score for score in scores if score]
        note(f"[{number}] {place}" + (f" ({', '.join(known)})" if known else ""))


def tell_messages(messages: Sequence[str]) -> None:
    """What the search had to do without, though it found something."""
    for message in messages:
        note(f"note: {message}")


def nothing_found(name: str, messages: Sequence[str], *, filtered: bool = False) -> RequestFailed:
    """The error of a RAG assistant that had no passage to answer from; `filtered`: by the filters of the request."""
    fits = ", does one of them fit --filter" if filtered else ""
    return RequestFailed(
        f"{name} has no answer: {'; '.join(messages) or 'no passage fits'}",
        f"Are its documents searchable (portico rag documents status {quote(name)}){fits}, and is --score-threshold low"
        " enough?",
    )


def place_of(source: Source) -> str:
    """Document; page, lines or time; and address where it has one."""
    from portico.sdk.rag_answers import RagSource
    from portico.wire.tolerant import read_shape

    one = read_shape(RagSource, source)
    where = f", page {one.page}" if one.page is not None else ""
    if not where and one.lines:
        where = f", lines {one.lines[0]}-{one.lines[1]}"
    if not where and one.times:
        where = f", at {_clock(one.times[0])}-{_clock(one.times[1])}"
    return f"{one.name or one.document_id or 'a document without name'}{where}" + (f" {one.url}" if one.url else "")


def _clock(seconds: int) -> str:
    """As players show it: 4:07, 1:02:30."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def score_of(source: Source) -> str:
    score = source.get("score")
    return f"{score:.2f}" if isinstance(score, int | float) else ""


def text_of(source: Source) -> str:
    """The beginning of the passage, as one line."""
    text = one_line(str(source.get("pageContent") or ""))
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1].rstrip() + "…"
