"""A package index on loopback with wheels made for a test: it can be slow, break off, lie, and it counts."""

from __future__ import annotations

import hashlib
import io
import random
import threading
import time
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from portico.server.providers.local.manifest import LocalModel, ModelFile, Part


class WheelIndex:
    """`broken` wheels break off in the middle once; `bad` ones have other content; `delay_s` is slept per 64 KiB;
    of `held` ones nothing comes until they may `go`; with a `login` (the value of the header) everything else is
    refused."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: Counter[str] = Counter()
        self.ranges: list[str] = []
        self.sent_bytes = 0
        self.delay_s = 0.0
        self.knows_ranges = True
        self.broken: set[str] = set()
        self.bad: set[str] = set()
        self.held: set[str] = set()
        self.go = threading.Event()
        self.login = ""
        index = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                index.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> WheelIndex:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_model(self, name: str, parts: int, part_bytes: int) -> LocalModel:
        """Random content cut into parts, each in a wheel; the model that the manifest would hold."""
        content = random.Random(name).randbytes(parts * part_bytes)
        made = []
        for i in range(parts):
            piece = content[i * part_bytes : (i + 1) * part_bytes]
            member = f"{name.replace('-', '_')}_part{i}/data.bin"
            made.append(self._add_wheel(f"{name}-part{i}", member, piece))
        path = f"{name}.gguf"
        self.files[f"/{path}"] = content
        file = ModelFile(path, len(content), hashlib.sha256(content).hexdigest(), tuple(made))
        return LocalModel(name, "chat", name, "Apache-2.0", 1, 2048, (file,))

    def _add_wheel(self, project: str, member: str, piece: bytes) -> Part:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, piece)
        wheel, name = packed.getvalue(), f"{project.replace('-', '_')}-1.0-py3-none-any.whl"
        self.files[f"/files/{name}"] = wheel
        self.files[f"/simple/{project}/"] = f'<a href="../../files/{name}#sha256=0">{name}</a>'.encode()
        sums = hashlib.sha256(wheel).hexdigest(), hashlib.sha256(piece).hexdigest()
        return Part(project, "1.0", len(wheel), sums[0], member, len(piece), sums[1])

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        self.asked[request.path] += 1
        body = self.files.get(request.path)
        refused = self.login and request.headers.get("Authorization") != self.login
        if body is None or refused:
            request.send_response(401 if refused else 404)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        if request.path in self.bad:
            body = bytes(reversed(body))
        start = 0
        wanted = request.headers.get("Range")
        if wanted and self.knows_ranges:
            self.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").partition("-")[0])
        request.send_response(206 if start else 200)
        request.send_header("Content-Length", str(len(body) - start))
        request.end_headers()
        self._send(request, body, start)

    def _send(self, request: BaseHTTPRequestHandler, body: bytes, start: int) -> None:
        stop = len(body)
        if request.path in self.broken:
            self.broken.discard(request.path)
            stop = start + (len(body) - start) // 2
            request.close_connection = True
        if request.path in self.held:
            self.go.wait(60)
        try:
            for at in range(start, stop, 65536):
                block = body[at : min(at + 65536, stop)]
                request.wfile.write(block)
                self.sent_bytes += len(block)
                time.sleep(self.delay_s)
        except ConnectionError:  # the puller was killed
            request.close_connection = True
