"""A web page to what one reads of it: no scripts, no styles; a line for each block."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from portico.server.retrieval.parsing.plain import decode

_UNSEEN = frozenset({"script", "style", "template", "noscript", "head", "svg", "math", "object"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table",
    "tbody", "tfoot", "thead", "title", "tr", "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th"})
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", re.I)


def read_html(path: Path) -> list[str]:
    data = path.read_bytes()
    reader = _Reader()
    reader.feed(_decode(data))
    reader.close()
    lines = (" ".join(line.split(" ")).strip() for line in "".join(reader.pieces).split("\n"))
    return [re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()]


def _decode(data: bytes) -> str:
    """The page says its own encoding, unless it is UTF-8 anyway."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        told = _CHARSET.search(data[:4096])
    try:
        return data.decode(told[1].decode("ascii"), "replace") if told else decode(data)
    except LookupError:  # an encoding that there is not
        return decode(data)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag in _CELLS:
            self.pieces.append("\t")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.pieces.append(re.sub(r"\s+", " ", data))
