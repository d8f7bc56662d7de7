"""Source code and other texts for machines: a block for each piece between blank lines that begins at the margin."""

from __future__ import annotations

from portico.server.retrieval.parsing.pile import Pile


def read_code(text: str, pile: Pile) -> None:
    begun, lines = 0, text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for place in range(1, len(lines) + 1):
        is_border = place == len(lines) or (
            not lines[place - 1].strip() and lines[place][:1].strip() not in {"", "}", ")"}
        )
        if is_border:
            _put(lines, begun, place, pile)
            begun = place


def _put(lines: list[str], begun: int, end: int, pile: Pile) -> None:
    while begun < end and not lines[begun].strip():
        begun += 1
    while end > begun and not lines[end - 1].strip():
        end -= 1
    pile.add("text", "\n".join(lines[begun:end]), lines=(begun + 1, end))
