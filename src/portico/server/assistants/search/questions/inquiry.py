"""One question to a RAG assistant on its way: who asks what of which profile, and what its helpers have used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portico.server.access.caller import Caller
from portico.server.assistants.search.questions.tuning import Tuning
from portico.server.errors import ProviderError
from portico.server.retrieval.profile import SearchProfile
from portico.server.storage.threads import Turn
from portico.wire.requests import ChatRequest

Json = dict[str, Any]


@dataclass(slots=True)
class Inquiry:
    """`said` is the question as it was written, `question` the one that stands for itself. `thread_id` is "" for a
    question of its own. `usage` adds up what the helpers have used. `lost` says why there are no vectors of the
    question, which was then searched by its words alone."""

    caller: Caller
    profile: SearchProfile
    tuning: Tuning
    request: ChatRequest
    request_id: str
    said: str
    question: str
    thread_id: str = ""
    history: Sequence[Turn] = ()
    usage: Json = field(default_factory=dict)
    lost: ProviderError | None = None

    def do_without(self, error: ProviderError) -> None:
        """The vectors of the question."""
        self.lost = error

    @property
    def remembers(self) -> bool:
        """Whether its exchange is to be kept for the next question."""
        return bool(self.thread_id) and self.profile.history_count > 0
