"""Entries in memory, as many as fit into so many bytes; what was asked longest ago goes first."""

from __future__ import annotations

from collections import OrderedDict

from portico.server.gateway.cache.entry import Entry

ENTRY_OVERHEAD_BYTES = 512
"""What an entry takes beside its body: key, objects, its place in the table."""


class Memory:
    """A table bounded by bytes."""

    __slots__ = ("_entries", "_limit_bytes", "size_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._limit_bytes = limit_bytes
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes) -> Entry | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: Entry) -> None:
        self.drop(key)
        size = len(entry.body) + ENTRY_OVERHEAD_BYTES
        if size > self._limit_bytes:
            return
        self._entries[key] = entry
        self.size_bytes += size
        while self.size_bytes > self._limit_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.size_bytes -= len(oldest.body) + ENTRY_OVERHEAD_BYTES

    def drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size_bytes -= len(entry.body) + ENTRY_OVERHEAD_BYTES
