"""Files in and out of the SDK: pictures of the caller as data URLs, files of an answer onto the disk."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import field

from portico.sdk.call import Answer, Call
from portico.sdk.errors import InvalidAnswer, PorticoError
from portico.sdk.failures import read_failure
from portico.wire import audio, images, videos
from portico.wire.media import MediaFile

Picture = str | bytes | os.PathLike[str]
"""An address, a data URL, the name of a file, or the bytes themselves."""
_MAGIC = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"), (b"RIFF", "image/webp"))
M = TypeVar("M", bound=MediaFile)


class Saved:
    """What can be written to the disk as it is."""

    def save(self: Any, path: str | os.PathLike[str]) -> Path:
        """Writes the file and gives its path. Raises PorticoError when only an address of it came."""
        return write_file(read_content(self), path)


class Image(images.Image, Saved):
    """One picture. `image.save("boat.png")`"""


class ImageList(images.ImageList):
    """The pictures of one request: `data`."""

    data: list[Image] = field(default_factory=list)  # type: ignore[assignment]


class Speech(audio.Speech, Saved):
    """A text that was spoken. `speech.save("talk.mp3")`"""


class Video(videos.Video, Saved):
    """How far a film is; complete, it can be saved."""


def read_content(file: MediaFile) -> bytes:
    """The bytes that came with the answer. Raises PorticoError."""
    try:
        content = file.content()
    except ValueError:
        raise InvalidAnswer("The server's answer holds a file that is no base64.") from None
    if content is not None:
        return content
    if file.url:
        raise PorticoError(
            f"Only the address of the file came: {file.url[:200]}",
            hint="`save(file, path)` of the section fetches it: client.images, client.audio, client.videos.",
        )
    raise PorticoError("There is no file in this answer.")


def fetch_call(file: MediaFile) -> Call | None:
    """The download that `file` still needs, without our credentials; None when its bytes are here.

    Raises PorticoError for an address that is not of the web, such as gs://bucket/film.mp4.
    """
    if file.b64_json or not file.url or file.url.startswith("data:"):
        return None
    if not file.url.startswith(("https://", "http://")):
        raise PorticoError(f"The file lies at {file.url[:200]}, which only tools of the provider can read.")
    return Call("GET", file.url, headers={"Accept": "*/*"}, with_credentials=False)


def read_download(answer: Answer) -> bytes:
    """The bytes of a download. Raises ApiError."""
    if answer.status >= 300:
        raise read_failure(answer)
    return answer.body


def write_file(content: bytes, path: str | os.PathLike[str]) -> Path:
    """Writes whole or not at all: a full disk leaves no half picture under the name."""
    target = Path(path).expanduser()
    half = target.with_name(f".{target.name}.part")
    try:
        half.write_bytes(content)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return target


def as_url(picture: Picture) -> str:
    """A picture as what the API takes: an address or a data URL. Raises PorticoError for what cannot be read."""
    if isinstance(picture, str) and picture.startswith(("data:", "https://", "http://", "gs://")):
        return picture
    data = read_file(picture)
    return f"data:{picture_type(data)};base64,{b64encode(data).decode()}"


def as_urls(pictures: Picture | Sequence[Picture]) -> str | list[str]:
    """One or several."""
    if isinstance(pictures, str | bytes | os.PathLike):
        return as_url(pictures)
    return [as_url(picture) for picture in pictures]


def read_file(given: Picture) -> bytes:
    """The bytes of a file, or the bytes that were given. Raises PorticoError."""
    if isinstance(given, bytes):
        return given
    try:
        return Path(given).expanduser().read_bytes()
    except OSError as error:
        raise PorticoError(f"{os.fspath(given)[:200]} cannot be read: {error.strerror}.") from None


def picture_type(data: bytes) -> str:
    """MIME type by the first bytes; PNG for what is not known, so that the server says what is wrong with it."""
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), "image/png")
