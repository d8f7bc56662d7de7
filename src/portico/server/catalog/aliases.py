"""Model aliases as somebody wrote them to targets that exist: read, checked against a catalogue, refused by field."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from portico.server.catalog.entry import Model
from portico.server.catalog.find import Catalog
from portico.server.catalog.rows import AliasRow, AliasTargetRow
from portico.server.errors import InvalidModelName, InvalidType, ModelNotFound, PatternMismatch
from portico.wire.model_ref import BareModel, DirectModel, ModelRefError, read_model_ref


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """One target: the model as it was written, and as it is looked up."""

    text: str
    ref: DirectModel | BareModel
    weight: int = 1
    tier: int = 0


def targets_of(row: AliasRow) -> tuple[AliasTarget, ...]:
    """Raises PatternMismatch for what is no `provider/model` and no name of a model."""
    return tuple(_target(target, f"targets[{place}]") for place, target in enumerate(row.targets))


def check_alias(row: AliasRow, catalog: Catalog, aliases: Collection[str]) -> tuple[AliasTarget, ...]:
    """The targets, when each is a model of the catalogue and all are of one type. `aliases`: names in lower case.

    Raises ModelNotFound, InvalidModelName, InvalidType; PatternMismatch for a target that is an alias itself.
    """
    targets = targets_of(row)
    first: Model | None = None
    for place, target in enumerate(targets):
        model = _find(target, catalog, aliases, f"targets[{place}]")
        first = first or model
        if model.type != first.type:
            raise InvalidType(
                f"Invalid Type: {model.full_name} is of type {model.type}, {first.full_name} of type {first.type}",
                param=f"targets[{place}]",
            )
    return targets


def _find(target: AliasTarget, catalog: Catalog, aliases: Collection[str], field: str) -> Model:
    try:
        if isinstance(target.ref, DirectModel):
            return catalog.resolve(target.ref.provider, target.ref.name)
        return catalog.resolve_bare(target.ref.name)
    except (ModelNotFound, InvalidModelName) as error:
        if target.text.lower() in aliases:
            raise PatternMismatch(field, "an alias leads to models, not to another alias") from None
        error.param = field
        raise


def _target(written: str | AliasTargetRow, field: str) -> AliasTarget:
    row = AliasTargetRow(written) if isinstance(written, str) else written
    try:
        ref = read_model_ref(row.model)
    except ModelRefError:
        ref = None
    if not isinstance(ref, DirectModel | BareModel):
        raise PatternMismatch(field, "write a model such as openai/gpt-4o")
    return AliasTarget(row.model, ref, row.weight, row.tier)
