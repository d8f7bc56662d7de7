"""A mail (eml) to blocks: its head, its text, and what is attached by name."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.html_text import decode_html, put_html
from portico.server.retrieval.parsing.marked import read_marked
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.plain import decode

_HEADERS = ("From", "To", "Cc", "Date")
_PARTS_LIMIT = 2000


def read_mail(path: Path, pile: Pile) -> None:
    """The plain text where there is one, else that of its web page. Raises Unreadable."""
    message = BytesParser(policy=policy.default).parsebytes(path.read_bytes())
    assert isinstance(message, EmailMessage)
    if not message.keys():
        raise Unreadable("it is no mail: it has no head")
    pile.add("title", _header(message, "Subject"), 1)
    head = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    pile.add("text", "\n".join(head))
    body = message.get_body(preferencelist=("plain", "html"))
    if body is not None:
        content = body.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        if body.get_content_subtype() == "html":
            put_html(decode_html(data), pile)
        else:
            read_marked(_decode(data, body.get_content_charset()), pile, "text")
    names = [name for part in _parts(message) if (name := part.get_filename())]
    pile.add("text", f"Attached: {', '.join(names)}" if names else "")


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except Exception:  # the parser of headers raises what it likes
        return ""


def _parts(message: EmailMessage) -> list[EmailMessage]:
    found = []
    for part in message.walk():
        if isinstance(part, EmailMessage) and part.is_attachment():
            found.append(part)
        if len(found) >= _PARTS_LIMIT:
            break
    return found


def _decode(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        return decode(data)
