"""Request ids: UUIDs that do not repeat, whoever makes them."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

from portico.server.kit.request_ids import new_request_id


def test_an_id_is_a_uuid_of_version_4() -> None:
    text = new_request_id()
    read = uuid.UUID(text)
    assert (str(read), read.version, read.variant) == (text, 4, uuid.RFC_4122)


def test_ids_do_not_repeat() -> None:
    assert len({new_request_id() for _ in range(100_000)}) == 100_000


def test_threads_do_not_get_the_same_ids() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: [new_request_id() for _ in range(5_000)], range(4)))
    assert len({text for part in made for text in part}) == 20_000


def test_a_forked_process_gives_other_ids() -> None:
    """Several server processes write usage lines under these ids."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_request_id().encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        theirs = said.read()
    assert os.waitpid(child, 0)[1] == 0
    ours = [new_request_id() for _ in range(1000)]
    assert uuid.UUID(theirs).version == 4
    assert theirs not in ours and theirs[:24] != ours[0][:24]
