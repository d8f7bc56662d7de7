"""Rows of assistants to the shapes of the reference, and the difference of two revisions."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

import msgspec

from portico.server.assistants.variables import list_variables
from portico.server.kit.clock import wire_time
from portico.server.storage.assistants import AssistantRow, RevisionRow
from portico.wire.assistants import (
    Assistant,
    AssistantItem,
    AssistantRevision,
    Authentication,
    Intent,
    Metadata,
    RevisionDiff,
    RevisionSettings,
    SettingChange,
    Variable,
    WelcomeData,
)

FindId = Callable[[str, str], str | None]
"""Provider and model to the catalogue's id of the model."""
_read_settings = msgspec.json.Decoder(RevisionSettings).decode


def show(row: AssistantRow, revisions: Iterable[RevisionRow], project_name: str) -> Assistant:
    """The assistant with these of its revisions."""
    shown = Assistant(
        assistant_id=row.assistant_id,
        assistant_name=row.name,
        assistant_description=row.description,
        assistant_status=1 if row.enabled else 2,
        assistant_type=row.type,
        intents=[_intent(row, revisions)],
        project_id=row.project_id,
        project_name=project_name,
    )
    if row.welcome_data is not None:
        shown.welcome_data = msgspec.json.decode(row.welcome_data, type=WelcomeData)
    return shown


def show_item(row: AssistantRow, revisions: Sequence[RevisionRow] | None, find_id: FindId) -> AssistantItem:
    """In a listing; None: id and name only."""
    item = AssistantItem(assistant_id=row.assistant_id, assistant_name=row.name)
    if revisions is not None:
        item.intents = [_intent(row, revisions)]
        for revision in (one for intent in item.intents for one in intent.revisions):
            found = find_id(revision.provider_name, revision.model_name)
            if found is not None:
                revision.model_id = found
    return item


def show_revision(row: RevisionRow) -> AssistantRevision:
    shown = AssistantRevision(
        revision_id=row.revision_id,
        revision_name=row.name,
        revision_description=row.description,
        provider_name=row.provider,
        model_name=row.model,
        prompt=row.prompt,
        timestamp=wire_time(row.created_at),
        metadata=[Metadata(key=key, value=value, type=kind) for key, value, kind in _metadata(row)],
    )
    variables = list_variables(row.prompt)
    if variables:
        shown.variables = [Variable(key=name) for name in variables]
    settings = _read_settings(row.settings)
    if settings.open_api:
        shown.open_api = msgspec.json.decode(settings.open_api)
        shown.authentication = settings.authentication or Authentication()
    return shown


def diff(assistant_id: str, before: RevisionRow, after: RevisionRow) -> RevisionDiff:
    """What is another in `after` than in `before`; the prompt line by line."""
    old, new = _spoken(before), _spoken(after)
    changed = [
        SettingChange(key=key, before=old.get(key), after=new.get(key))
        for key in [*old, *(key for key in new if key not in old)]
        if old.get(key) != new.get(key)
    ]
    names = (f"revision {before.revision_id}", f"revision {after.revision_id}")
    lines = difflib.unified_diff(before.prompt.splitlines(), after.prompt.splitlines(), *names, lineterm="")
    return RevisionDiff(
        assistant_id=assistant_id,
        from_revision=before.revision_id,
        to_revision=after.revision_id,
        changes=changed,
        prompt="\n".join(lines),
    )


def _intent(row: AssistantRow, revisions: Iterable[RevisionRow]) -> Intent:
    return Intent(
        assistant_intent_id=row.intent_id,
        assistant_intent_description=row.description,
        assistant_intent_default_revision=row.active_revision,
        revisions=[show_revision(revision) for revision in revisions],
    )


def _spoken(row: RevisionRow) -> dict[str, str]:
    head = {"providerName": row.provider, "modelName": row.model, "revisionDescription": row.description}
    return {**head, **{key: value for key, value, _ in _metadata(row)}, **_service(row)}


def _service(row: RevisionRow) -> dict[str, str]:
    """What an API assistant says of its service; the document by length and hash, which tell whether it changed."""
    settings = _read_settings(row.settings)
    if not settings.open_api:
        return {}
    document = settings.open_api.encode()
    said = settings.authentication or Authentication()
    return {
        "openApi": f"{len(document)} bytes, sha256 {sha256(document).hexdigest()[:16]}",
        "authentication": " ".join(part for part in (said.type, said.auth_type, said.api_key_secret) if part),
    }


def _metadata(row: RevisionRow) -> list[tuple[str, str, str]]:
    """Key, value and type of every setting that the revision has."""
    settings = _read_settings(row.settings)
    found: list[tuple[str, str, str]] = []
    for name, attribute in zip(settings.__struct_encode_fields__, settings.__struct_fields__, strict=True):
        value = getattr(settings, attribute)
        if isinstance(value, bool):
            found.append((name, "true" if value else "false", "Boolean"))
        elif isinstance(value, int):
            found.append((name, str(value), "Integer"))
        elif isinstance(value, float):
            found.append((name, f"{value:.2f}" if round(value, 2) == value else repr(value), "Decimal"))
    return found
