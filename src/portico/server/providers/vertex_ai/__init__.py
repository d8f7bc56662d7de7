"""Google's Vertex AI as a provider; see `adapter.py`."""

from portico.server.providers.vertex_ai.adapter import VertexAI

__all__ = ["VertexAI"]
