"""Files by their first bytes."""

from __future__ import annotations

import pytest

from portico.server.kit.media_types import sniff, sniff_picture


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", ""),
        (b"<svg", ""),
        (b"", ""),
    ],
)
def test_pictures(data: bytes, kind: str) -> None:
    assert sniff_picture(data) == sniff(data) == kind


def test_a_pdf_is_no_picture() -> None:
    assert (sniff(b"%PDF-1.7\n"), sniff_picture(b"%PDF-1.7\n")) == ("application/pdf", "")
