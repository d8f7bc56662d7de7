"""Kinds that kreuzberg reads for us (odt, odp, rtf, doc, ppt, msg): its Markdown to blocks."""

from __future__ import annotations

from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.marked import read_marked
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.zipped import check_zip

_TYPES = {
    "odt": "application/vnd.oasis.opendocument.text",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "rtf": "application/rtf",
    "doc": "application/msword",
    "ppt": "application/vnd.ms-powerpoint",
    "msg": "application/vnd.ms-outlook",
}


def read_foreign(path: Path, kind: str, pile: Pile) -> None:
    """Raises Unreadable."""
    from kreuzberg import ConcurrencyConfig, ExtractionConfig, KreuzbergError, extract_bytes_sync

    check_zip(path)
    # Nothing may be kept on disk, no model fetched; the process may write no file in any case.
    config = ExtractionConfig(use_cache=False, output_format="markdown", concurrency=ConcurrencyConfig(max_threads=1))
    try:
        result = extract_bytes_sync(path.read_bytes(), _TYPES[kind], config)
    except KreuzbergError as error:
        text = " ".join(str(error).split())
        if "assword" in text or "ncrypt" in text:
            raise Unreadable("it is protected by a password") from None
        raise Unreadable(f"it is no {kind.upper()} file that can be read: {text[:200]}") from None
    read_marked(result.content, pile, "markdown")
