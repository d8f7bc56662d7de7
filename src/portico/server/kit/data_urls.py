"""Data URLs: where the head ends, which media type it names, and whether the rest is base64."""

from __future__ import annotations

import re

DATA_URL = re.compile(r"data:([\w.+/-]*)(?:;[\w=.+-]+)*?(;base64)?,", re.I | re.ASCII)
"""Group 1 is the media type, often empty; group 2 is there when the data are base64."""
