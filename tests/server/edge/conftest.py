"""A server process for the routes that read usage."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.access.house import House, open_house
from tests.server.edge.watched import Watched


@pytest.fixture
async def house(database_url: str, tmp_path: Path, anyio_backend: object) -> AsyncIterator[House]:
    opened = await open_house(database_url, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def watched(house: House, tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(house, tmp_path) as process:
        yield process
