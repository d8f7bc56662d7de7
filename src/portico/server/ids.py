"""Identifiers of the server: strings that must not be swapped for one another."""

from typing import NewType

OrganizationId = NewType("OrganizationId", str)
ProjectId = NewType("ProjectId", str)
TokenId = NewType("TokenId", str)
RequestId = NewType("RequestId", str)
UserId = NewType("UserId", str)
RoleId = NewType("RoleId", str)
FileId = NewType("FileId", str)
