"""Where wheels come from: a pinned version in, its address on a package index out."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote, urljoin, urlsplit

from .fetch import FetchError, read_text


def find_wheel(index: str, project: str, version: str) -> str:
    """URL of the wheel of one pinned version. Raises FetchError when the index does not have it."""
    page = f"{index}/{project}/"
    wanted = f"{project.replace('-', '_')}-{version}-"
    for href in re.findall(r'href="([^"]+)"', read_text(page, accept="text/html")):
        url = urljoin(page, html.unescape(href)).partition("#")[0]
        name = unquote(url).rsplit("/", 1)[-1]
        if name.startswith(wanted) and name.endswith(".whl"):
            return _with_login(url, index)
    raise FetchError(f"the package index has no wheel of {project} {version}")


def _with_login(url: str, index: str) -> str:
    """The login of a private index goes to its own files too, and nowhere else."""
    file, home = urlsplit(url), urlsplit(index)
    same = (file.scheme, file.hostname, file.port) == (home.scheme, home.hostname, home.port)
    if home.username is None or file.username is not None or not same:
        return url
    return file._replace(netloc=home.netloc).geturl()
