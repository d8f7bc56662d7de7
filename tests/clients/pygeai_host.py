"""The vendor's SDK in this process: imported with a home folder of its own, its process-wide state set back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def import_pygeai(home: Path) -> None:
    """Importing it makes `~/.geai`, so the first import happens under another home.

    Its own deprecation warnings (it mixes generations of pydantic) are not ours to turn into errors.
    """
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(home)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pygeai.admin.clients
            import pygeai.analytics.managers
            import pygeai.assistant.managers
            import pygeai.auth.clients
            import pygeai.chat.managers
            import pygeai.chat.session
            import pygeai.core.embeddings.managers
            import pygeai.core.llm.clients
            import pygeai.health.clients
            import pygeai.organization.managers  # noqa: F401
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before


@contextmanager
def profiles(credentials: Path) -> Iterator[None]:
    """The SDK as it is in a fresh process that was told to use this credentials file."""
    from pygeai.core.base.session import reset_session
    from pygeai.core.common.config import get_settings, reset_settings

    reset_settings()
    reset_session()
    get_settings(credentials_file=str(credentials))
    try:
        yield
    finally:
        reset_settings()
        reset_session()
