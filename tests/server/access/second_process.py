"""A second server process for the tests: answers each line `<token>` with what its snapshot says about it.

Arguments: database URL, data folder. Writes `ready` when it follows the changes.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from portico.server.errors import PorticoError
from tests.server.access.house import House, open_house


def answer(house: House, token: str) -> str:
    try:
        return house.snapshot.find(token).scope
    except PorticoError as refusal:
        return f"refused {refusal.id}"


async def main(url: str, data_dir: Path) -> None:
    house = await open_house(url, data_dir)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(answer(house, line.strip()), flush=True)
    await house.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], Path(sys.argv[2])))
