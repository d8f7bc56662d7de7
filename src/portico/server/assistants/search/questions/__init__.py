"""A question to a RAG assistant: what is searched, what the model is told, and what the caller gets."""
