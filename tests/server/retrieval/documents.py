"""Documents of every kind, made here: no larger than what a test looks at."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence

from tests.files import zipped

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PAD = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def paragraph(text: str, style: str = "", more: str = "") -> str:
    head = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{head}{more}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def docx(body: str, styles: Mapping[str, str] | None = None) -> bytes:
    """`styles`: id to name."""
    named = "".join(
        f'<w:style w:styleId="{one}"><w:name w:val="{name}"/></w:style>' for one, name in (styles or {}).items()
    )
    members = {"word/document.xml": f"<w:document {W}><w:body>{body}</w:body></w:document>"}
    if named:
        members["word/styles.xml"] = f"<w:styles {W}>{named}</w:styles>"
    return zipped(members)


def pptx(slides: Sequence[str], notes: str = "") -> bytes:
    """Shapes of slides as XML; shown in the order of the sequence, stored in the opposite one. Notes of the first."""
    space = (
        'xmlns:p="urn:p" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    )
    count = len(slides)
    ids = "".join(f'<p:sldId id="{256 + n}" r:id="r{n}"/>' for n in range(count))
    rels = "".join(
        f'<Relationship Id="r{n}" Type="{_KINDS}/slide" Target="slides/slide{count - n}.xml"/>' for n in range(count)
    )
    members = {
        "ppt/presentation.xml": f"<p:presentation {space}><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{_RELS}">{rels}</Relationships>',
    }
    for n, shapes in enumerate(slides):
        members[f"ppt/slides/slide{count - n}.xml"] = f"<p:sld {space}>{shapes}</p:sld>"
    if notes:
        members[f"ppt/slides/_rels/slide{count}.xml.rels"] = (
            f'<Relationships xmlns="{_RELS}"><Relationship Id="n" Type="{_KINDS}/notesSlide" '
            'Target="../notesSlides/notesSlide1.xml"/></Relationships>'
        )
        members["ppt/notesSlides/notesSlide1.xml"] = f"<p:notes {space}>{shape(notes, 'body')}</p:notes>"
    return zipped(members)


def shape(text: str, holder: str) -> str:
    runs = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text.split("\n"))
    return f'<p:sp><p:nvPr><p:ph type="{holder}"/></p:nvPr><p:txBody>{runs}</p:txBody></p:sp>'


def epub(chapters: Mapping[str, str], order: Sequence[str], head: str = "") -> bytes:
    items = "".join(
        f'<item id="{name}" href="text/{name}.xhtml" media-type="application/xhtml+xml"/>' for name in chapters
    )
    spine = "".join(f'<itemref idref="{name}"/>' for name in order)
    container = '<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/book.opf": f"{head}<package><manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OEBPS/text/{name}.xhtml": f"<html><body>{text}</body></html>" for name, text in chapters.items()},
        }
    )


def odt(*paragraphs: str) -> bytes:
    space = (
        'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
    )
    body = "".join(f"<text:p>{text}</text:p>" for text in paragraphs)
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f"<office:document-content {space}><office:body><office:text>{body}</office:text>"
            "</office:body></office:document-content>",
        }
    )


Run = tuple[str, int, int]
"""A text, the size of its letters, and how far below the line before it stands."""


def placed(x: float, y: float, text: str, size: int = 10) -> str:
    """A text of a page of a PDF where it is to stand, in points from the lower left; of negative size bold."""
    return f"BT /F{2 if size < 0 else 1} {abs(size)} Tf {x} {y} Td ({text}) Tj ET\n"


def mono(x: float, y: float, text: str) -> str:
    return f"BT /F3 10 Tf {x} {y} Td ({text}) Tj ET\n"


def stroke(*lines: tuple[float, float, float, float]) -> str:
    """Straight lines from point to point, each a path of its own."""
    return "".join(f"{a} {b} m {c} {d} l S\n" for a, b, c, d in lines)


def pdf(
    pages: Sequence[Sequence[Run]],
    user_password: str = "",
    *,
    outline: bool = False,
    drawn: Sequence[str] = (),
    rotate: int = 0,
) -> bytes:
    """Lines of Helvetica, those of negative size bold; `outline`: the first line of each page is a mark of it; `drawn`:
    what each page holds after its lines, as `placed` and `stroke` write it."""
    count = len(pages)
    kids = " ".join(f"{6 + 2 * n} 0 R" for n in range(count))
    marks = 6 + 2 * count
    objects: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R" + (f" /Outlines {marks} 0 R".encode() if outline else b"") + b" >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier >>",
    ]
    key, locks = _lock(user_password) if user_password else (b"", b"")
    for n, lines in enumerate(pages):
        written = "".join(
            f"/F{2 if size < 0 else 1} {abs(size)} Tf 0 {-down} Td ({text}) Tj\n" for text, size, down in lines
        )
        stream = f"BT 72 760 Td\n{written}ET\n{drawn[n] if n < len(drawn) else ''}".encode()
        if key:
            stream = _rc4(_object_key(key, 7 + 2 * n), stream)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources"
            + b" << /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >> >>"
            + f" /Rotate {rotate} /Contents {7 + 2 * n} 0 R >>".encode()
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream")
    if outline:
        objects.append(f"<< /First {marks + 1} 0 R /Last {marks + count} 0 R /Count {count} >>".encode())
        for n, lines in enumerate(pages):
            following = f" /Next {marks + n + 2} 0 R" if n + 1 < count else ""
            title = f"<< /Title ({lines[0][0]}) /Parent {marks} 0 R /Dest [{6 + 2 * n} 0 R /Fit]{following} >>"
            objects.append(title.encode())
    return _assemble(objects, locks)


def wrapped_pdf(drawn: str) -> bytes:
    """A page that is drawn by a form, twice as large as that says, which itself is half as large."""
    font = b"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
    stream = b"q 2 0 0 2 20 20 cm /X Do Q"
    form = f"<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Matrix [.5 0 0 .5 0 0] /Length {len(drawn)}"
    return _assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 632 812] /Resources << /XObject << /X 5 0 R >> >>"
            b" /Contents 4 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream",
            form.encode() + b" /Resources << " + font + b" >> >>\nstream\n" + drawn.encode() + b"\nendstream",
        ],
        b"",
    )


def scanned_pdf(grey: bytes, width: int, height: int) -> bytes:
    """A page that is a picture, one byte a dot."""
    tall = 612 * height // width
    stream = f"q 612 0 0 {tall} 0 {792 - tall} cm /I Do Q".encode()
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /XObject << /I 5 0 R >> >>"
    picture = f"/Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray /BitsPerComponent 8"
    return _assemble(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            page + b" /Contents 4 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n".encode() + stream + b"\nendstream",
            f"<< /Type /XObject {picture} /Length {len(grey)} >>\nstream\n".encode() + grey + b"\nendstream",
        ],
        b"",
    )


def _assemble(objects: Sequence[bytes], locks: bytes) -> bytes:
    if locks:
        objects = [*objects, locks]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, text in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + text + b"\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    protected = f" /Encrypt {size - 1} 0 R" if locks else ""
    start = len(out)
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
    identity = "<00112233445566778899aabbccddeeff>"
    out += f"trailer << /Size {size} /Root 1 0 R /ID [{identity} {identity}]{protected} >>\n".encode()
    return bytes(out) + f"startxref\n{start}\n%%EOF".encode()


def _lock(password: str) -> tuple[bytes, bytes]:
    """Key and dictionary of the standard handler, revision 2 (ISO 32000-1, 7.6.3)."""
    padded = (password.encode() + _PAD)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    identity = bytes.fromhex("00112233445566778899aabbccddeeff")
    key = hashlib.md5(padded + owner + (2**32 - 4).to_bytes(4, "little") + identity).digest()[:5]
    user = _rc4(key, _PAD)
    return key, f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{user.hex()}> /P -4 >>".encode()


def _object_key(key: bytes, number: int) -> bytes:
    return hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def drawn(*lines: str, kind: str = "PNG") -> bytes:
    """A picture of text. Needs Pillow."""
    picture = _draw(lines)
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def drawn_grey(*lines: str) -> tuple[bytes, int, int]:
    picture = _draw(lines).convert("L")
    return picture.tobytes(), picture.width, picture.height


def _draw(lines: Sequence[str]):  # type: ignore[no-untyped-def]
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (900, 120 * len(lines) + 80), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(44)
    for place, line in enumerate(lines):
        pen.text((40, 40 + 120 * place), line, fill="black", font=font)
    return picture
