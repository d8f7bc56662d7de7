"""The types of retrievers: a question in, the passages that answer it out, with the help of models where a type asks.

Source: RAG reference, "Profiles" and "Profile metadata". `graph` and `awsKB` have no store here: they search as
`vectorStore` does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from portico.server.assistants.search.defaults import SELF_QUERY
from portico.server.assistants.search.questions.helpers import Helpers
from portico.server.assistants.search.questions.inquiry import Inquiry
from portico.server.assistants.search.questions.prompting import fill_prompt, quote, tell_history
from portico.server.assistants.search.questions.self_query import Alternatives, Condition, read_self_query
from portico.server.kit.first_use import FirstUse
from portico.server.retrieval.filters import Filter
from portico.server.retrieval.hits import Hit
from portico.server.storage.database import Database
from portico.server.storage.document_keys import list_metadata_keys

if TYPE_CHECKING:
    from portico.server.retrieval.search import Searcher

WITHOUT_SCORE = frozenset({"selfQuery", "multiQuery", "scoreThreshold"})
"""Types whose passages are told without a score."""
LONGEST_QUESTION = 4_000
"""Characters of a question, or of what a helper writes for it, that are searched for."""
MOST_QUERIES = 10
OWN_KEYS = {"name": "name of the document", "extension": "its file type, such as pdf"}
_NOTHING = frozenset({"", "no_output", "nothing", "none"})
_QUESTIONS = re.compile(r"<questions>(.*?)(?:</questions>|\Z)", re.DOTALL | re.IGNORECASE)
_NUMBERED = re.compile(r"^\s*(?:\d+[.)]|[-*•])\s+")


class Retrievers:
    """One per process."""

    def __init__(self, database: Database, searcher: FirstUse[Searcher], helpers: Helpers) -> None:
        self._database = database
        self._searcher = searcher
        self._helpers = helpers

    async def find(self, inquiry: Inquiry, filters: tuple[Filter, ...]) -> list[Hit]:
        """At most `k` passages above the threshold, the best first (with MMR as they were chosen)."""
        search, kind = inquiry.profile.search, inquiry.profile.retriever.type
        diverse = _wants_variety(inquiry)
        wanted = max(search.k, search.fetch_k) if diverse else search.k
        hits = await self._find_by_type(inquiry, kind, filters, wanted)
        hits = [hit for hit in hits if hit.score >= search.score_threshold]
        if diverse:
            hits = _choose(hits, search.k, search.mmr_lambda)
        hits = hits[: search.k]
        return await self._compress(inquiry, hits) if kind == "contextualCompression" else hits

    async def _find_by_type(self, inquiry: Inquiry, kind: str, filters: tuple[Filter, ...], k: int) -> list[Hit]:
        match kind:
            case "multiQuery":
                return await self._search(inquiry, inquiry.question, filters, k, await self._vary(inquiry))
            case "hyde":
                return await self._search(inquiry, inquiry.question, filters, k, await self._imagine(inquiry))
            case "selfQuery":
                return await self._find_by_own_query(inquiry, filters, k)
            case _:
                return await self._search(inquiry, inquiry.question, filters, k)

    async def _search(
        self, inquiry: Inquiry, question: str, filters: tuple[Filter, ...], k: int, queries: Sequence[str] = ()
    ) -> list[Hit]:
        searcher = await self._searcher.get()
        return await searcher.search(
            inquiry.caller,
            inquiry.profile,
            question[:LONGEST_QUESTION],
            k=k,
            filters=filters,
            queries=queries,
            vectors=_wants_variety(inquiry),
            do_without=inquiry.do_without,
        )

    async def _vary(self, inquiry: Inquiry) -> list[str]:
        """The question in other words."""
        count = min(inquiry.profile.retriever.query_count, MOST_QUERIES)
        written = await self._ask(inquiry, {"querycount": str(count)})
        found = _QUESTIONS.search(written)
        lines = (_NUMBERED.sub("", line).strip() for line in (found[1] if found else written).splitlines())
        return [line[:LONGEST_QUESTION] for line in lines if line][:count]

    async def _imagine(self, inquiry: Inquiry) -> list[str]:
        """A passage that might answer the question."""
        written = await self._ask(inquiry, {})
        return [written[:LONGEST_QUESTION]] if written else []

    async def _find_by_own_query(self, inquiry: Inquiry, filters: tuple[Filter, ...], k: int) -> list[Hit]:
        """With the model's query and filter; without the filter when nothing fits it: models guess what is there."""
        query, alternatives = await self._write_query(inquiry)
        question = query or inquiry.question
        if alternatives:
            searches = (
                self._search(inquiry, question, (*filters, *map(_as_filter, conditions)), k)
                for conditions in alternatives
            )
            hits = _merge(await asyncio.gather(*searches))
            if hits:
                return hits[:k]
        return await self._search(inquiry, question, filters, k)

    async def _write_query(self, inquiry: Inquiry) -> tuple[str, Alternatives]:
        async with self._database.begin() as connection:
            known = {**OWN_KEYS, **await list_metadata_keys(connection, inquiry.profile.key)}
        told = "\n".join(f"- {key}: {example}" for key, example in known.items())
        return read_self_query(await self._ask(inquiry, {"attributes": told}, SELF_QUERY), known)

    async def _compress(self, inquiry: Inquiry, hits: Sequence[Hit]) -> list[Hit]:
        """Of each passage what bears on the question; passages without any of it are left out."""
        texts = await asyncio.gather(*(self._extract(inquiry, hit) for hit in hits))
        return [replace(hit, text=text) for hit, text in zip(hits, texts, strict=True) if text]

    async def _extract(self, inquiry: Inquiry, hit: Hit) -> str:
        context = quote([(hit.text, hit.metadata)], "{page_content}", "")
        prompt = _fill(inquiry, inquiry.profile.retriever.prompt, {}, context)
        written = await self._helpers.ask(inquiry, inquiry.tuning.retriever, prompt)
        if written is None:
            return hit.text
        return "" if written.strip(" .`\"'").lower() in _NOTHING else written

    async def _ask(self, inquiry: Inquiry, values: dict[str, str], template: str = "") -> str:
        """What the model of the retriever says to its prompt; "" when it fails."""
        prompt = _fill(inquiry, template or inquiry.profile.retriever.prompt, values)
        return await self._helpers.ask(inquiry, inquiry.tuning.retriever, prompt) or ""


