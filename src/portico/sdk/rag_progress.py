"""What becomes of documents after their upload: a board of states, and the waiting until all are searchable or failed.

No I/O: `managers/rag.py` drives a `Waiting`, sync or async.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from portico.sdk.errors import OperationFailed, OperationPending, PorticoError
from portico.sdk.uploading import Progress
from portico.wire.search import Document

STATES = ("Unknown", "Starting", "Pending", "Success", "Failed")
ENDED = frozenset({"Success", "Failed"})
INTERVAL_S, PATIENCE_S = 3.0, 900.0
FIRST_PAUSE_S = 0.25
# So many documents are looked at one by one; of more, the whole list is read.
FEW = 20


@dataclass(frozen=True, slots=True)
class IndexBoard:
    """The states of some documents at one moment.

    `documents` are those that were asked about; of a whole profile only those that failed, where the server counts the
    others (`states`).
    """

    documents: Sequence[Document]
    states: Mapping[str, int] | None = None

    @property
    def counts(self) -> Mapping[str, int]:
        """How many are in each state, in the order of their life; states nobody is in are 0."""
        found = Counter(self.states or (one.index_status or "Unknown" for one in self.documents))
        return {state: found[state] for state in (*STATES, *sorted(found.keys() - set(STATES)))}

    @property
    def is_read(self) -> bool:
        """The server does not count: the documents were read one by one."""
        return self.states is None and bool(self.documents)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """How many are searchable or have failed."""
        return sum(count for state, count in self.counts.items() if state in ENDED)

    @property
    def failed(self) -> list[Document]:
        """Those that cannot be searched; `index_detail` says why."""
        return [one for one in self.documents if one.index_status == "Failed"]


OnBoard = Callable[[IndexBoard], None]


class Waiting:
    """One waiting: which documents are still open, and how long to pause before the next look."""

    def __init__(
        self, ids: Collection[str] | None, interval_s: float, timeout_s: float, on_progress: OnBoard | None
    ) -> None:
        self._wanted: dict[str, None] | None = None if ids is None else dict.fromkeys(ids)
        self._known: dict[str, Document] = {}
        self._listed: dict[str, Document] = {}
        self._interval_s, self._timeout_s = interval_s, timeout_s
        self._pause_s = min(FIRST_PAUSE_S, interval_s)
        self._ends_at = time.monotonic() + timeout_s
        self._on_progress = on_progress
        self.board = IndexBoard(())

    @property
    def is_whole(self) -> bool:
        """All documents of the profile are waited for."""
        return self._wanted is None

    def singly(self) -> list[str] | None:
        """The documents to look at one by one; None when the whole list is cheaper."""
        if self._wanted is None:
            return None
        left = [one for one in self._wanted if one not in self._known or self._known[one].index_status not in ENDED]
        return left if len(left) <= FEW else None

    def gone(self, document_id: str) -> None:
        """A document was deleted meanwhile: nothing is waited for."""
        if self._wanted is not None:
            self._wanted.pop(document_id, None)
        self._known.pop(document_id, None)

    def collect(self, listed: Document) -> bool:
        """Takes one document of the list; true when no further one is wanted."""
        if self._wanted is None or listed.id in self._wanted:
            self._listed[listed.id] = listed
        return self._wanted is not None and len(self._listed) == len(self._wanted)

    def take_list(self) -> float | None:
        """As `take`, with what was collected; a document that was not in the list is gone."""
        self._known, self._listed = self._listed, {}
        self._wanted = None if self._wanted is None else {key: None for key in self._wanted if key in self._known}
        return self.judge(IndexBoard(list(self._known.values())))

    def take(self, seen: Iterable[Document]) -> float | None:
        """Seconds until the next look; None when nothing is open. Raises OperationPending when the time is over."""
        self._known |= {one.id: one for one in seen}
        return self.judge(IndexBoard(list(self._known.values())))

    def judge(self, board: IndexBoard) -> float | None:
        """As `take`, of a board that was made elsewhere."""
        self.board = board
        if self._on_progress is not None:
            self._on_progress(board)
        open_ones = board.total - board.ended
        if not open_ones:
            return None
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise OperationPending(
                f"{open_ones} of {board.total} documents are not indexed after {self._timeout_s:g} s.",
                hint="The server goes on with them: ask for the board again later.",
            )
        pause_s = self._pause_s
        self._pause_s = min(self._interval_s, pause_s * 1.5)
        return min(pause_s, left_s)


def maybe_states(answer: Mapping[str, object]) -> Mapping[str, int] | None:
    """How many documents are in each state, by a listing; None from a server that does not count them."""
    told = answer.get("states")
    if not isinstance(told, Mapping):
        return None
    return {str(state): count for state, count in told.items() if isinstance(count, int)}


def maybe_failed(states: Mapping[str, int], before: IndexBoard) -> Sequence[Document] | None:
    """The documents that failed, when they are known from an earlier look; in the end they are looked at again."""
    is_over = ENDED.issuperset(state for state, count in states.items() if count)
    count = states.get("Failed", 0)
    if not count:
        return ()
    return before.failed if count == len(before.failed) and not is_over else None


def check_indexed(document: Document) -> Document:
    """The document, when it can be searched. Raises OperationFailed."""
    if document.index_status != "Failed":
        return document
    name = ".".join(part for part in (document.name, document.extension) if part)
    raise OperationFailed(
        f"{name} cannot be searched: {document.index_detail or 'the server gives no reason'}.",
        hint="Upload it again, or another form of it.",
    )


@dataclass(frozen=True, slots=True)
class FileUpload:
    """What became of one file of several: the document that was made of it, or the error."""

    path: Path
    document: Document | None = None
    error: PorticoError | None = None


OnUpload = Callable[[FileUpload], None]
OnBytes = Callable[[Path, int, int | None], None]
"""Hears how many bytes of a file are on their way, of how many."""


def find_files(folder: str | os.PathLike[str], pattern: str) -> list[Path]:
    """The files of a folder and of those below that fit the pattern, by name; hidden ones are left out.

    Raises PorticoError when there is no such folder.
    """
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise PorticoError(f"{root} is no folder.")
    found = (path for path in root.rglob(pattern) if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(root).parts))


def progress_of(path: Path, on_bytes: OnBytes | None) -> Progress | None:
    """What an upload of this file tells its progress to."""
    return None if on_bytes is None else lambda done, size: on_bytes(path, done, size)
