"""Which place for bytes the settings name: the folder `files` in the data folder, or a bucket."""

from __future__ import annotations

from portico.server.errors import StartError
from portico.server.settings import Secret, Settings
from portico.server.storage.blobs.base import Blobs
from portico.server.storage.blobs.folder import FolderBlobs


def open_blobs(settings: Settings) -> Blobs:
    """Raises StartError, naming the setting that is missing."""
    if not settings.files_bucket_url:
        return FolderBlobs(settings.data_dir / "files")
    from portico.server.storage.blobs.s3 import S3Blobs
    from portico.server.storage.blobs.s3_request import Bucket, S3Requests

    access_key, secret_key = settings.files_bucket_access_key, settings.files_bucket_secret_key
    if not access_key or not secret_key:
        missing = "SECRET_KEY" if access_key else "ACCESS_KEY"
        raise StartError(f"PORTICO_FILES_BUCKET_URL is set and PORTICO_FILES_BUCKET_{missing} is not")
    bucket = Bucket(
        settings.files_bucket_url,
        settings.files_bucket_region,
        access_key,
        secret_key,
        settings.files_bucket_session_token or Secret(""),
    )
    return S3Blobs(S3Requests(bucket), settings.files_bucket_prefix)
