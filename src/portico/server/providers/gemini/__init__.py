"""The Gemini protocol: `Gemini` speaks to Google AI Studio; the Vertex AI adapter shares its translation."""

from portico.server.providers.gemini.adapter import Gemini

__all__ = ["Gemini"]
