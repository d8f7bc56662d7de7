"""Refusals about organizations, projects and their tokens, with the ids and texts of the reference's error list."""

from __future__ import annotations

from portico.server.errors import BadRequest, Conflict, FieldRequired, NotFound, OutOfRange


class NameEmpty(BadRequest):
    id, text = 2007, "Name is Empty"


class TokenNameEmpty(NameEmpty):
    """The official clients wait for the words of the reference server, `%1` included; so below."""

    text = "Name is Empty. Input data is missing (required %1) Name"

    def __init__(self) -> None:
        super().__init__(param="name")


class TokenNameTooLong(OutOfRange):
    """The reference server says no more than `Not Found` here."""

    def __init__(self, longest: int) -> None:
        super().__init__("name", f"at most {longest} characters (Not Found)")


class DescriptionEmpty(FieldRequired):
    def __init__(self) -> None:
        super().__init__("description", "Input data is missing (required %1) Description")


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


class InvalidProjectName(BadRequest):
    """There is a name, and no project can have it."""

    id, text = 2000, "Invalid ProjectName"


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
        super().__init__(f"Token ‘name’ already exists [name={name}].", param="name")


class RoleNotFound(NotFound):
    def __init__(self, name_or_id: str) -> None:
        super().__init__(f"Not Found, Role [{name_or_id}]", param="roles")


class RoleInUse(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"Conflict: the role {name} is in use; remove its members first", param="role")


class SystemRole(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"Conflict: {name} is a role of the system; only roles that users made change", param="role")


class RoleExists(Conflict):
    id = 4002

    def __init__(self, name: str) -> None:
        super().__init__(f"Role already exists [name={name}].", param="name")


class EmailNotFound(NotFound):
    """Nobody with this address, or id, is known where the caller may look."""

    def __init__(self, named: str) -> None:
        super().__init__(f"Not Found, Email [{named}]", param="email")


class NoOrganizations(NotFound):
    text = "No Organizations found matching the search criteria."


class PseudoMember(OutOfRange):
    def __init__(self, field: str) -> None:
        super().__init__(field, "a whole domain cannot be a member here; invite persons, or map a group of the sign-in")


MISMATCH = "Organization or Project mismatch: verify the provided authorization"


class NoProjectChosen(FieldRequired):
    """The official clients wait for the words of the reference server, `%1` included."""

    def __init__(self) -> None:
        super().__init__("project-id", f"Input data is missing (required %1) project-id. {MISMATCH}")


class SecretExists(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"Conflict: the project has a secret '{name}' already", param="secretDefinition.name")


class SecretNotUsable(NotFound):
    """A tool names a secret that the project does not have, or that is not active."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Secret '{name}' does not exist, or is not active.")
