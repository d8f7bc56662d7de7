"""The embedded models' own verbs beside chat and text embeddings: reranking, and what is refused of pictures."""

from __future__ import annotations

import msgspec

from portico.server.errors import ContentUnreadable, MediaNotSupported, ProviderError, ProviderRefused, ProviderUnknown
from portico.server.providers.base import Adapter, Outgoing, Target, Tokens, Turn
from portico.server.providers.local.child_shapes import NOT_SUPPORTED, UNREADABLE, Ranking, RankTask
from portico.wire.requests import RerankRequest

_encode = msgspec.json.Encoder().encode
_RANKING = msgspec.json.Decoder(Ranking)


class PictureUnreadable(ProviderRefused):
    id, text = ContentUnreadable.id, ContentUnreadable.text


class PictureNotSupported(ProviderRefused):
    id, text = MediaNotSupported.id, MediaNotSupported.text


class Rerank(Adapter):
    """Query and documents in one call to the child that embeds; `LocalRuntime.take` tells it of a judge."""

    def write_rerank(self, request: RerankRequest, target: Target) -> Outgoing:
        return Outgoing("/rerank", _encode(RankTask(request.query, request.documents)))

    def read_rerank(self, body: bytes, request: RerankRequest, turn: Turn) -> list[tuple[int, float]]:
        try:
            ranking = _RANKING.decode(body)
        except msgspec.DecodeError:
            raise ProviderUnknown("the local model's answer is no ranking") from None
        usage = ranking.usage
        turn.tokens = Tokens(input_uncached=usage.prompt_tokens, output_visible=usage.completion_tokens)
        if ranking.cut:
            turn.adjusted.append(f"documents cut: {ranking.cut}")
        return [(rank.index, rank.relevance_score) for rank in ranking.results]


def refusal_of(error: ProviderError) -> ProviderError:
    """The documented ids for pictures, where the code of a child's refusal asks for one."""
    for code, kind in ((UNREADABLE, PictureUnreadable), (NOT_SUPPORTED, PictureNotSupported)):
        if error.code == code:
            return kind(f"{kind.text} ({error.message})", param=error.param)
    return error
