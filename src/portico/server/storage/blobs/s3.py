"""Blobs in a bucket: large ones in parts, so that one part is in memory; a broken upload is taken back."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from xml.sax.saxutils import escape

from portico.server.storage.blobs.base import Found, Stored, check_key, is_key
from portico.server.storage.blobs.s3_request import S3Requests, elements, maybe_text, refusal

PART_BYTES = 8 * 1024 * 1024
"""At most 10,000 parts are allowed: files of up to 80 GB."""


class S3Blobs:
    """A bucket, all of it or what begins with `prefix` ("" or "portico/")."""

    def __init__(self, requests: S3Requests, prefix: str = "") -> None:
        self._requests = requests
        self._prefix = prefix

    async def put(self, key: str, content: AsyncIterator[bytes]) -> Stored:
        """See `Blobs.put`. What fits in one part goes in one request."""
        name, digest, size, waiting = self._name(key), hashlib.sha256(), 0, bytearray()
        upload: _Upload | None = None
        try:
            async for data in content:
                size += len(data)
                waiting += data
                if len(waiting) >= PART_BYTES:
                    upload = upload or await _Upload.begin(self._requests, name)
                    full, waiting = bytes(waiting), bytearray()
                    await asyncio.to_thread(digest.update, full)
                    await upload.add(full)
            digest.update(waiting)
            if upload is None:
                await self._requests.send("PUT", name, body=bytes(waiting))
            else:
                if waiting:
                    await upload.add(bytes(waiting))
                await upload.complete()
                upload = None
        finally:
            if upload is not None:
                await asyncio.shield(asyncio.ensure_future(upload.abort()))
        return Stored(size, digest.digest())

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """See `Blobs.read`."""
        if end is not None and end <= start:
            return
        wanted = {"range": f"bytes={start}-{'' if end is None else end - 1}"} if start or end is not None else {}
        async for piece in self._requests.read(self._name(key), wanted):
            yield piece

    @asynccontextmanager
    async def as_file(self, key: str) -> AsyncIterator[Path]:
        """See `Blobs.as_file`; it is a copy."""
        with tempfile.NamedTemporaryFile(prefix="portico-") as file:
            async for piece in self.read(key):
                await asyncio.to_thread(file.write, piece)
            file.flush()
            yield Path(file.name)

    async def delete(self, keys: Iterable[str]) -> None:
        """See `Blobs.delete`."""
        for key in keys:
            await self._requests.send("DELETE", self._name(key), expected=(200, 204, 404))

    async def list_all(self) -> AsyncIterator[Found]:
        """See `Blobs.list_all`."""
        query = {"list-type": "2", "prefix": self._prefix}
        while True:
            reply = await self._requests.send("GET", "", query)
            for item in elements(reply.body, "Contents"):
                fields = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
                key = fields["Key"].removeprefix(self._prefix)
                if is_key(key):
                    yield Found(key, _moment(fields["LastModified"]))
            token = maybe_text(reply.body, "NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    async def tidy(self, older_than_s: float) -> int:
        """See `Blobs.tidy`: uploads in parts that nobody has ended, by the store's own list."""
        before = datetime.now().timestamp() - older_than_s
        reply = await self._requests.send("GET", "", {"uploads": "", "prefix": self._prefix})
        ended = 0
        for item in elements(reply.body, "Upload"):
            fields = {child.tag.rpartition("}")[2]: child.text or "" for child in item}
            if _moment(fields["Initiated"]) < before:
                await _Upload(self._requests, fields["Key"], fields["UploadId"]).abort()
                ended += 1
        return ended

    async def maybe_free_bytes(self) -> int | None:
        """A bucket has no end that it tells of."""
        return None

    async def close(self) -> None:
        await self._requests.close()

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)


class _Upload:
    """One upload in parts."""

    def __init__(self, requests: S3Requests, name: str, upload_id: str) -> None:
        self._requests, self._name, self._id = requests, name, upload_id
        self._tags: list[str] = []

    @classmethod
    async def begin(cls, requests: S3Requests, name: str) -> _Upload:
        reply = await requests.send("POST", name, {"uploads": ""})
        upload_id = maybe_text(reply.body, "UploadId")
        if not upload_id:
            raise refusal(reply)
        return cls(requests, name, upload_id)

    async def add(self, data: bytes) -> None:
        query = {"partNumber": str(len(self._tags) + 1), "uploadId": self._id}
        reply = await self._requests.send("PUT", self._name, query, data)
        self._tags.append(reply.headers.get("etag", ""))

    async def complete(self) -> None:
        """The store may say 200 and an error: it begins its answer before it has put the parts together."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
            for number, tag in enumerate(self._tags, 1)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        reply = await self._requests.send("POST", self._name, {"uploadId": self._id}, body)
        if maybe_text(reply.body, "ETag") is None:
            raise refusal(reply)

    async def abort(self) -> None:
        await self._requests.send("DELETE", self._name, {"uploadId": self._id}, expected=(200, 204, 404))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
