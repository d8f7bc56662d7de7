"""What a recording is, by its first bytes and not by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from portico.server.retrieval.media.containers import find_container, is_film
from portico.server.retrieval.parsing.failure import Unreadable
from tests.recordings import wav


@pytest.mark.parametrize(
    ("head", "extension", "is_sent"),
    [
        (wav(b"\0\0"), "wav", True),
        (b"RIFF\0\0\0\0AVI LIST", "avi", False),
        (b"ID3\x04\0\0\0\0\0\0", "mp3", True),
        (b"\xff\xfb\x90\x64" + bytes(20), "mp3", True),
        (b"\xff\xf1\x50\x80" + bytes(20), "aac", False),
        (b"OggS\0\x02", "ogg", True),
        (b"fLaC\0\0\0\x22", "flac", True),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "m4a", True),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "mp4", True),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "mov", False),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov", False),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x88matroska", "mkv", False),
        (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "webm", True),
    ],
)
def test_the_first_bytes_tell(tmp_path: Path, head: bytes, extension: str, is_sent: bool) -> None:
    path = tmp_path / "upload"
    path.write_bytes(head)
    found = find_container(path)
    assert (found.extension, found.is_sent) == (extension, is_sent)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "empty"), (b"x", "no sound"), (b"#EXTM3U\nfile:///etc/passwd", "no sound"), (b"%PDF-1.7", "no sound")],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(content)
    with pytest.raises(Unreadable, match=why):
        find_container(path)


def test_films_are_told_by_their_names() -> None:
    assert is_film("talk.MP4") and is_film("a.b.mkv")
    assert not is_film("talk.mp3") and not is_film("mp4.wav")
