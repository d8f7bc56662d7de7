"""Azure OpenAI; see `adapter.py`."""

from portico.server.providers.azure.adapter import Azure

__all__ = ["Azure"]
