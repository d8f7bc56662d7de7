"""Refusals about organizations, projects and their tokens, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import BadRequest, Conflict, NotFound


class NameEmpty(BadRequest):
    id, text = 2007, "Name is Empty"


class UnexpectedStatus(BadRequest):
    id = 2032

    def __init__(self, status: str) -> None:
        super().__init__(
            f"The status value is unexpected. Cannot update: [ {status} ] is not a valid status", param="status"
        )


class OrganizationNotFound(NotFound):
    id, text = 2004, "Organization Not Found"


class ProjectNotFound(NotFound):
    id, text = 2005, "Project Not Found"


class ProjectNotInOrganization(NotFound):
    """A path names a project of somebody else, or none; a header that does so is ForeignProject (403)."""

    id, text = 2006, "Project not in Organization"


class OrganizationNameTaken(Conflict):
    id, text = 2003, "OrganizationName Already Exists"


class ProjectExists(Conflict):
    """On creation."""

    id = 2002

    def __init__(self, name: str) -> None:
        super().__init__(f"ProjectName {name} Already Exists In The Organization", param="name")


class ProjectNameTaken(Conflict):
    """On renaming."""

    id, text = 2029, "Project name already exists"


class TokenExists(Conflict):
    id = 4002

    def __init__(self, name: str) -> None:
        super().__init__(f"Token ‘{name}’ already exists [name={name}].", param="name")