def _wants_variety(inquiry: Inquiry) -> bool:
    return inquiry.profile.search.type == "mmr" and inquiry.profile.retriever.type != "scoreThreshold"


def _fill(inquiry: Inquiry, template: str, values: dict[str, str], context: str = "") -> str:
    variables = {**inquiry.request.options.variables, **values}
    history = tell_history(inquiry.history)
    return fill_prompt(template, variables, inquiry.question, context=context, history=history, said=inquiry.said)


def _choose(hits: Sequence[Hit], k: int, mmr_lambda: float) -> list[Hit]:
    """As they are, where there are no vectors to compare."""
    vectors = [hit.vector for hit in hits if hit.vector is not None]
    if len(vectors) < len(hits) or not hits:
        return list(hits)
    from portico.server.assistants.search.questions.mmr import (
        choose_diverse,  # here: the search has loaded numpy, not the start
    )

    places = choose_diverse([hit.score for hit in hits], vectors, k, mmr_lambda)
    return [hits[place] for place in places]


def _merge(found: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Each passage once, the best first."""
    best: dict[int, Hit] = {}
    for hit in (hit for hits in found for hit in hits):
        known = best.get(hit.chunk_id)
        if known is None or hit.score > known.score:
            best[hit.chunk_id] = hit
    return sorted(best.values(), key=lambda hit: -hit.score)


def _as_filter(condition: Condition) -> Filter:
    return Filter(condition.key, f"${condition.operator}", condition.value)
