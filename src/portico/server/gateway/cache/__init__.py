"""Answers already given: exact keys, entries in memory and behind it in PostgreSQL, and how an entry is replayed."""

from portico.server.gateway.cache.answers import AnswerCache
from portico.server.gateway.cache.entry import Entry, as_chunks, as_whole, make_entry
from portico.server.gateway.cache.keys import read_cache_header
from portico.server.gateway.cache.recorder import Recorder

__all__ = ["AnswerCache", "Entry", "Recorder", "as_chunks", "as_whole", "make_entry", "read_cache_header"]
