"""Where the line of every request goes: the journal first, then whoever watches (metrics, traces)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from portico.server.errors import JournalFull
from portico.server.storage.journal import Journal
from portico.server.storage.usage import UsageLine

_log = logging.getLogger("portico.metering")
_encode = msgspec.json.Encoder().encode
Observer = Callable[[UsageLine], None]


class Ledger:
    """One per process. Observers get each line after it was written; they do no I/O."""

    __slots__ = ("_journal", "_observers")

    def __init__(self, journal: Journal, observers: Sequence[Observer] = ()) -> None:
        self._journal = journal
        self._observers = tuple(observers)

    @property
    def full(self) -> bool:
        """No further line would fit: nothing may be served."""
        return self._journal.full

    def append(self, line: UsageLine) -> None:
        """Writes one line. Does not raise: the answer is given already; the next request is refused by `full`."""
        try:
            self._journal.append(line)
        except (JournalFull, OSError) as error:
            text = _encode(line).decode()
            _log.error("usage line of request %s is lost but for this: %s (%s)", line.request_id, text, error)
        for observe in self._observers:
            observe(line)
