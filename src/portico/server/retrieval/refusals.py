"""What only this room can say."""

from __future__ import annotations

from portico.server.errors import ContentUnreadable


class NoText(ContentUnreadable):
    """The file is whole, and there is nothing to read in it. The message is the documented `indexDetail`."""

    def __init__(self) -> None:
        super().__init__()
        self.message = "Invalid content"
        self.args = (self.message,)
