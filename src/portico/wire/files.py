"""Files of a project: `/v1/files`. The list writes its members with a capital D, all others do not."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tolerant import Shape


class Uploaded(Shape, rename="camel"):
    """Answer of `POST /v1/files`."""

    data_file_id: str
    data_file_url: str = ""
    success: bool = True


class FileData(Shape, rename="camel"):
    """Answer of `GET /v1/files/{fileId}`. Times are in UTC; `expires_at` is absent for a file in a folder.

    `dataFolder`, `contentType`, `sha256` (hex) and the times are our own additions.
    """

    data_file_id: str
    data_file_name: str = ""
    data_file_extension: str = ""
    data_file_purpose: str = ""
    data_file_size: int = 0
    data_file_url: str = ""
    organization_id: str = ""
    project_id: str = ""
    folder: str = ""
    content_type: str = ""
    sha256: str = ""
    created_at: str = ""
    updated_at: str = ""
    expires_at: str | UnsetType = UNSET
    success: bool = True


class FileItem(Shape, rename="pascal"):
    """One file of the list."""

    data_file_id: str
    data_file_name: str = ""
    data_file_extension: str = ""
    data_file_purpose: str = ""
    data_file_size: int = 0
    data_file_url: str = ""
    folder: str = field(default="", name="folder")
    content_type: str = field(default="", name="contentType")
    updated_at: str = field(default="", name="updatedAt")
    expires_at: str | UnsetType = field(default=UNSET, name="expiresAt")


class FileList(Shape, rename="camel"):
    """Answer of `GET /v1/files/all`, newest content first."""

    data_files: list[FileItem] = field(default_factory=list)


class FileContent(Shape):
    """Answer of `GET /v1/files/{fileId}/content`: text as it is, anything else in base64.

    `encoding` (our own addition) says which: "text" or "base64".
    """

    content: str
    encoding: str = "text"


class FileDeleted(Shape):
    """Answer of `DELETE /v1/files/{fileId}`."""

    success: bool = True
