"""What only this room can say."""

from __future__ import annotations

from portico.server.errors import ContentUnreadable, PorticoError, ProviderError


class NoText(ContentUnreadable):
    """The file is whole, and there is nothing to read in it. The message is the documented `indexDetail`."""

    def __init__(self) -> None:
        super().__init__()
        self.message = "Invalid content"
        self.args = (self.message,)


def name_model(error: PorticoError, task: str, model: str) -> None:
    """Says in the error of a provider which model has failed, and what to do. Who asks a RAG assistant has named none,
    and several work for one answer."""
    if isinstance(error, ProviderError):
        then = "Try again in a moment" if error.retryable else "Check its settings and the key of its provider"
        error.message = f"The {task} model {model} has failed: {error.message.rstrip('.')}. {then}."
