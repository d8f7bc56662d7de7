"""What the process does that reads one file: an order as JSON in, an outcome as MessagePack out.

It bounds itself before it looks at the file: memory, time, no file may be written.
"""

from __future__ import annotations

import resource
from itertools import groupby
from pathlib import Path

import msgspec

from portico.server.retrieval.blocks import Parsed
from portico.server.retrieval.parsing.failure import Unreadable
from portico.server.retrieval.parsing.kinds import PLAIN
from portico.server.retrieval.parsing.orders import Order, Outcome
from portico.server.retrieval.parsing.pile import Pile
from portico.server.retrieval.parsing.readers import read


def work(told: bytes) -> bytes:
    order = msgspec.json.decode(told, type=Order)
    _bound(order)
    try:
        outcome = _answer(order)
    except Unreadable as error:
        outcome = Outcome(failure=str(error))
    except MemoryError:
        outcome = Outcome(failure="reading it takes more memory than one file may have")
    except RecursionError:
        outcome = Outcome(failure="it is nested too deeply")
    except Exception as error:  # parsers raise what they like at a broken file
        outcome = Outcome(failure=f"it is damaged: {type(error).__name__}")
    return msgspec.msgpack.encode(outcome)


def _answer(order: Order) -> Outcome:
    if order.as_text and order.kind in PLAIN:
        from portico.server.retrieval.parsing.plain import read_plain

        text = read_plain(Path(order.path))
        if len(text) > order.characters:
            raise Unreadable(f"it holds more than {order.characters} characters")
        return Outcome(texts=(text.replace("\0", "").encode("utf-8", "replace").decode(),))
    if order.kind == "web":
        from portico.server.retrieval.parsing.web_pages import read_web_pages

        return Outcome(pages=read_web_pages(Path(order.path), order))
    pile = Pile(order.characters)
    chunks = read(order, pile)
    if order.as_text:
        return Outcome(texts=_texts(pile))
    pages = max(pile.pages, 1)
    return Outcome(parsed=Parsed(tuple(pile.blocks), pages, tuple(pile.skipped), chunks))


def _texts(pile: Pile) -> tuple[str, ...]:
    """The text of each page."""
    pages = groupby(pile.blocks, key=lambda block: block.page)
    return tuple("\n\n".join(block.text for block in blocks) for _, blocks in pages)


def _bound(order: Order) -> None:
    """The lower bounds are those of reading text; pictures may take what the upper ones allow."""
    for what, soft, hard in (
        (resource.RLIMIT_AS, order.memory_bytes, order.most_memory_bytes),
        (resource.RLIMIT_CPU, order.time_s, order.most_time_s),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(what)[1]
        if most != resource.RLIM_INFINITY:
            soft, hard = min(soft, most), min(hard, most)
        resource.setrlimit(what, (soft, hard))
