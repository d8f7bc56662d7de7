"""Fake providers, one module per native protocol. `FAKES` are the providers, as the catalogue names them, that must
have one, and a suite that plays with it (`test_hard_cases.py`)."""

from __future__ import annotations

FAKES = ("openai", "Anthropic", "gemini", "vertex_ai", "awsbedrock", "cohere", "mistral", "ollama", "azure")
