"""The bytes of files, under keys: in a folder of this host, or in a bucket of any S3-compatible store."""

from portico.server.storage.blobs.base import BlobMissing, Blobs, Found, Stored
from portico.server.storage.blobs.opening import open_blobs

__all__ = ["BlobMissing", "Blobs", "Found", "Stored", "open_blobs"]
