"""A database with one project, as the server has it at its first start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.access.house import House, open_house


@pytest.fixture
async def house(database_url: str, tmp_path: Path, anyio_backend: object) -> AsyncIterator[House]:
    opened = await open_house(database_url, tmp_path)
    yield opened
    await opened.close()
