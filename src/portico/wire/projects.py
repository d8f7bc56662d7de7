"""Projects of an organization. The server writes these shapes, the SDK reads them."""

from __future__ import annotations

from msgspec import UNSET, UnsetType, field

from portico.wire.tokens import ApiToken
from portico.wire.tolerant import Shape
from portico.wire.usage_limits import UsageLimit


class SearchProfile(Shape):
    """A RAG assistant of a project, as the project names it."""

    name: str = ""
    description: str = ""


class Project(Shape, rename="camel"):
    """One project. `project_status`: 0 active, 2 hidden.

    A listing has the five members of the project alone. `tokens` stand in the answer that creates the project, with
    their secrets, and nowhere else; `usage_limit` is absent when none is in force.
    """

    project_id: str
    project_name: str = ""
    project_description: str = ""
    project_active: bool = True
    project_status: int = 0
    organization_id: str | UnsetType = UNSET
    organization_name: str | UnsetType = UNSET
    search_profiles: list[SearchProfile] | UnsetType = UNSET
    usage_limit: UsageLimit | UnsetType = UNSET
    tokens: list[ApiToken] | UnsetType = UNSET


class ProjectList(Shape):
    """Answer of `GET /v1/organization/projects`."""

    projects: list[Project] = field(default_factory=list)


class DeletedProject(Shape, rename="camel"):
    """Answer of `DELETE /v1/organization/project/{id}`: what was removed with it, counted by noun."""

    project_id: str
    project_name: str = ""
    removed: dict[str, int] = field(default_factory=dict)


class Plugin(Shape, rename="camel"):
    """An assistant, as a client shows it in a list to choose from."""

    plugin_id: str
    plugin_name: str = ""
    plugin_description: str = ""
    plugin_type: str = ""
    share_scope: str = "Project"
    streams: bool = True
    can_regenerate_answer: bool = True
    can_show_preview: bool = False
    full_conversation: bool = True
    max_output_tokens: int = 0
    must_trigger_initial_message: bool = False
    supports_raw_html: bool = field(default=False, name="supportsRawHtml")
    upload_files: bool = False
    upload_max_file_count: int = 0
    upload_max_file_size: int = 0


class PluginList(Shape):
    """Answer of `GET /v1/plugins`."""

    plugins: list[Plugin] = field(default_factory=list)
