"""Where wheels come from: a pinned version in, its address on a package index out."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote, urljoin

from .fetch import FetchError, read_text


def find_wheel(index: str, project: str, version: str) -> str:
    """URL of the wheel of one pinned version. Raises FetchError when the index does not have it."""
    page = f"{index}/{project}/"
    wanted = f"{project.replace('-', '_')}-{version}-"
    for href in re.findall(r'href="([^"]+)"', read_text(page, accept="text/html")):
        url = urljoin(page, html.unescape(href)).partition("#")[0]
        name = unquote(url).rsplit("/", 1)[-1]
        if name.startswith(wanted) and name.endswith(".whl"):
            return url
    raise FetchError(f"the package index has no wheel of {project} {version}")
