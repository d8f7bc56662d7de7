"""The Messages API of Anthropic: its requests become chat requests, chat answers become its messages and events."""

from __future__ import annotations

from portico.server.edge.dialects.dialect import Dialect
from portico.server.edge.dialects.messages.errors import break_off, refuse

PATHS = ("/v1/messages", "/messages")
COUNT_PATHS = ("/v1/messages/count_tokens", "/messages/count_tokens")
PING = b'event: ping\ndata: {"type": "ping"}\n\n'

DIALECT = Dialect(refuse=refuse, break_off=break_off, keep_alive=PING)
