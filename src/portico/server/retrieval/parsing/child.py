"""The process that reads one file: kind, path and bounds as arguments, JSON with `pages` or a `failure` on stdout.

It bounds itself before it looks at the file: memory, time, no file may be written, no process begun.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable


def main(kind: str, path: str, memory_bytes: str, time_s: str, characters: str) -> int:
    _bound(int(memory_bytes), int(time_s))
    try:
        pages = _read(kind, Path(path))
        if sum(map(len, pages)) > int(characters):
            raise Unreadable(f"it holds more than {characters} characters")
        answer: dict[str, object] = {"pages": [_clean(page) for page in pages]}
    except Unreadable as error:
        answer = {"failure": str(error)}
    except MemoryError:
        answer = {"failure": "reading it takes more memory than one file may have"}
    except Exception as error:  # parsers raise what they like at a broken file
        answer = {"failure": f"it is damaged: {type(error).__name__}"}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    return 0


def _read(kind: str, path: Path) -> list[str]:
    match kind:
        case "pdf":
            from portico.server.retrieval.parsing.pdf import read_pdf

            return read_pdf(path)
        case "docx" | "pptx":
            from portico.server.retrieval.parsing.office import read_docx, read_pptx

            return read_docx(path) if kind == "docx" else read_pptx(path)
        case "sheets":
            from portico.server.retrieval.parsing.sheets import read_sheets

            return read_sheets(path)
        case "html":
            from portico.server.retrieval.parsing.html_text import read_html

            return read_html(path)
        case "text":
            from portico.server.retrieval.parsing.plain import read_plain

            return [read_plain(path)]
    raise Unreadable(f"no reader for {kind}")


def _bound(memory_bytes: int, time_s: int) -> None:
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, time_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        soft = most if (hard := resource.getrlimit(what)[1]) == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (soft, soft if what != resource.RLIMIT_CPU else hard))


def _clean(text: str) -> str:
    """As PostgreSQL and JSON can hold it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
