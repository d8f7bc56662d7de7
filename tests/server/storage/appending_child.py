"""Appends usage lines to a journal without end and reports each append; flushes too when given a database.

Each tenth is the run of an assistant, for the audit log. Arguments: the folder of the journal, the URL of
the database or nothing.
"""

import asyncio
import os
import sys
from pathlib import Path

from portico.server.storage.flush import UsageFlusher
from portico.server.storage.journal import Journal
from portico.server.storage.usage import UsageLine

ORGANIZATION = "5f0c2f6e-8f0a-4a5e-9b1a-7d6f1c2b3a49"
AUDIT_KEY = b"k" * 32


async def append_for_ever(journal: Journal) -> None:
    number = 0
    while True:
        line = UsageLine(
            f"{os.getpid()}-{number}", ORGANIZATION, "project", "token", 1_790_000_000.5, "chat", "openai", "gpt-4o",
            "openai/gpt-4o", True, "completed", 200, 1, 0.5, 1.5, "stop", number,
            assistant="" if number % 10 else "Translator",
        )  # fmt: skip
        journal.append(line)
        os.write(1, b"%d\n" % number)
        number += 1
        if number % 100 == 0:
            await asyncio.sleep(0)


async def main(folder: str, *database_url: str) -> None:
    journal = Journal(Path(folder), 256 * 1024)
    if database_url:
        UsageFlusher(journal, *database_url, interval_s=0.001, audit_key=AUDIT_KEY).start()
    await append_for_ever(journal)


asyncio.run(main(*sys.argv[1:]))
