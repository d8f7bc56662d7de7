"""Profiles of RAG assistants: how they are made, changed and shown."""
