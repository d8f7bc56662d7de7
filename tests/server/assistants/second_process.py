"""A second server process for the tests: answers each line `<assistant>` with the prompt that it would send.

Arguments: database URL, data folder, project token. Writes `ready` when it follows the changes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from portico.server.assistants.definitions import Definitions
from portico.server.errors import PorticoError
from tests.server.access.house import open_house


async def main(url: str, data_dir: Path, token: str) -> None:
    house = await open_house(url, data_dir)
    definitions = Definitions(house.tenancy.database)
    house.changes.subscribe(definitions.follow)
    await definitions.refresh()
    caller = house.snapshot.find(token)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            print(definitions.find(caller, line.strip()).active.prompt, flush=True)
        except PorticoError as refusal:
            print(f"refused {refusal.id}", flush=True)
    await house.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
