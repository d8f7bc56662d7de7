"""What an adapter is asked: pure translation between the documented shapes and one provider's protocol.

An adapter never opens a connection. `write_*` makes an `Outgoing`, the transport sends it, `read_*` reads the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a provider is reached and with what key. `base_url` has no trailing slash: `http://127.0.0.1:9000/v1`."""

    base_url: str
    key: str = field(default="", repr=False)
