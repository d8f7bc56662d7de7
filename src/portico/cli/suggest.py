"""Words for the shell's completion that only the server knows: models, projects, assistants.

Completion must never print or fail: what cannot be asked in a moment is simply not suggested.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from portico.sdk.clients.llm import ModelKind

    from .remote import Remote

_PATIENCE_S = 0.5


def suggest_providers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return _ask(
        context, incomplete, lambda remote: [p["name"] for p in remote.run(remote.llm.list_providers())["providers"]]
    )


def suggest_models(kind: ModelKind | None) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completer for the models of one type, or of all."""

    def suggest(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        def names(remote: Remote) -> list[str]:
            found = remote.run(remote.llm.list_providers(models=True, detail="Summary", type=kind))
            return [model["fullName"] for provider in found["providers"] for model in provider["models"]]

        return _ask(context, incomplete, names)

    return suggest


def suggest_projects(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Ids, which is what options and arguments take."""
    return _ask(
        context, incomplete, lambda remote: _members(remote, "/v1/organization/projects", "projects", "projectId")
    )


def suggest_assistants(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of the assistants of the project."""
    return _ask(context, incomplete, _assistants)


def suggest_rag(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of the RAG assistants of the project."""
    return _ask(context, incomplete, _rag_assistants)


def suggest_chat_models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Chat models; and the assistants, as models, once `saia:` is typed."""
    if incomplete.startswith("saia:s"):
        return _ask(context, incomplete, lambda remote: [f"saia:search:{name}" for name in _rag_assistants(remote)])
    if incomplete.startswith("saia:"):
        return _ask(context, incomplete, lambda remote: [f"saia:assistant:{name}" for name in _assistants(remote)])
    return suggest_models("Chat")(context, parameter, incomplete)


def _assistants(remote: Remote) -> list[str]:
    return _members(remote, "/v1/organization/assistants", "assistants", "assistantName")


def _rag_assistants(remote: Remote) -> list[str]:
    return _members(remote, "/v1/search/profiles", "searchProfiles", "name")


def _members(remote: Remote, path: str, listing: str, member: str) -> list[str]:
    from portico.sdk.call import get

    return [str(item[member]) for item in remote.send(get(path))[listing]]


def _ask(context: click.Context, incomplete: str, names: Callable[[Remote], list[str]]) -> list[str]:
    with suppress(Exception):
        from .remote import opened

        with context.scope(cleanup=False), opened(max_retries=0, timeout_s=_PATIENCE_S) as remote:
            remote.patience_s = _PATIENCE_S
            return sorted(name for name in names(remote) if name.startswith(incomplete))
    return []
