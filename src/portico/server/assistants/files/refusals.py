"""Refusals about files, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import BadRequest, NotFound


class NoProjectFiles(BadRequest):
    id, text = 44, "The selected project does not have any associated files."


class FileNameUnknown(BadRequest):
    id, text = 48, "Not Found File With This Name, please verify the fileName in the pattern"


class InvalidOrganization(BadRequest):
    id, text = 2001, "Invalid OrganizationId"


class DocumentNotFound(NotFound):
    id, text = 2021, "Document Not Found"


class DocumentNameMissing(BadRequest):
    id, text = 2025, "Document Name Not Provided"


class InvalidFileSize(BadRequest):
    """An empty file."""

    id, text = 2028, "Invalid File Size"
