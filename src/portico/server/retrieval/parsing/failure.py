"""Why a file cannot be read, in words for its owner."""

from __future__ import annotations


class Unreadable(Exception):
    """The message goes on as it is: it says what is wrong with the file."""
