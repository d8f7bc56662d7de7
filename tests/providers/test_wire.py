"""What the wire itself shows of an answer, the same for every provider: how its bytes leave (HC-32)."""

from __future__ import annotations

import json
import socket

from tests.live import within_tries
from tests.providers.fakes.base import Say
from tests.providers.fakes.openai import OpenAIFake
from tests.providers.stage import Stage, user

FRAMES = 100


def _recv(client: socket.socket) -> bytes:
    """Reads as a client that acknowledges late; without this Linux hides what Nagle does to small frames."""
    if hasattr(socket, "TCP_QUICKACK"):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    return client.recv(65_536)


class TestWire(Stage):
    fake = OpenAIFake()

    def _arrivals(self) -> list[bytes]:
        """What each read of a streamed answer brings."""
        body = json.dumps({"model": self.fake.model, "messages": [user("Hi")], "stream": True}).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.token()}\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=60) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            return list(iter(lambda: _recv(client), b""))

    def test_hc32_head_and_first_chunk_leave_in_one_write(self) -> None:
        """The provider's own head comes earlier, and a comment behind it."""
        reply = self.fake.stream(Say(text=("a", "b")), gap_s=0.05)
        assert isinstance(reply.body, list)
        reply.body.insert(0, b": nothing yet\n\n")
        self.says(reply)
        for _ in range(5):
            first = self._arrivals()[0]
            assert first.startswith(b"HTTP/1.1 200") and b"data: {" in first

    def test_hc32_small_frames_do_not_wait_for_each_other(self) -> None:
        """With Nagle on either side, frames 5 ms apart would come in heaps, one for each late ACK (40 ms)."""
        self.says(self.fake.stream(Say(text=tuple(f"{i} " for i in range(FRAMES))), gap_s=0.005))
        within_tries(lambda: len(self._arrivals()) > FRAMES / 2, "most frames come by themselves", 5)
