"""A small web site on loopback: pages by their paths, and a memory of what was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """`waits` is waited for before anything is said. Each line of a header's value is a header of its own."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    waits: threading.Event | None = None


@dataclass
class Site:
    """`asked` are the paths in their order; `heads` the headers of the requests."""

    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    port: int = 0
    ending: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def put(self, path: str, body: str | bytes, **more: object) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.pages[path] = Page(content, **more)  # type: ignore[arg-type]

    def page(self, path: str, text: str, *links: str, title: str = "") -> None:
        """An ordinary page: a name, a paragraph, and links in a list below it."""
        named = f"<title>{title}</title>" if title else ""
        items = "".join(f'<li><a href="{link}">to {link}</a></li>' for link in links)
        self.put(path, f"<html><head>{named}</head><body><p>{text}</p><ul>{items}</ul></body></html>")

    def moved(self, path: str, location: str, status: int = 302) -> None:
        self.pages[path] = Page(status=status, headers={"location": location})

    def robots(self, *lines: str) -> None:
        self.put("/robots.txt", "\n".join(lines), content_type="text/plain")

    @property
    def read(self) -> list[str]:
        """What was asked, without robots.txt."""
        return [path for path in self.asked if path != "/robots.txt"]


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(self.path)
        site.heads.append({name.lower(): value for name, value in self.headers.items()})
        page = site.pages.get(self.path, Page(b"nothing here", 404))
        if page.waits is not None:
            page.waits.wait(60)
        try:
            self.send_response(page.status)
            for name, values in page.headers.items():
                for value in values.splitlines():
                    self.send_header(name, value)
            if page.content_type:
                self.send_header("content-type", page.content_type)
            self.send_header("content-length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)
        except ConnectionError:
            return  # whoever asked has read enough

    def log_message(self, format: str, *args: object) -> None:
        """Tests are silent."""


@contextmanager
def open_site() -> Iterator[Site]:
    """It ends with the block, also while a page waits on its `ending`."""
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    site.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield site
    finally:
        site.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()
