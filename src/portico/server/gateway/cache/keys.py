"""A caller, a model and a request to the key of its answer: tenant (32 bytes) and SHA-256 of all that decides it.

Members may stand in any order and with any white space, at every depth, up to `NORMAL_BYTES`; beyond, what stands
within a member counts as it was written, because parsing it would cost more than it finds.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from uuid import UUID

import msgspec

from portico.server.access.caller import Caller
from portico.server.catalog.entry import Model
from portico.server.ids import OrganizationId, ProjectId
from portico.wire.requests import NULL, ChatRequest

NORMAL_BYTES = 16 * 1024
TENANT_BYTES = 32
IGNORED = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "store", "stream", "stream_options", "user"})
"""Members that do not change what a model answers: how it is delivered, and who is meant to have asked."""
LIVE_MEMBERS = frozenset(
    {"enable_search", "mcp_servers", "plugins", "search_options", "search_parameters", "web_search",
     "web_search_options"}
)  # fmt: skip
"""Members that let a provider look something up: the answer is true today only."""
LIVE_PROVIDERS = frozenset({"perplexity"})
LIVE_NAMES = ("-search", ":online", "deep-research", "groq/compound", "sonar")

_sorted = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder().decode


class _Tool(msgspec.Struct):
    type: str | None = None
    function: dict[str, msgspec.Raw] | None = None


_decode_tools = msgspec.json.Decoder(list[_Tool]).decode


class Keys:
    """Makes keys. `epochs` says how often a project has forgotten its answers, so that older keys fit no longer."""

    def __init__(self) -> None:
        self._epochs: dict[ProjectId, int] = {}
        self._tenants: dict[tuple[OrganizationId, ProjectId | None], tuple[bytes, bytes] | None] = {}
        self._models: dict[tuple[str, str], bytes | None] = {}

    def put_epochs(self, epochs: Mapping[ProjectId, int]) -> None:
        for project_id, epoch in epochs.items():  # an older answer of the database must not undo a newer one
            self._epochs[project_id] = max(epoch, self._epochs.get(project_id, 0))
        self._tenants.clear()

    def chat(self, caller: Caller, model: Model, request: ChatRequest, salt: bytes) -> bytes | None:
        tenant = self._tenant(caller)
        head = self._model(model)
        members = request.members
        if tenant is None or head is None or not LIVE_MEMBERS.isdisjoint(members) or _has_live_tools(members):
            return None
        if not IGNORED.isdisjoint(members):
            members = {name: value for name, value in members.items() if name not in IGNORED}
        prefix, epoch = tenant
        effort = b"%b\0%b\0" % (request.effort.encode(), b"" if request.budget is None else b"%d" % request.budget)
        told = b"".join((b"chat\0", epoch, head, effort, b"%d\0" % len(salt), salt, _normal(members)))
        return prefix + sha256(told).digest()

    def embedding(
        self,
        caller: Caller,
        model: Model,
        element: str,
        dimensions: int | None,
        input_type: str | None,
        place: str,
    ) -> bytes | None:
        tenant = self._tenant(caller)
        if tenant is None:
            return None
        prefix, epoch = tenant
        told = _sorted([model.full_name, model.upstream_name, dimensions, input_type, element, place])
        return prefix + sha256(b"embedding\0" + epoch + told).digest()

    def _tenant(self, caller: Caller) -> tuple[bytes, bytes] | None:
        """The two ids as bytes, and the epoch; None without a project."""
        place = (caller.organization_id, caller.project_id)
        try:
            return self._tenants[place]
        except KeyError:
            made = None
            if caller.project_id is not None:
                prefix = UUID(caller.organization_id).bytes + UUID(caller.project_id).bytes
                made = prefix, b"%d\0" % self._epochs.get(caller.project_id, 0)
            self._tenants[place] = made
            return made

    def _model(self, model: Model) -> bytes | None:
        """What names the model; None for those that search the web by themselves."""
        place = (model.full_name, model.upstream_name)
        try:
            return self._models[place]
        except KeyError:
            if len(self._models) > 10_000:  # providers with open names take any
                self._models.clear()
            made = None if _is_live(model) else b"%b\0" % _sorted(place)
            self._models[place] = made
            return made


def tenant_of(key: bytes) -> tuple[OrganizationId, ProjectId]:
    return OrganizationId(str(UUID(bytes=key[:16]))), ProjectId(str(UUID(bytes=key[16:TENANT_BYTES])))


def read_cache_header(value: str | bytes | None) -> bool | None:
    """`X-Saia-Cache-Enabled`: true or false in any case, also 1 and 0; None when absent or unreadable."""
    if value is None:
        return None
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    return {"true": True, "1": True, "false": False, "0": False}.get(text.strip().lower())


def _normal(members: Mapping[str, msgspec.Raw]) -> bytes:
    """The members as JSON with sorted names; names are unique and escaped, so that no two requests look alike."""
    flat: bytes = _sorted(members)
    if len(flat) > NORMAL_BYTES:
        return b"flat" + flat
    try:
        return _sorted(_decode(flat))
    except (msgspec.DecodeError, RecursionError, UnicodeError):  # a number beyond doubles, JSON a thousand deep
        return b"flat" + flat


def _has_live_tools(members: Mapping[str, msgspec.Raw]) -> bool:
    """Any tool that is no function of the caller's own: the provider runs it, and its result is of the moment."""
    tools = members.get("tools")
    if tools is None or tools == NULL:
        return False
    try:
        return any(tool.type != "function" or tool.function is None for tool in _decode_tools(tools))
    except msgspec.DecodeError:
        return True


def _is_live(model: Model) -> bool:
    name = model.full_name.lower()
    return model.provider.lower() in LIVE_PROVIDERS or any(part in name for part in LIVE_NAMES)
