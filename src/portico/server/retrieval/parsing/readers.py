"""One reader for each kind of file, loaded when it is needed: a text must not wait for what reads a PDF."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from portico.server.retrieval.blocks import ReadyChunk
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.kinds import PLAIN, Kind
from portico.server.retrieval.parsing.orders import Order
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.sniff import find_kind

_FINE = "The strategy hi_res asks for a vision model; none was used, the text was taken from the file."


def read(order: Order, pile: Pile) -> tuple[ReadyChunk, ...] | None:
    """Fills the pile, or returns the chunks of a `.custom` file. Raises Unreadable."""
    path = Path(order.path)
    kind = find_kind(path, order.kind)
    if order.options.strategy == "hi_res":
        pile.skipped.append(_FINE)
    if kind == "custom":
        from portico.server.retrieval.parsing.custom import read_custom
        from portico.server.retrieval.parsing.plain import read_plain

        return read_custom(read_plain(path), order.characters)
    if kind in PLAIN:
        _read_plain(kind, path, order, pile)
    elif kind in {"pdf", "picture"}:
        _read_scanned(kind, path, order, pile)
    elif kind in {"odt", "odp", "rtf", "doc", "ppt", "msg"}:
        from portico.server.retrieval.parsing.foreign import read_foreign

        read_foreign(path, kind, pile)
    else:
        _read_structured(kind, path, order, pile)
    return None


def _read_plain(kind: Kind, path: Path, order: Order, pile: Pile) -> None:
    from portico.server.retrieval.parsing.plain import read_plain

    text, as_rows = read_plain(path), order.options.structure == "table"
    match kind:
        case "markdown" | "rst" | "org" | "text":
            from portico.server.retrieval.parsing.marked import read_marked

            read_marked(text, pile, kind)
        case "csv" | "tsv":
            from portico.server.retrieval.parsing.tables import read_csv

            read_csv(text, pile, tabs=kind == "tsv", as_rows=as_rows)
        case "json" | "jsonl":
            from portico.server.retrieval.parsing.records import read_json, read_json_lines

            (read_json if kind == "json" else read_json_lines)(text, pile, as_rows=as_rows)
        case _:
            from portico.server.retrieval.parsing.code import read_code

            read_code(text, pile)


def _read_structured(kind: Kind, path: Path, order: Order, pile: Pile) -> None:
    match kind:
        case "html":
            from portico.server.retrieval.parsing.html_text import read_html

            read_html(path, pile)
        case "docx":
            from portico.server.retrieval.parsing.docx import read_docx

            read_docx(path, pile)
        case "pptx":
            from portico.server.retrieval.parsing.pptx import read_pptx

            read_pptx(path, pile, order.options)
        case "sheets":
            from portico.server.retrieval.parsing.sheets import read_sheets

            read_sheets(path, pile, order.options)
        case "epub":
            from portico.server.retrieval.parsing.epub import read_epub

            read_epub(path, pile)
        case "mail":
            from portico.server.retrieval.parsing.mail import read_mail

            read_mail(path, pile)
        case _:
            raise Unreadable(f"there is no reader for {kind}")


def _read_scanned(kind: Kind, path: Path, order: Order, pile: Pile) -> None:
    """Words of pictures are not for the file that is quoted to a model whole: there only the text counts."""
    from portico.server.retrieval.parsing.ocr import Scans, allow

    scans_s = 0.0 if order.as_text else order.scans_s
    scans = Scans(pile, scans_s, partial(allow, order.most_memory_bytes, order.scans_s))
    if kind == "pdf":
        from portico.server.retrieval.parsing.pdf import read_pdf

        read_pdf(path, pile, order.options, scans)
    elif order.as_text:
        raise Unreadable("it is a picture")
    else:
        from portico.server.retrieval.parsing.pictures import read_picture

        read_picture(path, pile, order.options, scans)
    scans.tell()
